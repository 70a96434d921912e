/** What every event log promises, whatever stores it. */
import type { EventLogReader, EventLogWriter } from '#ports/event-log.js';

export interface OpenLog {
  writer: EventLogWriter;
  reader: EventLogReader;
  /** Closes both and opens them anew on the same data. */
  reopen(): Promise<OpenLog>;
  close(): Promise<void>;
}

export function describeEventLog(name: string, open: (partitions: number) => Promise<OpenLog>): void {
  describe(`event log on ${name}`, () => {
    let log: OpenLog;
    beforeEach(async () => {
      log = await open(2);
    });
    afterEach(() => log.close());

    test('offsets of one partition grow by one in the order of the calls', async () => {
      const offsets = await Promise.all([1, 2, 3, 4].map((n) => log.writer.append(0, Buffer.from(`v${n}`))));
      expect(offsets).toEqual([0, 1, 2, 3]);
      expect(await log.writer.append(1, Buffer.from('other'))).toBe(0);
    });

    test('an acknowledged record is read back unchanged, also after a restart', async () => {
      const values = Array.from({ length: 300 }, (_, i) => Buffer.alloc((i * 37) % 5000, i));
      for (const value of values) await log.writer.append(0, value);
      log = await log.reopen();
      expect(log.writer.highWatermark(0)).toBe(300);
      const read = [];
      while (read.length < 300) read.push(...(await log.reader.read(0, read.length, 10_000)));
      expect(read.map(({ offset }) => offset)).toEqual(values.map((_, i) => i));
      expect(read.every(({ value }, i) => value.equals(values[i]!))).toBe(true);
    });

    test('a read returns at least one record, however large', async () => {
      await log.writer.append(0, Buffer.alloc(100_000, 1));
      const [record] = await log.reader.read(0, 0, 64);
      expect(record?.value.length).toBe(100_000);
    });

    test('at the end of the log a read is empty, beyond it an error', async () => {
      await log.writer.append(0, Buffer.from('a'));
      expect(await log.reader.read(0, 1, 1000)).toEqual([]);
      await expect(log.reader.read(0, 2, 1000)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    });

    test('a waiting reader is woken by the next record', async () => {
      const woken = log.reader.waitBeyond(1, 0, 20_000);
      await log.writer.append(1, Buffer.from('x'));
      await woken;
      expect(await log.reader.read(1, 0, 100)).toHaveLength(1);
    });

    test('sealed() returns an offset that separates what was appended before the call from what comes after', async () => {
      const before = [1, 2, 3].map(() => log.writer.append(0, Buffer.from('before')));
      const sealed = log.writer.sealed(0);
      const after = log.writer.append(0, Buffer.from('after'));
      expect(await sealed).toBe(3);
      expect(await Promise.all(before)).toEqual([0, 1, 2]);
      expect(await after).toBe(3);
    });
  });
}
