/**
 * Sends batches until the server has them, not until it has decided what is new. Repeating is safe: an event id counts once. A busy server (503, 429) is
 * waited for without end, an unreachable or failing one for a number of attempts; what the server refuses for good
 * comes back as refused lines.
 */
import type { CliContext } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { type ApiClient, type ApiResponse, refusal } from '../http/api-client.js';
import { parseProblem, problemText, refusedItems } from '../http/problem-text.js';
import { addOutcome, type BatchOutcome, countedOutcome, emptyOutcome, undecidedOutcome } from './batch-outcome.js';
import type { EventBatch } from './event-batch.js';
import { isTransient, retryPauseMs } from './retry-pause.js';

/** Attempts at an unreachable or failing server: with the pauses below about two minutes. */
const MAX_FAILURES = 10;
/** A server that does not know respond-async waits for its decision; longer than its own bound. */
const TIMEOUT_MS = 120_000;
/** The root key goes along with the question: nowhere but to this place of this server. */
const OUTCOME_PATH = /^\/api\/v1\/events\/outcomes(?:\/\d{1,5}\/\d{1,16}|\?rows=[\d:,-]{1,8000})$/;

/** All batches under way meet the same trouble; one of them telling it is enough. */
const NOTICE_EVERY_MS = 1_000;

export class BatchSender {
  #noticedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly api: ApiClient,
    private readonly context: CliContext,
    private readonly notice: (text: string) => void,
  ) {}

  async send(batch: EventBatch): Promise<BatchOutcome> {
    if (batch.size === 0) return emptyOutcome();
    const response = await this.#answer(batch.body());
    if (response.status >= 200 && response.status < 300) return outcomeOf(response, batch.size);
    if (response.status === 413 && batch.size > 1) return this.#halves(batch);
    if (response.status === 400 || response.status === 413) return this.#withoutRefused(batch, response);
    throw refusal(response, this.api.login.rootKey !== undefined);
  }

  /** The first answer that is not "later": everything else is repeated with growing, jittered pauses. */
  async #answer(rawBody: Uint8Array): Promise<ApiResponse> {
    for (let attempt = 1, failures = 0; ; attempt++) {
      const response = await this.#post(rawBody, failures);
      const status = response?.status;
      if (response !== undefined && !isTransient(response.status)) return response;
      if (status !== 503 && status !== 429) failures++;
      if (response !== undefined && failures >= MAX_FAILURES) return response;
      const retryAfter = response?.headers.get('retry-after') ?? null;
      const pauseMs = retryPauseMs(attempt, retryAfter, this.context.random());
      this.#tell(status === undefined ? 'the server is unreachable' : `the server answers ${status}`, pauseMs);
      if (!this.context.interrupt.aborted) await this.context.sleep(pauseMs);
      if (this.context.interrupt.aborted) throw new CliError(EXIT.failed, 'interrupted while the server was away');
    }
  }

  /** Undefined where there was no answer and another attempt is allowed. */
  async #post(rawBody: Uint8Array, failures: number): Promise<ApiResponse | undefined> {
    try {
      return await this.api.send('POST', '/api/v1/events', {
        rawBody,
        headers: { 'Content-Type': 'application/cloudevents-batch+json', Prefer: 'respond-async, keymeter-counts' },
        timeoutMs: TIMEOUT_MS,
      });
    } catch (error) {
      const lost = error instanceof CliError && error.exitCode === EXIT.unreachable;
      if (!lost || failures + 1 >= MAX_FAILURES) throw error;
      return undefined;
    }
  }

  #tell(trouble: string, pauseMs: number): void {
    const now = this.context.clock.monotonic();
    if (now - this.#noticedAt < NOTICE_EVERY_MS) return;
    this.#noticedAt = now;
    this.notice(`${trouble}; waiting ${(pauseMs / 1000).toFixed(1)} s before the next attempt`);
  }

  async #halves(batch: EventBatch): Promise<BatchOutcome> {
    const middle = batch.size >> 1;
    const sum = await this.send(batch.filter((index) => index < middle));
    addOutcome(sum, await this.send(batch.filter((index) => index >= middle)));
    return sum;
  }

  /** A batch is refused whole: name the bad events, send the others again. */
  async #withoutRefused(batch: EventBatch, response: ApiResponse): Promise<BatchOutcome> {
    const problem = parseProblem(response.body);
    const items = refusedItems(problem).filter((item) => batch.lineAt(item.index) !== undefined);
    if (items.length === 0) {
      // Without names the bad event is found by halving, so that one never stops the rest.
      if (batch.size > 1) return this.#halves(batch);
      items.push({ index: 0, reason: problemText(response.status, problem) });
    }
    const bad = new Set(items.map((item) => item.index));
    const sum = await this.send(batch.filter((index) => !bad.has(index)));
    for (const { index, reason } of items) sum.refused.push({ number: batch.lineAt(index) as number, reason });
    return sum;
  }
}

function outcomeOf(response: ApiResponse, sent: number): BatchOutcome {
  const position = response.headers.get('keymeter-position') ?? undefined;
  if (response.status === 200) return { ...countedOutcome(response.body, sent), position };
  const path = response.headers.get('location') ?? '';
  if (response.status !== 202 || !OUTCOME_PATH.test(path)) return { ...undecidedOutcome(sent), position };
  return { ...emptyOutcome(), stored: [{ path, count: sent }], position };
}
