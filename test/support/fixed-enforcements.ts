import { type Enforcement, isActive, type Per } from '#domain/policies/enforcement.js';
import { EnforcementStore } from '#ports/enforcement-store.js';

/** Enforcements in memory, for tests of what they do to verifications. */
export class FixedEnforcements extends EnforcementStore {
  #all: Enforcement[] = [];

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    this.#all.push(enforcement);
    return 'created';
  }

  async lift(id: string): Promise<Enforcement | undefined> {
    const lifted = this.#all.find((it) => it.id === id);
    this.#all = this.#all.filter((it) => it !== lifted);
    return lifted;
  }

  async obeyed(id: string, at: number): Promise<boolean> {
    const found = this.#all.find((it) => it.id === id && it.obeyedAt === undefined);
    this.#all = this.#all.map((it) => (it === found ? { ...it, obeyedAt: at } : it));
    return found !== undefined;
  }

  async find(id: string): Promise<Enforcement | undefined> {
    return this.#all.find((it) => it.id === id);
  }

  async list(): Promise<Enforcement[]> {
    return this.#all;
  }

  activeFor(per: Per, value: string, now: number): readonly Enforcement[] {
    return this.#all.filter((it) => it.target.per === per && it.target.value === value && isActive(it, now));
  }
}

export function enforcementOf(changes: Partial<Enforcement> & Pick<Enforcement, 'target' | 'action'>): Enforcement {
  return {
    id: 'enf_1',
    policyId: 'pol_1',
    policyName: 'too fast',
    policyVersion: 1,
    mode: 'on',
    window: { kind: 'sliding', start: 0, end: 60_000 },
    value: 11,
    threshold: 10,
    cause: { partition: 0, offset: 1, index: 0 },
    events: [],
    eventCount: 11,
    begin: 0,
    until: null,
    ...changes,
  };
}
