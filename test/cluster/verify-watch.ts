/** Verifications one after the other on both ingresses, each with what came back: for what must never be said. */
import type { HttpCaller } from '../crash/http-caller.js';
import type { Cluster } from './cluster.js';

export interface Seen {
  readonly name: string;
  readonly ingress: number;
  /** The verdict's code; else the status, or what broke. */
  readonly said: string;
  readonly retryAfter: boolean;
  /** Milliseconds since the epoch at which it was sent. */
  readonly sentAt: number;
}

export async function verifyOnce(cluster: Cluster, ingress: number, name: string, key: string): Promise<Seen> {
  const sentAt = Date.now();
  const caller = cluster.ingress[ingress] as HttpCaller;
  const result = await caller.post('/v2/keys.verifyKey', { key });
  if (result.kind === 'lost') return { name, ingress, said: result.reason, retryAfter: false, sentAt };
  const retryAfter = result.headers['retry-after'] !== undefined;
  const said = result.status === 200 ? JSON.parse(result.text).data.code : String(result.status);
  return { name, ingress, said, retryAfter, sentAt };
}

export class VerifyWatch {
  readonly seen: Seen[] = [];
  #stopped = false;
  readonly #lanes: Promise<void>[];

  constructor(
    private readonly cluster: Cluster,
    private readonly keys: Readonly<Record<string, string>>,
  ) {
    this.#lanes = [0, 1].map((ingress) => this.#lane(ingress));
  }

  async stop(): Promise<readonly Seen[]> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
    return this.seen;
  }

  /** `{ name: { code: count } }` */
  static tally(seen: readonly Seen[]): Record<string, Record<string, number>> {
    const tally: Record<string, Record<string, number>> = {};
    for (const { name, said } of seen) {
      const codes = tally[name] ?? {};
      tally[name] = { ...codes, [said]: (codes[said] ?? 0) + 1 };
    }
    return tally;
  }

  async #lane(ingress: number): Promise<void> {
    while (!this.#stopped) {
      for (const [name, key] of Object.entries(this.keys)) {
        if (!this.#stopped) this.seen.push(await verifyOnce(this.cluster, ingress, name, key));
      }
    }
  }
}
