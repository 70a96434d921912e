import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { type Enforcement, isActive, type Per } from '#domain/policies/enforcement.js';
import type { Clock } from '#ports/clock.js';
import type { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { type EnforcementFilter, EnforcementStore, passesFilter } from '#ports/enforcement-store.js';
import type { EnforcementSwitch, SwitchState } from '#ports/enforcement-switch.js';
import { ActiveEnforcements } from './active-enforcements.js';
import { commit } from './commit.js';

/** `[list, begin, id]`; lists are all of them, those of a policy, and those of a target. */
type ListKey = [string, number, string];

const ALL = 'all';
const KEYS_PER_TURN = 200;
const SWITCH = 'enforcement';
const NONE: readonly Enforcement[] = [];

/**
 * Enforcements in LMDB, of the main thread only. The index of active ones is brought up to date before the caller
 * hears that a write is on disk.
 */
export class LmdbEnforcementStore extends EnforcementStore implements EnforcementOutbox, EnforcementSwitch {
  readonly #documents: Database<Enforcement, string>;
  readonly #listed: Database<1, ListKey>;
  readonly #outbox: Database<1, string>;
  /** Ids of those that may still hold their target: a start reads these, not the whole history. */
  readonly #holding: Database<1, string>;
  readonly #switch: Database<SwitchState, string>;
  readonly #active = new ActiveEnforcements();
  #isPaused: boolean;

  constructor(
    private readonly root: RootDatabase,
    private readonly clock: Clock,
  ) {
    super();
    this.#documents = root.openDB<Enforcement, string>({ name: 'enforcements', encoding: 'json' });
    this.#listed = root.openDB({ name: 'enforcement_lists', encoding: 'json' });
    this.#outbox = root.openDB({ name: 'enforcement_outbox', encoding: 'json' });
    this.#holding = root.openDB({ name: 'enforcements_holding', encoding: 'json' });
    this.#switch = root.openDB({ name: 'enforcement_switch', encoding: 'json' });
    this.#isPaused = this.#switch.get(SWITCH)?.isPaused ?? false;
    this.#loadActive(clock.now());
  }

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    const { id } = enforcement;
    const outcome = await commit(this.root, () => {
      if (this.#documents.doesExist(id)) return 'known';
      this.#documents.put(id, enforcement);
      for (const list of listsOf(enforcement)) this.#listed.put([list, enforcement.begin, id], 1);
      this.#outbox.put(id, 1);
      if (isActive(enforcement, this.clock.now())) this.#holding.put(id, 1);
      return 'created';
    });
    this.#refresh(id);
    return outcome;
  }

  async lift(id: string, lifted: NonNullable<Enforcement['lifted']>): Promise<Enforcement | undefined> {
    const stands = await commit(this.root, () => {
      const current = this.#documents.get(id);
      if (current === undefined || current.lifted) return current;
      const next = { ...current, lifted };
      this.#documents.put(id, next);
      this.#holding.remove(id);
      return next;
    });
    this.#refresh(id);
    return stands;
  }

  obeyed(id: string, at: number): Promise<boolean> {
    return commit(this.root, () => {
      const current = this.#documents.get(id);
      if (current === undefined || current.obeyedAt !== undefined) return false;
      this.#documents.put(id, { ...current, obeyedAt: at });
      return true;
    });
  }

  async find(id: string): Promise<Enforcement | undefined> {
    return this.#documents.get(id);
  }

  async list(filter: EnforcementFilter): Promise<Enforcement[]> {
    const list = narrowestList(filter);
    const after = filter.after === undefined ? undefined : this.#documents.get(filter.after);
    const found: Enforcement[] = [];
    let last: ListKey | undefined = after && [list, after.begin, after.id];
    for (;;) {
      const keys = this.#keysBelow(list, last);
      for (const key of keys) {
        const enforcement = this.#documents.get(key[2]);
        if (enforcement && passesFilter(enforcement, filter)) found.push(enforcement);
        if (found.length === filter.limit) return found;
      }
      if (keys.length < KEYS_PER_TURN) return found;
      last = keys.at(-1);
      await setImmediate(); // a filter that few pass must not hold up verifications
    }
  }

  #keysBelow(list: string, last: ListKey | undefined): ListKey[] {
    const start: ListKey = last ?? [list, Number.MAX_VALUE, ''];
    const end: ListKey = [list, -Number.MAX_VALUE, ''];
    return [...this.#listed.getKeys({ start, end, reverse: true, offset: last ? 1 : 0, limit: KEYS_PER_TURN })];
  }

  activeFor(per: Per, value: string, now: number): readonly Enforcement[] {
    return this.#isPaused ? NONE : this.#active.at(per, value, now);
  }

  async state(): Promise<SwitchState | undefined> {
    return this.#switch.get(SWITCH);
  }

  async turn(next: SwitchState, before: SwitchState | undefined): Promise<boolean> {
    const turned = await commit(this.root, () => {
      const current = this.#switch.get(SWITCH);
      if (JSON.stringify(current) !== JSON.stringify(before)) return false;
      this.#switch.put(SWITCH, next);
      return true;
    });
    this.#isPaused = this.#switch.get(SWITCH)?.isPaused ?? false;
    return turned;
  }

  async unrecorded(limit: number): Promise<Enforcement[]> {
    return [...this.#outbox.getKeys({ limit })].map((id) => this.#documents.get(id)).filter((it) => it !== undefined);
  }

  async isUnrecorded(id: string): Promise<boolean> {
    return this.#outbox.doesExist(id);
  }

  async recorded(id: string): Promise<void> {
    await commit(this.root, () => this.#outbox.remove(id));
  }

  /** Forgets on the way what has ended since the last start; a removal lost in a crash is made at the next one. */
  #loadActive(now: number): void {
    for (const id of [...this.#holding.getKeys()]) {
      const enforcement = this.#documents.get(id);
      if (enforcement && isActive(enforcement, now)) this.#active.refresh(enforcement, now);
      else void this.#holding.remove(id);
    }
  }

  /** From what is committed, so that writes that end together leave the index as the last of them says. */
  #refresh(id: string): void {
    const stored = this.#documents.get(id);
    if (stored) this.#active.refresh(stored, this.clock.now());
  }
}

function listsOf({ policyId, target }: Enforcement): string[] {
  return [ALL, policyList(policyId), targetList(target.per, target.value)];
}

function policyList(policyId: string): string {
  return `p ${policyId}`;
}

/** Hashed: a target may be longer than LMDB's keys. */
function targetList(per: Per, value: string): string {
  return `t ${createHash('sha256').update(`${per}\n${value}`).digest('hex')}`;
}

function narrowestList({ per, value, policyId }: EnforcementFilter): string {
  if (per !== undefined && value !== undefined) return targetList(per, value);
  return policyId === undefined ? ALL : policyList(policyId);
}
