import { type Enforcement, isActive, type Per } from '#domain/policies/enforcement.js';
import type { Clock } from '#ports/clock.js';
import type { SwitchState } from '#ports/enforcement-switch.js';
import { ActiveEnforcements } from '../lmdb/active-enforcements.js';
import type { Change, DirectoryMirror } from './node-lease.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

/** Field of the part `switches`. */
export const ENFORCEMENT_SWITCH = 'enforcement';
const NONE: readonly Enforcement[] = [];
const PAGE = 200;
/** Clocks of nodes differ: what has ended for longer than this has ended on all of them. */
const OVER_MS = 24 * 3_600_000;

/** This node's copy of what holds a target now. */
export class RedisEnforcementIndex implements DirectoryMirror {
  #active = new ActiveEnforcements();
  /** All enforcement is paused, as far as this node has heard. */
  #isPaused = false;
  /** Forgotten, and not read anew yet. */
  #before: ActiveEnforcements | undefined;

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly clock: Clock,
  ) {}

  at(per: Per, value: string, now: number): readonly Enforcement[] {
    return this.#isPaused ? NONE : this.#active.at(per, value, now);
  }

  /** Whether the lease holds or not. */
  lastKnown(per: Per, value: string, now: number): readonly Enforcement[] {
    return this.#isPaused ? NONE : (this.#before ?? this.#active).at(per, value, now);
  }

  renewed(): void {
    this.#before = undefined;
  }

  forget(): void {
    this.#before ??= this.#active;
    this.#active = new ActiveEnforcements();
  }

  async load(): Promise<void> {
    this.#turn((await this.directory.fetch([['switches', ENFORCEMENT_SWITCH]]))[0]);
    for (let from = '-'; ; ) {
      const ids = await this.directory.range('holding', from, '+', PAGE);
      const documents = await this.directory.fetch(ids.map((id) => ['enforcements', id] as const));
      for (const document of documents) this.#take(document);
      await this.#forgetOver(documents);
      if (ids.length < PAGE) return;
      from = `(${ids.at(-1)}`;
    }
  }

  apply({ part, document }: Change): void {
    if (part === 'enforcements') this.#take(document);
    else if (part === 'switches') this.#turn(document);
  }

  /** What has ended need not be read at the next start. */
  async #forgetOver(documents: readonly (string | undefined)[]): Promise<void> {
    const then = this.clock.now() - OVER_MS;
    const read = documents.flatMap((text) => (text === undefined ? [] : [JSON.parse(text) as Enforcement]));
    const over = read.filter((enforcement) => !isActive(enforcement, then));
    if (over.length > 0) await this.directory.commit(over.map(({ id }) => ['rem', 'holding', id] as const));
  }

  #turn(document: string | undefined): void {
    this.#isPaused = document !== undefined && (JSON.parse(document) as SwitchState).isPaused;
  }

  #take(document: string | undefined): void {
    if (document !== undefined) this.#active.refresh(JSON.parse(document) as Enforcement, this.clock.now());
  }
}
