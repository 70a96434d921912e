/** What an import adds up for its summary; bounded however long the file is. */
import { addOutcome, type BatchOutcome, emptyOutcome } from './batch-outcome.js';

const MAX_LISTED = 20;
const MAX_CLIENTS = 200_000;
const TOP_CLIENTS = 10;

export interface ListedLine {
  readonly line: number;
  readonly reason: string;
}

export class ImportTally {
  lines = 0;
  blank = 0;
  malformed = 0;
  /** Lines that an earlier run had brought to the server and that were not sent again. */
  skipped = 0;
  firstTime = Number.POSITIVE_INFINITY;
  lastTime = Number.NEGATIVE_INFINITY;
  /** The first malformed lines; all of them are in the rejects file. */
  readonly listed: ListedLine[] = [];
  readonly outcome: BatchOutcome = emptyOutcome();
  #clients = new Map<string, number>();

  addEvent(subject: string, time: number | undefined): void {
    this.#clients.set(subject, (this.#clients.get(subject) ?? 0) + 1);
    if (this.#clients.size > MAX_CLIENTS) this.#dropRareClients();
    if (time === undefined) return;
    if (time < this.firstTime) this.firstTime = time;
    if (time > this.lastTime) this.lastTime = time;
  }

  addMalformed(line: number, reason: string): void {
    this.malformed++;
    if (this.listed.length < MAX_LISTED) this.listed.push({ line, reason });
  }

  addOutcome(part: BatchOutcome): void {
    for (const { number, reason } of part.refused) this.addMalformed(number, reason);
    addOutcome(this.outcome, { ...part, refused: [], stored: [] });
  }

  topClients(): { client: string; lines: number }[] {
    return this.#byLines().slice(0, TOP_CLIENTS);
  }

  #byLines(): { client: string; lines: number }[] {
    const clients = [...this.#clients].map(([client, lines]) => ({ client, lines }));
    return clients.sort((a, b) => b.lines - a.lines || (a.client < b.client ? -1 : 1));
  }

  /** Keeps the busier half; clients near the top of a real log are never near the middle. */
  #dropRareClients(): void {
    const kept = this.#byLines().slice(0, MAX_CLIENTS / 2);
    this.#clients = new Map(kept.map(({ client, lines }) => [client, lines]));
  }
}
