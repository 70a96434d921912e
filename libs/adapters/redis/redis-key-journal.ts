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

/** Of a write, with the state that it wrote; undefined = none any more. */
export interface WrittenMark extends Mark {
  readonly document: string | undefined;
}

/**
 * Tells the log of keys every state of a record, so that the log's last word about it is the record's state, whoever
 * writes at the same time and whoever dies meanwhile. Each write leaves a mark of its own in its own atomic step. Who
 * has told the log a state takes its mark away if that is still the state, in one step, else tells again; so whoever
 * told an older state last has not taken its mark away, and a mark whose owner died is swept by others.
 */
export class RedisKeyJournal {
  #seen = new Set<string>();

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly append: AppendRecords,
  ) {}

  /** For the steps of a write. */
  marks(steps: readonly Step[]): WrittenMark[] {
    const token = newToken();
    const marks = new Map<string, WrittenMark>();
    for (const [verb, part, id, document] of steps) {
      const kind = verb === 'set' || verb === 'del' ? kindOf(part) : undefined;
      if (kind) marks.set(`${kind} ${id}`, { ...newMark(kind, id, token), document });
    }
    return [...marks.values()];
  }

  /** Resolves when the log has been told of the write that left these marks. Asks Redis once unless others write too. */
  async settleWritten(marks: readonly WrittenMark[]): Promise<void> {
    await this.#tell(
      marks,
      marks.map(({ document }) => document),
    );
  }

  /** As `settleWritten`, of marks of others. */
  async settle(marks: readonly Mark[]): Promise<void> {
    if (marks.length > 0) await this.#tell(marks, await this.#states(marks));
  }

  /** `states`: as the records were at the time of the marks, or later. */
  async #tell(marks: readonly Mark[], states: readonly (string | undefined)[]): Promise<void> {
    if (marks.length === 0) return;
    let told: readonly (string | undefined)[] | undefined;
    let now = states;
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
      const news = marks.filter((_, n) => told === undefined || told[n] !== now[n]);
      if (news.length > 0) {
        await this.append(news.map((mark) => directoryRecord(mark.kind, mark.id, now[marks.indexOf(mark)])));
      }
      told = now;
      const still = marks.map((mark, n) => stillStep(mark, now[n]));
      if ((await this.directory.commit([...still, ...marks.map(takenStep)])).done) return;
      now = await this.#states(marks);
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'Records change faster than they are logged', { retryable: true });
  }

  #states(marks: readonly Mark[]): Promise<(string | undefined)[]> {
    return this.directory.fetch(marks.map(({ kind, id }) => [PART_OF[kind], id] as const));
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

function takenStep({ text }: Mark): Step {
  return ['rem', 'unpublished', text];
}

/** The record is as it was told: then the mark may go in the same step. */
function stillStep({ kind, id }: Mark, document: string | undefined): Step {
  return document === undefined ? ['no', PART_OF[kind], id] : ['is', PART_OF[kind], id, document];
}

function markOf(text: string): Mark {
  const [first, last] = [text.indexOf(' '), text.lastIndexOf(' ')];
  return { kind: text.slice(0, first) as RecordKind, id: text.slice(first + 1, last), text };
}
