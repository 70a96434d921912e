import { type Enforcement, isActive, type Per } from '#domain/policies/enforcement.js';
import type { Clock } from '#ports/clock.js';
import type { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { type EnforcementFilter, EnforcementStore, passesFilter } from '#ports/enforcement-store.js';
import type { EnforcementSwitch, SwitchState } from '#ports/enforcement-switch.js';
import type { NodeLease } from './node-lease.js';
import { ENFORCEMENT_SWITCH, type RedisEnforcementIndex } from './redis-enforcement-index.js';
import { behindText, enforcementIdOf, listRange, listTexts } from './redis-enforcement-lists.js';
import { type RedisKeyDirectory, type Step, untilDone } from './redis-key-directory.js';
import type { RedisKeyWriter } from './redis-key-writer.js';

const READ_AT_ONCE = 200;

/**
 * Enforcements in Redis, written once by id. Every node has those that hold somebody in memory, and a call returns
 * when each of them has heard of it, or has no lease from before.
 */
export class RedisEnforcementStore extends EnforcementStore implements EnforcementOutbox, EnforcementSwitch {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly lease: NodeLease,
    private readonly writer: RedisKeyWriter,
    private readonly index: RedisEnforcementIndex,
    private readonly clock: Clock,
  ) {
    super();
  }

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    const { id } = enforcement;
    const holds = isActive(enforcement, this.clock.now());
    const steps: Step[] = [
      ['no', 'enforcements', id],
      ['set', 'enforcements', id, JSON.stringify(enforcement)],
      ...listTexts(enforcement).map((text): Step => ['add', 'enforcement-lists', text]),
      ['add', 'outbox', id],
      ...(holds ? ([['add', 'holding', id]] as const) : []),
      ['say', 'enforcements', id],
    ];
    if ((await this.writer.announce(steps)).done) return 'created';
    await this.writer.caughtUp('enforcement', id); // the call that created it may have died waiting for the nodes
    return 'known';
  }

  lift(id: string, lifted: NonNullable<Enforcement['lifted']>): Promise<Enforcement | undefined> {
    return untilDone(async () => {
      const [stored] = await this.directory.fetch([['enforcements', id]]);
      const current = stored === undefined ? undefined : (JSON.parse(stored) as Enforcement);
      if (stored === undefined || !current) return undefined;
      if (current.lifted) {
        await this.writer.caughtUp('enforcement', id);
        return current;
      }
      const next: Enforcement = { ...current, lifted };
      const { done } = await this.writer.announce([
        ['is', 'enforcements', id, stored],
        ['set', 'enforcements', id, JSON.stringify(next)],
        ['rem', 'holding', id],
        ['say', 'enforcements', id],
      ]);
      return done ? next : 'overtaken';
    });
  }

  obeyed(id: string, at: number): Promise<boolean> {
    return untilDone(async () => {
      const [stored] = await this.directory.fetch([['enforcements', id]]);
      const current = stored === undefined ? undefined : (JSON.parse(stored) as Enforcement);
      if (stored === undefined || !current || current.obeyedAt !== undefined) return false;
      const { done } = await this.writer.write([
        ['is', 'enforcements', id, stored],
        ['set', 'enforcements', id, JSON.stringify({ ...current, obeyedAt: at })],
      ]);
      return done || 'overtaken';
    });
  }

  find(id: string): Promise<Enforcement | undefined> {
    return this.directory.find<Enforcement>('enforcements', id);
  }

  async list(filter: EnforcementFilter): Promise<Enforcement[]> {
    const after = filter.after === undefined ? undefined : await this.find(filter.after);
    let [from, to] = listRange(filter, after);
    const found: Enforcement[] = [];
    for (;;) {
      const texts = await this.directory.range('enforcement-lists', from, to, READ_AT_ONCE, 'down');
      for (const enforcement of await this.#read(texts.map(enforcementIdOf))) {
        if (passesFilter(enforcement, filter)) found.push(enforcement);
        if (found.length === filter.limit) return found;
      }
      if (texts.length < READ_AT_ONCE) return found;
      from = behindText(texts.at(-1) as string);
    }
  }

  activeFor(per: Per, value: string, now: number): readonly Enforcement[] {
    this.lease.demand();
    return this.index.at(per, value, now);
  }

  state(): Promise<SwitchState | undefined> {
    return this.directory.find<SwitchState>('switches', ENFORCEMENT_SWITCH);
  }

  async turn(next: SwitchState, before: SwitchState | undefined): Promise<boolean> {
    const [stored] = await this.directory.fetch([['switches', ENFORCEMENT_SWITCH]]);
    if (stored !== (before && JSON.stringify(before))) return false;
    const { done } = await this.writer.announce([
      stored === undefined ? ['no', 'switches', ENFORCEMENT_SWITCH] : ['is', 'switches', ENFORCEMENT_SWITCH, stored],
      ['set', 'switches', ENFORCEMENT_SWITCH, JSON.stringify(next)],
      ['say', 'switches', ENFORCEMENT_SWITCH],
    ]);
    return done;
  }

  async unrecorded(limit: number): Promise<Enforcement[]> {
    return this.#read(await this.directory.range('outbox', '-', '+', limit));
  }

  async isUnrecorded(id: string): Promise<boolean> {
    return (await this.directory.range('outbox', `[${id}`, `[${id}`, 1)).length > 0;
  }

  async recorded(id: string): Promise<void> {
    await this.directory.commit([['rem', 'outbox', id]]);
  }

  async #read(ids: readonly string[]): Promise<Enforcement[]> {
    const documents = await this.directory.fetch(ids.map((id) => ['enforcements', id] as const));
    return documents.filter((text) => text !== undefined).map((text) => JSON.parse(text) as Enforcement);
  }
}
