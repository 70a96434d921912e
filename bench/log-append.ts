/** One durable append after the other: segment files beside LMDB, the comparison of docs/adr/0002. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';

export interface AppendFigures {
  readonly name: string;
  readonly appendsPerSecond: number;
  readonly cpuMicrosPerAppend: number;
}

const RECORD = Buffer.alloc(12_000, 97);

export async function run(seconds = 2): Promise<AppendFigures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keymeter-bench-'));
  try {
    const log = await SegmentLogWriter.open({
      folder: join(folder, 'log'),
      partitions: 1,
      segmentBytes: 2 ** 26,
      maxBytes: 2 ** 40,
      reserveBytes: 0,
    });
    const segments = await measure('segment files', seconds, () => log.append(0, RECORD));
    await log.close();
    const root = open({ path: join(folder, 'lmdb'), overlappingSync: false });
    const database = root.openDB<Buffer, number>({ name: 'log', encoding: 'binary', keyEncoding: 'uint32' });
    let next = 0;
    const lmdb = await measure('LMDB', seconds, () => database.put(next++, RECORD));
    await root.close();
    return [segments, lmdb];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(name: string, seconds: number, append: () => Promise<unknown>): Promise<AppendFigures> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < seconds * 1000) {
    await append();
    count++;
  }
  const used = process.cpuUsage(cpu);
  return { name, appendsPerSecond: count / seconds, cpuMicrosPerAppend: (used.user + used.system) / count };
}
