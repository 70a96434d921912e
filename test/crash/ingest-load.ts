/** Sends usage events: new, late, repeated on purpose, repeated after a lost answer, and in conflict with older ones. */
import type { Draw } from './draw.js';
import type { HttpCaller } from './http-caller.js';
import type { Ledger, Outcome, Sent, SentEvent } from './ledger.js';
import { failureOf, isSuccess, type Target } from './target.js';

export const USAGE_TYPE = 'crash.usage';
export const USAGE_SOURCE = 'crash/load';
const MAX_REMEMBERED = 2_000;
const HOUR_MS = 3_600_000;

export function cloudEvent({ id, source, subject, time, value, bytes, plan }: SentEvent): object {
  const when = new Date(time).toISOString();
  return { specversion: '1.0', id, source, type: USAGE_TYPE, subject, time: when, data: { value, bytes, plan } };
}

export class IngestLoad {
  readonly #acknowledged: SentEvent[] = [];
  readonly #inDoubt: { readonly events: readonly SentEvent[]; readonly sentTo: Target }[] = [];
  #ids = 0;

  constructor(
    private readonly ledger: Ledger,
    private readonly draw: Draw,
    /** Of many, none tells what became of single events, and what is in doubt is sent again to another one. */
    private readonly options: { readonly manyTargets: boolean },
  ) {}

  async step(target: Target): Promise<void> {
    const caller = await target.caller();
    if (!caller) return;
    const { kind, events } = this.#next(target);
    const outcome = await this.#send(caller, kind, events);
    if (outcome.outcome === 'acknowledged' && kind !== 'conflict') this.#remember(events);
    // A third of what is in doubt is sent again; the rest stays in doubt for the oracle.
    if (outcome.outcome === 'unknown' && kind !== 'conflict' && this.draw.chance(1 / 3))
      this.#inDoubt.push({ events: [...events], sentTo: target });
  }

  #next(target: Target): { kind: Extract<Sent, { op: 'ingest' }>['kind']; events: readonly SentEvent[] } {
    const { manyTargets } = this.options;
    const doubtful = this.#inDoubt.findIndex(({ sentTo }) => !manyTargets || sentTo !== target);
    if (doubtful >= 0) return { kind: 'retry', events: this.#inDoubt.splice(doubtful, 1)[0]?.events ?? [] };
    const known = this.#acknowledged;
    if (known.length > 10 && this.draw.chance(0.12))
      return { kind: 'repeat', events: [this.draw.of(known), this.draw.of(known)] };
    if (known.length > 10 && this.draw.chance(0.06)) {
      const event = this.draw.of(known);
      return { kind: 'conflict', events: [{ ...event, value: event.value + 1_000 }] };
    }
    const count = this.draw.chance(0.5) ? 1 : this.draw.whole(2, 25);
    const events = Array.from({ length: count }, () => this.#event());
    if (count > 5 && this.draw.chance(0.1)) events.push(events[0] as SentEvent); // the same event twice in one batch
    return { kind: 'new', events };
  }

  #event(): SentEvent {
    const { draw } = this;
    return {
      id: `e${++this.#ids}`,
      source: USAGE_SOURCE,
      subject: `team-${draw.zipf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])}`,
      time: Date.now() - this.#age(),
      value: draw.whole(1, 100),
      bytes: draw.whole(0, 100_000),
      plan: draw.of(['free', 'pro', 'max']),
    };
  }

  #age(): number {
    const { draw } = this;
    if (draw.chance(0.7)) return draw.whole(0, 2_000);
    if (draw.chance(0.7)) return draw.whole(0, 6 * HOUR_MS);
    return draw.of([34, 36]) * 24 * HOUR_MS + draw.whole(0, HOUR_MS);
  }

  async #send(
    caller: HttpCaller,
    kind: Extract<Sent, { op: 'ingest' }>['kind'],
    events: readonly SentEvent[],
  ): Promise<Outcome> {
    const settle = this.ledger.before({ op: 'ingest', kind, events });
    const batch = events.length > 1;
    const body = batch ? events.map(cloudEvent) : cloudEvent(events[0] as SentEvent);
    const headers = {
      'content-type': batch ? 'application/cloudevents-batch+json' : 'application/cloudevents+json',
      ...(!this.options.manyTargets && this.draw.chance(0.15) ? { prefer: 'return=representation' } : {}),
    };
    const result = await caller.post('/api/v1/events', body, headers);
    const outcome: Outcome = isSuccess(result)
      ? { outcome: 'acknowledged', fates: result.status === 200 ? fatesIn(result.text) : undefined }
      : failureOf(result);
    settle(outcome);
    return outcome;
  }

  #remember(events: readonly SentEvent[]): void {
    this.#acknowledged.push(...events);
    if (this.#acknowledged.length > MAX_REMEMBERED) this.#acknowledged.splice(0, MAX_REMEMBERED / 2);
  }
}

function fatesIn(text: string): string[] {
  return (JSON.parse(text) as { events: { status: string }[] }).events.map(({ status }) => status);
}
