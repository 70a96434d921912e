/** Sends a plan's requests over its connections and measures the answers. */
import { HttpConnection } from './http-connection.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { LoadPlan, LoadResult } from './load-plan.js';
import { RequestSource } from './request-source.js';

interface Lane {
  readonly connection: HttpConnection;
  readonly index: number;
  /** When the request under way was sent, or was due where the plan has a rate: waiting for a lane counts. */
  since: number;
}

export class LoadLoop {
  readonly #histogram = new LatencyHistogram();
  readonly #source: RequestSource;
  readonly #expected: Buffer;
  readonly #free: Lane[] = [];
  #measuring = false;
  #stopped = false;
  /** The grid of a plan with a rate: its begin, and the next place on it. */
  #start = 0;
  #due = 0;
  #allAnswers = 0;
  #wrong = 0;
  #firstWrong: string | undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(
    private readonly plan: LoadPlan,
    firstNumber: number,
  ) {
    this.#source = new RequestSource(plan.requests, firstNumber);
    this.#expected = Buffer.from(plan.expected);
  }

  async run(): Promise<LoadResult> {
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const lanes = await this.#open();
    try {
      return await Promise.race([failed, this.#measure(lanes)]);
    } finally {
      for (const { connection } of lanes) connection.close();
    }
  }

  async #measure(lanes: readonly Lane[]): Promise<LoadResult> {
    const { warmUpMs, durationMs, ratePerSecond } = this.plan;
    if (ratePerSecond === undefined) for (const lane of lanes) this.#send(lane, performance.now());
    else this.#pace(ratePerSecond);
    await elapsed(warmUpMs);
    this.#measuring = true;
    const start = performance.now();
    await elapsed(durationMs);
    this.#measuring = false;
    this.#stopped = true;
    return this.#result(performance.now() - start);
  }

  #open(): Promise<Lane[]> {
    const opening = Array.from({ length: this.plan.connections }, async (_, index) => {
      let lane: Lane | undefined;
      const answered = (status: number, answer: Buffer) => lane && this.#answered(lane, status, answer);
      const connection = await HttpConnection.open(this.plan.url, answered, (error) => this.#fail(error));
      lane = { connection, index, since: 0 };
      this.#free.push(lane);
      return lane;
    });
    return Promise.all(opening);
  }

  #send(lane: Lane, since: number): void {
    lane.since = since;
    lane.connection.send(this.#source.nextFor(lane.index));
  }

  #answered(lane: Lane, status: number, answer: Buffer): void {
    const now = performance.now();
    this.#allAnswers++;
    if (this.#measuring) this.#histogram.add(now - lane.since);
    if (status > 299 || !answer.includes(this.#expected)) this.#note(answer);
    if (this.#stopped) return;
    if (this.plan.ratePerSecond === undefined) this.#send(lane, now);
    else {
      this.#free.push(lane);
      this.#sendDue(this.plan.ratePerSecond);
    }
  }

  /** Requests fall due on a fixed grid; a late one is timed from when it was due. */
  #pace(ratePerSecond: number): void {
    this.#start = performance.now();
    const tick = () => {
      if (this.#stopped) return;
      this.#sendDue(ratePerSecond);
      setTimeout(tick, 1);
    };
    tick();
  }

  #sendDue(ratePerSecond: number): void {
    const now = performance.now();
    for (;;) {
      const dueAt = this.#start + (this.#due / ratePerSecond) * 1_000;
      const lane = dueAt <= now ? this.#free.pop() : undefined;
      if (!lane) return;
      this.#due++;
      this.#send(lane, dueAt);
    }
  }

  #note(answer: Buffer): void {
    this.#wrong++;
    this.#firstWrong ??= answer.toString('utf8', 0, 1_000);
  }

  #result(tookMs: number): LoadResult {
    const answers = this.#histogram.count;
    return {
      answers,
      allAnswers: this.#allAnswers,
      wrong: this.#wrong,
      firstWrong: this.#firstWrong,
      perSecond: (answers / tookMs) * 1_000,
      p50Ms: this.#histogram.percentileMs(0.5),
      p99Ms: this.#histogram.percentileMs(0.99),
      maxMs: this.#histogram.maxMs,
    };
  }
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
