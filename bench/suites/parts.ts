/** Single parts without a server around them: what a change to one of them costs shows here first. */
import { run as appendToLog } from '../log-append.js';
import type { Bench, Measurement } from '../measurement.js';

export async function parts(bench: Bench): Promise<Measurement[]> {
  bench.say('parts: appends to the log');
  const [segments, lmdb] = await appendToLog(bench.options.seconds);
  if (!segments || !lmdb) throw new Error('log-append measures segment files and LMDB');
  const ratio = segments.appendsPerSecond / lmdb.appendsPerSecond;
  const reference = { name: lmdb.name, value: lmdb.appendsPerSecond, ratio };
  const name = 'one durable append of 12 kB after the other';
  return [{ suite: 'parts', name, value: segments.appendsPerSecond, unit: 'appends/s', reference }];
}
