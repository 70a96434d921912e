/**
 * Verifications on several nodes from within this process, each verdict with the moment it was asked for: for suites
 * that compare it with the moment at which another call returned. Rates are those of a process that has other work too.
 */
import { HttpConnection } from './http-connection.js';
import { requestText } from './load-plan.js';

export interface Verdict {
  /** Index of the node, and of the key. */
  readonly node: number;
  readonly key: number;
  /** By performance.now(). */
  readonly begunAt: number;
  readonly endedAt: number;
  readonly code: string;
}

export interface VerdictPlan {
  readonly urls: readonly string[];
  readonly rootKey: string;
  /** Verified in turn. */
  readonly keys: readonly string[];
  /** Of each node. */
  readonly connections: number;
  /** Over all nodes, spread evenly; absent: each connection asks as soon as it is answered. */
  readonly ratePerSecond?: number;
  /** Returns false when the connection has asked enough. */
  readonly onVerdict: (verdict: Verdict) => boolean;
}

interface Lane {
  readonly node: number;
  readonly connection: HttpConnection;
  key: number;
  begunAt: number;
}

const CODE = /"code":"([A-Z_]+)"/;
const HEADER_BYTES = 1_000; // code comes first in the body

export class VerdictLoad {
  readonly #requests: readonly Buffer[];
  readonly #lanes: Lane[] = [];
  readonly #free: Lane[] = [];
  #asked = 0;
  #answered = 0;
  #underWay = 0;
  #stopped = false;
  #pace: NodeJS.Timeout | undefined;
  readonly #startedAt = performance.now();
  #end: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  /** Resolves when no connection asks any more. */
  readonly ended = new Promise<void>((resolve, reject) => {
    this.#end = resolve;
    this.#fail = reject;
  });

  private constructor(private readonly plan: VerdictPlan) {
    const { rootKey, keys } = plan;
    this.#requests = keys.map((key) =>
      Buffer.from(requestText({ path: '/v2/keys.verifyKey', rootKey, body: JSON.stringify({ key }) })),
    );
    this.ended.catch(() => undefined); // thrown to whoever awaits it
  }

  static async start(plan: VerdictPlan): Promise<VerdictLoad> {
    const load = new VerdictLoad(plan);
    for (let i = 0; i < plan.connections; i++) {
      for (let node = 0; node < plan.urls.length; node++) await load.#open(node);
    }
    if (plan.ratePerSecond === undefined) for (const lane of load.#lanes) load.#ask(lane);
    else load.#pace = setInterval(() => load.#askDue(plan.ratePerSecond as number), 1);
    return load;
  }

  get answers(): number {
    return this.#answered;
  }

  get perSecond(): number {
    return (this.#answered / (performance.now() - this.#startedAt)) * 1_000;
  }

  /** Resolves when everything asked is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#pace);
    if (this.#underWay === 0) this.#end();
    await this.ended;
    this.close();
  }

  close(): void {
    for (const { connection } of this.#lanes) connection.close();
  }

  async #open(node: number): Promise<void> {
    let lane: Lane | undefined;
    const url = this.plan.urls[node] as string;
    const answered = (status: number, answer: Buffer) => lane && this.#answeredBy(lane, status, answer);
    const connection = await HttpConnection.open(url, answered, (error) => this.#fail(error));
    lane = { node, connection, key: 0, begunAt: 0 };
    this.#lanes.push(lane);
    this.#free.push(lane);
  }

  #ask(lane: Lane): void {
    lane.key = this.#asked++ % this.#requests.length;
    this.#underWay++;
    lane.begunAt = performance.now();
    lane.connection.send(this.#requests[lane.key] as Buffer);
  }

  #askDue(ratePerSecond: number): void {
    const due = ((performance.now() - this.#startedAt) / 1_000) * ratePerSecond;
    while (this.#asked < due) {
      const lane = this.#free.shift();
      if (!lane) return; // all are waiting: the rate is not reached, which `perSecond` shows
      this.#ask(lane);
    }
  }

  #answeredBy(lane: Lane, status: number, answer: Buffer): void {
    this.#underWay--;
    this.#answered++;
    const { node, key, begunAt } = lane;
    const text = answer.toString('latin1', 0, HEADER_BYTES);
    const code = status === 200 ? (CODE.exec(text)?.[1] ?? 'none') : String(status);
    const more = this.plan.onVerdict({ node, key, begunAt, endedAt: performance.now(), code });
    if (more && !this.#stopped) {
      if (this.plan.ratePerSecond === undefined) this.#ask(lane);
      else this.#free.push(lane);
    } else if (this.#underWay === 0) this.#end();
  }
}
