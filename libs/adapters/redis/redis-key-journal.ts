import { randomBytes } from 'node:crypto';
import { KeymeterError } from '#domain/errors.js';
import { type DirectoryRecord, directoryRecord, type RecordKind } from '#domain/keys/directory-record.js';
import type { RedisKeyDirectory, Step } from './redis-key-directory.js';
import { kindOf, PART_OF } from './redis-record-parts.js';

/** Durable when it resolves; later ones of a record supersede earlier ones. A repeat changes nothing. */
export type AppendRecords = (records: readonly DirectoryRecord[]) => Promise<void>;

const MAX_ROUNDS = 100;
const MAX_MARKS = 1_000; // of one record at once

interface Mark {
  readonly kind: RecordKind;
  readonly id: string;
  readonly text: string;
}

/**
 * Tells the log of keys every state of a record, so that the log's last word about it is the record's state, whoever
 * writes at the same time and whoever dies meanwhile. Each write leaves a mark of its own in its own atomic step. Who
 * has told the log a state looks whether it is still the state, tells again if not, and only then takes its mark away;
 * so whoever told an older state last has not taken its mark away, and a mark whose owner died is swept by others.
 */
export class RedisKeyJournal {
  #seen = new Set<string>();

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly append: AppendRecords,
  ) {}

  /** For the steps of a write. */
  marks(steps: readonly Step[]): Mark[] {
    const token = newToken();
    const marks = new Map<string, Mark>();
    for (const [verb, part, id] of steps) {
      const kind = verb === 'set' || verb === 'del' ? kindOf(part) : undefined;
      if (kind) marks.set(`${kind} ${id}`, newMark(kind, id, token));
    }
    return [...marks.values()];
  }

  /** Resolves when the log has been told of the write that left these marks. */
  async settle(marks: readonly Mark[]): Promise<void> {
    if (marks.length === 0) return;
    const wanted = marks.map(({ kind, id }) => [PART_OF[kind], id] as const);
    let told: readonly (string | undefined)[] | undefined;
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
      const now = await this.directory.fetch(wanted);
      const news = marks.filter((_, n) => told === undefined || told[n] !== now[n]);
      if (news.length === 0) return void (await this.directory.commit(marks.map(({ text }) => taken(text))));
      await this.append(news.map((mark) => directoryRecord(mark.kind, mark.id, now[marks.indexOf(mark)])));
      told = now;
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'Records change faster than they are logged', { retryable: true });
  }

  /** Resolves when the log has been told of whatever was written of the record before the call. */
  async settleRecord(kind: RecordKind, id: string): Promise<void> {
    const texts = await this.directory.range('unpublished', `[${kind} ${id} `, `(${kind} ${id}!`, MAX_MARKS);
    await this.settle(texts.map(markOf).filter((mark) => mark.id === id));
  }

  /** Tells the log these records as they are now, whoever writes them meanwhile. */
  async publish(kind: RecordKind, ids: readonly string[]): Promise<void> {
    const token = newToken();
    const marks = ids.map((id) => newMark(kind, id, token));
    await this.directory.commit(marks.map(markStep));
    await this.settle(marks);
  }

  /** Settles marks that were there at the sweep before, too: their owners have died or failed. */
  async sweep(limit: number): Promise<void> {
    const texts = await this.directory.range('unpublished', '-', '+', limit);
    const left = texts.filter((text) => this.#seen.has(text)).map(markOf);
    this.#seen = new Set(texts);
    await this.settle(left);
  }
}

function newToken(): string {
  return randomBytes(6).toString('base64url');
}

function newMark(kind: RecordKind, id: string, token: string): Mark {
  return { kind, id, text: `${kind} ${id} ${token}` };
}

export function markStep({ text }: Mark): Step {
  return ['add', 'unpublished', text];
}

function taken(text: string): Step {
  return ['rem', 'unpublished', text];
}

function markOf(text: string): Mark {
  const [first, last] = [text.indexOf(' '), text.lastIndexOf(' ')];
  return { kind: text.slice(0, first) as RecordKind, id: text.slice(first + 1, last), text };
}
