/**
 * Makes raw hold exactly the rows of a range whose insert was interrupted. A repeat under the range's own token is
 * dropped when the first arrived, and also when only its token did (docs/adr/0004): what is missing then is inserted
 * under a token of its own, one for each attempt, so that a writer that lost the partition and wakes here adds nothing.
 */
import { KeymeterError } from '#domain/errors.js';
import type { UsageBlock } from '#ports/usage-store.js';
import { type InsertSettings, oneBlock } from './insert-settings.js';
import { noneRunning } from './running-statements.js';
import type { SqlClient } from './sql-client.js';
import { synchronise, type Topology } from './topology.js';

const MAX_ATTEMPTS = 5;

export class RangeProof {
  constructor(
    private readonly client: SqlClient,
    private readonly topology: Topology,
    private readonly settings: InsertSettings,
  ) {}

  /** Returns how many rows were missing although the range's token was known. */
  async complete(block: UsageBlock): Promise<number> {
    await noneRunning(this.client, this.topology, { partition: block.range.partition, tokens: block.token });
    await this.#insert(block.rows, block.count, block.token);
    let first: number | undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const missing = await this.#missing(block);
      first ??= missing.length;
      if (missing.length === 0) return first;
      const rows = Buffer.from(`${missing.join('\n')}\n`);
      await this.#insert(rows, missing.length, `${block.token}/missing/${attempt}`);
    }
    throw new KeymeterError('STORE_REFUSED', `Rows of ${block.token} do not appear in the usage store once inserted.`);
  }

  #insert(rows: Buffer, count: number, token: string): Promise<void> {
    const settings = { ...this.settings, ...oneBlock(count), insert_deduplication_token: token };
    return this.client.insert('keymeter.events', rows, settings);
  }

  /** Lines of the block that raw lacks. */
  async #missing(block: UsageBlock): Promise<string[]> {
    const { partition, first, next } = block.range;
    for (const sync of synchronise(this.topology, 'events')) await this.client.command(sync);
    const present = await this.client.query<{ offset: string; idx: number }>(
      `SELECT offset, idx FROM keymeter.events WHERE partition = {partition:UInt16} AND offset >= {first:UInt64}
       AND offset < {next:UInt64} AND toDate(accepted_at) = {day:Date}`,
      { partition, first, next, day: block.acceptedDay },
    );
    if (present.length > block.count) {
      throw new KeymeterError(
        'OFFSET_BEHIND_DATA',
        `Offsets [${first}, ${next}) of partition ${partition} hold ${present.length} rows; the log gives ${block.count}. The log is not the one these rows came from.`,
      );
    }
    if (present.length === block.count) return [];
    const known = new Set(present.map(({ offset, idx }) => `${offset}:${idx}`));
    const lines = block.rows.toString('utf8').split('\n');
    return lines.filter((line) => line !== '' && !known.has(rowPosition(line)));
  }
}

/** `offset:idx` of a row that begins with partition, offset and idx, as the consumer writes it. */
function rowPosition(line: string): string {
  const match = /^\{"partition":\d+,"offset":(\d+),"idx":(\d+),/.exec(line);
  return match ? `${match[1]}:${match[2]}` : '';
}
