import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type LetterAudit, letterAudit } from '#domain/events/letter-audit.js';
import { type Replay, type ReplayRows, readCorrection, readLetter } from '#domain/events/replay.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { hashKey, mintId } from '#domain/keys/key-text.js';
import { type EventPosition, formatPlace, formatPositions } from '#domain/log/position.js';
import { Clock } from '#ports/clock.js';
import { DeadLetterBook } from '#ports/dead-letter-book.js';
import type { StoredDeadLetter } from '#ports/usage-reader.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { RowAppender } from '#stream/row-appender.js';
import { letterNotFound, type ReplayInput } from './dead-letter-request.js';

/** Limits of ingest, which hold for what is sent again as well. */
export class ReplayLimits {
  constructor(
    readonly maxEvents: number,
    readonly maxEventBytes: number,
    readonly maxFutureMs: number,
  ) {}
}

export interface Settled {
  readonly letter: StoredDeadLetter;
  /** Events that were sent again. */
  readonly events: number;
  /** Where to wait for, as `waitFor` takes it. */
  readonly position?: string;
}

/**
 * Sends dead letters again, or drops them. The log comes first: after a crash in between, the letter is open still, and
 * sending it again counts nothing twice.
 */
@Injectable()
export class DeadLetterDesk {
  constructor(
    private readonly book: DeadLetterBook,
    private readonly appender: RowAppender,
    private readonly limits: ReplayLimits,
    private readonly clock: Clock,
  ) {}

  async find(place: EventPosition): Promise<StoredDeadLetter> {
    const letter = await this.book.find(place);
    if (letter) return letter;
    throw letterNotFound(formatPlace(place));
  }

  async replay(place: EventPosition, { events, note = '' }: ReplayInput, by: string): Promise<Settled> {
    const letter = await this.find(place);
    if (letter.reason === 'conflict') throw conflictStands(letter);
    const replay = this.#read(letter, events);
    const names = namesOf(replay);
    if (letter.state === 'replayed' && letter.settled?.names !== names) throw otherEvents(letter);
    const count = replay.names.length;
    const audit = this.#audit({ state: 'replayed', position: formatPlace(place), by, note, events: count });
    const positions = await this.appender.append(`${replay.rows}${audit}`, count + 1);
    await this.book.settle({ ...place, state: 'replayed', at: this.clock.now(), by, note, names });
    const position = positions.length > 0 ? formatPositions(positions) : undefined;
    return { letter: await this.find(place), events: count, position };
  }

  async drop(place: EventPosition, reason: string, by: string): Promise<Settled> {
    const letter = await this.find(place);
    if (letter.state === 'replayed') {
      const detail = `Dead letter ${formatPlace(place)} was replayed: its events are counted, and dropping it would not take them back.`;
      throw new HttpProblem(409, 'data/dead_letter_replayed', detail);
    }
    await this.appender.append(
      this.#audit({ state: 'dropped', position: formatPlace(place), by, note: reason, events: 0 }),
      1,
    );
    await this.book.settle({ ...place, state: 'dropped', at: this.clock.now(), by, note: reason, names: '' });
    return { letter: await this.find(place), events: 0 };
  }

  #read(letter: StoredDeadLetter, events: ReplayInput['events']): ReplayRows {
    const now = this.clock.now();
    const bounds = { earliest: 0, latest: now + this.limits.maxFutureMs };
    const rules = { now, bounds, limits: this.limits };
    const replay: Replay = events
      ? readCorrection(Buffer.from(JSON.stringify(events)), rules)
      : readLetter(Buffer.from(letter.bytesBase64, 'base64'), rules);
    if (!replay.ok) throw unreadable(letter, replay.reason, events !== undefined);
    const { source, id } = letter;
    if (id !== '' && replay.names.some((name) => name.source !== source || name.id !== id)) throw otherEvents(letter);
    return replay;
  }

  #audit(audit: LetterAudit): string {
    return `${encodeRow(letterAudit(mintId('row', randomBytes(16)), this.clock.now(), audit))}\n`;
  }
}

/** The same for the same events in any order. */
function namesOf({ names }: ReplayRows): string {
  return hashKey(
    names
      .map(({ source, id }) => JSON.stringify([source, id]))
      .sort()
      .join(),
  );
}

function unreadable(letter: StoredDeadLetter, reason: string, corrected: boolean): HttpProblem {
  const place = formatPlace(letter);
  const detail = corrected
    ? `The correction of dead letter ${place} is no valid event: ${reason}.`
    : `Dead letter ${place} still cannot be read (${reason}): send a corrected event in its place, or drop it.`;
  return new HttpProblem(422, 'data/dead_letter_unreadable', detail);
}

function conflictStands(letter: StoredDeadLetter): HttpProblem {
  const detail = `Dead letter ${formatPlace(letter)} has a source and id that are counted with another payload; the first one stands, so it would be a conflict again. Drop it, or send its content as a new event under an id of its own.`;
  return new HttpProblem(409, 'data/dead_letter_conflict', detail);
}

function otherEvents(letter: StoredDeadLetter): HttpProblem {
  const known = letter.state === 'replayed' ? 'was replayed with other events' : 'has another source or id';
  const detail = `Dead letter ${formatPlace(letter)} ${known}: a correction keeps source and id, so that it counts once.`;
  return new HttpProblem(409, 'data/dead_letter_other_event', detail);
}
