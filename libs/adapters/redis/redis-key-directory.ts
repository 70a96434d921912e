import { randomBytes } from 'node:crypto';
import { KeymeterError } from '#domain/errors.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { epochLost, lossIn, RunEpoch } from './epoch.js';
import { type Part, partIndex } from './redis-key-layout.js';
import type { ScriptName } from './redis-key-scripts.js';

/**
 * `is`/`no`: the document must be this one / absent. `room`: the part must hold fewer documents than `field` says.
 * `say`: tells the nodes that it has changed.
 */
export type Step =
  | readonly ['is' | 'set', Part, field: string, document: string]
  | readonly ['no' | 'room' | 'del' | 'add' | 'rem' | 'say', Part, field: string];

export interface Committed {
  /** False: a condition did not hold, and nothing was written. */
  readonly done: boolean;
  /** Number of the change that the nodes must confirm: this write's last one, or the newest there is. */
  readonly sequence: number;
  readonly nodes: ReadonlyMap<string, string>;
}

/** Runs a script of the directory on all its keys. Rejects with a KeymeterError. */
export type RunScript = (name: ScriptName, args: readonly string[]) => Promise<unknown>;

/** Believed reads and writes of the directory: each is one script that checks the epoch. */
export class RedisKeyDirectory {
  readonly epoch = new RunEpoch();

  constructor(
    private readonly script: RunScript,
    readonly breaker: CircuitBreaker,
  ) {}

  async run(name: ScriptName, args: readonly string[]): Promise<unknown> {
    const epoch = this.epoch.believed();
    const reply = await this.breaker.run(() => this.script(name, [epoch, ...this.epoch.history, ...args]));
    const loss = lossIn(reply);
    if (loss === undefined) return reply;
    if (this.epoch.id === epoch) this.epoch.lose(loss);
    throw epochLost(loss);
  }

  async commit(steps: readonly Step[]): Promise<Committed> {
    const token = randomBytes(6).toString('base64url');
    const args = steps.flatMap(([verb, part, field, document]) => {
      return [verb, String(partIndex(part)), field, verb === 'say' ? token : (document ?? '')];
    });
    const epoch = this.epoch.id;
    const [done, sequence, nodes] = (await this.run('COMMIT', args)) as [number, string, string[]];
    if (done === 1 && steps.some(([verb]) => verb === 'say')) this.epoch.learn(epoch, Number(sequence), token);
    return { done: done === 1, sequence: Number(sequence), nodes: pairs(nodes) };
  }

  /** Node to `<position> <beat> <lease, ms>`, as in the layout. */
  async nodes(): Promise<ReadonlyMap<string, string>> {
    return pairs((await this.run('NODES', [])) as string[]);
  }

  async fetch(wanted: readonly (readonly [Part, field: string])[]): Promise<(string | undefined)[]> {
    if (wanted.length === 0) return [];
    const args = wanted.flatMap(([part, field]) => [String(partIndex(part)), field]);
    return ((await this.run('FETCH', args)) as string[]).map((document) => document || undefined);
  }

  async find<T>(part: Part, field: string): Promise<T | undefined> {
    const [document] = await this.fetch([[part, field]]);
    return document === undefined ? undefined : (JSON.parse(document) as T);
  }

  async range(part: Part, from: string, to: string, limit: number, order: 'up' | 'down' = 'up'): Promise<string[]> {
    return (await this.run('RANGE', [String(partIndex(part)), from, to, String(limit), order])) as string[];
  }

  /** Ids of a part by the page, each at least once if it was there all the time. */
  async *ids(part: Part, atOnce: number): AsyncGenerator<readonly string[]> {
    for (let cursor = '0', begun = false; !begun || cursor !== '0'; begun = true) {
      const reply = await this.run('SCAN', [String(partIndex(part)), cursor, String(atOnce)]);
      const [next, ids] = reply as [string, string[]];
      if (ids.length > 0) yield ids;
      cursor = next;
    }
  }

  async values(part: Part): Promise<string[]> {
    return (await this.run('VALUES', [String(partIndex(part))])) as string[];
  }
}

const MAX_TRIES = 100;

/** Repeats an optimistic write until no other writer was faster. */
export async function untilDone<T>(attempt: () => Promise<T | 'overtaken'>): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const outcome = await attempt();
    if (outcome !== 'overtaken') return outcome as T;
  }
  throw new KeymeterError('STORE_UNAVAILABLE', 'Too many writers change the same record', { retryable: true });
}

function pairs(flat: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) map.set(flat[at] as string, flat[at + 1] as string);
  return map;
}
