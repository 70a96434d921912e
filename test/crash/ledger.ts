/**
 * What the load has sent and what it has read: one line before each request and one after its answer, appended to a
 * file. The load is never killed, so the page cache is durable enough.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface SentEvent {
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  /** Epoch ms. */
  readonly time: number;
  readonly value: number;
  readonly bytes: number;
  readonly plan: string;
}

export type Sent =
  | {
      readonly op: 'ingest';
      readonly events: readonly SentEvent[];
      readonly kind: 'new' | 'retry' | 'repeat' | 'conflict';
    }
  /** `call` names the logical call: repeats under one Idempotency-Key share it. */
  | { readonly op: 'verify'; readonly call: string; readonly keyId: string; readonly cost: number }
  | { readonly op: 'revoke'; readonly keyId: string; readonly by: 'delete' | 'disable' | 'reroll' }
  | { readonly op: 'create' }
  | { readonly op: 'credits'; readonly keyId: string; readonly amount: number };

/**
 * acknowledged: a complete 2xx was read. refused: a complete answer that says nothing was done, or the request never
 * left. unknown: everything else; it may have been done once or not at all.
 */
export type Outcome =
  | {
      readonly outcome: 'acknowledged';
      readonly code?: string;
      readonly requestId?: string;
      /** The stated windows of a verify: name, limit, end (epoch ms), duration (ms). */
      readonly windows?: readonly { name: string; limit: number; reset: number; duration: number }[];
      readonly fates?: readonly string[];
      readonly keyId?: string;
    }
  | { readonly outcome: 'refused' | 'unknown'; readonly reason: string };

export interface Entry {
  readonly seq: number;
  /** Epoch ms when sent. */
  readonly at: number;
  readonly sent: Sent;
  readonly answer: Outcome;
  /** Lines of the file: what stands before another line happened before it. */
  readonly sentLine: number;
  readonly answeredLine: number;
}

export class Ledger {
  readonly #fd: number;
  #seq = 0;

  constructor(readonly path: string) {
    this.#fd = openSync(path, 'a');
  }

  /** Writes the request down before it goes out; the returned function writes its outcome. */
  before(sent: Sent): (outcome: Outcome) => void {
    const seq = ++this.#seq;
    this.#write({ seq, at: Date.now(), sent });
    return (answer) => this.#write({ seq, answer });
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(line: object): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }
}

/** Requests without a second line were in flight when the load ended: unknown. */
export function readLedger(path: string): Entry[] {
  const entries = new Map<number, Entry>();
  const never = Number.POSITIVE_INFINITY;
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((text, line) => {
      if (text === '') return;
      const { seq, at, sent, answer } = JSON.parse(text) as Entry;
      const known = entries.get(seq);
      if (known) entries.set(seq, { ...known, answer, answeredLine: line });
      else {
        const unanswered = { outcome: 'unknown', reason: 'no answer written' } as const;
        entries.set(seq, { seq, at, sent, answer: unanswered, sentLine: line, answeredLine: never });
      }
    });
  return [...entries.values()];
}
