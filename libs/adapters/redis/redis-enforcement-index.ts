import type { Enforcement, Per } from '#domain/policies/enforcement.js';
import type { Clock } from '#ports/clock.js';
import { ActiveEnforcements } from '../lmdb/active-enforcements.js';
import type { Change, DirectoryMirror } from './node-lease.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

const PAGE = 200;

/** This node's copy of what holds a target now. */
export class RedisEnforcementIndex implements DirectoryMirror {
  #active = new ActiveEnforcements();

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly clock: Clock,
  ) {}

  at(per: Per, value: string, now: number): readonly Enforcement[] {
    return this.#active.at(per, value, now);
  }

  forget(): void {
    this.#active = new ActiveEnforcements();
  }

  async load(): Promise<void> {
    for (let from = '-'; ; ) {
      const ids = await this.directory.range('holding', from, '+', PAGE);
      for (const text of await this.directory.fetch(ids.map((id) => ['enforcements', id] as const))) this.#take(text);
      if (ids.length < PAGE) return;
      from = `(${ids.at(-1)}`;
    }
  }

  apply({ part, document }: Change): void {
    if (part === 'enforcements') this.#take(document);
  }

  #take(document: string | undefined): void {
    if (document !== undefined) this.#active.refresh(JSON.parse(document) as Enforcement, this.clock.now());
  }
}
