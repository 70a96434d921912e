/** Calls one after the other in several lanes, each with when it was begun and what came back: for what must never be said. */
import type { CallResult, HttpCaller } from '../crash/http-caller.js';

export interface Probe {
  readonly name: string;
  /** Which process is asked. */
  readonly node: string;
  ask(): Promise<CallResult>;
}

export interface Said {
  readonly name: string;
  readonly node: string;
  /** The verdict's code; for other calls the status; else what broke. */
  readonly said: string;
  readonly retryAfter: boolean;
  /** By performance.now(): when it was sent, and when its answer had been read. */
  readonly begunAt: number;
  readonly endedAt: number;
}

export function verification(node: string, caller: HttpCaller, name: string, key: string): Probe {
  return { name, node, ask: () => caller.post('/v2/keys.verifyKey', { key }) };
}

export async function askOnce({ name, node, ask }: Probe): Promise<Said> {
  const begunAt = performance.now();
  const result = await ask();
  const endedAt = performance.now();
  if (result.kind === 'lost') return { name, node, said: result.reason, retryAfter: false, begunAt, endedAt };
  const retryAfter = Number(result.headers['retry-after']) > 0;
  return { name, node, said: codeOf(result.text) ?? String(result.status), retryAfter, begunAt, endedAt };
}

export class CallWatch {
  readonly seen: Said[] = [];
  #stopped = false;
  readonly #lanes: readonly Promise<void>[];

  /** Probes may join and leave a lane's set while it runs. */
  constructor(lanes: readonly ReadonlySet<Probe>[]) {
    this.#lanes = lanes.map((probes) => this.#run(probes));
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<readonly Said[]> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
    return this.seen;
  }

  /** `{ name: { said: count } }` */
  tally(): Record<string, Record<string, number>> {
    const tally: Record<string, Record<string, number>> = {};
    for (const { name, said } of this.seen) {
      tally[name] ??= {};
      tally[name][said] = (tally[name][said] ?? 0) + 1;
    }
    return tally;
  }

  async #run(probes: ReadonlySet<Probe>): Promise<void> {
    while (!this.#stopped) {
      for (const probe of probes) if (!this.#stopped) this.seen.push(await askOnce(probe));
      if (probes.size === 0) await new Promise(setImmediate);
    }
  }
}

/** Of a verification that was answered with a verdict. */
function codeOf(text: string): string | undefined {
  return /"data":\{"valid":(?:true|false),"code":"([A-Z_]+)"/.exec(text)?.[1];
}
