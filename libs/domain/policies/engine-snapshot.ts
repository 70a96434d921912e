/**
 * The engine's state as bytes: `KMP3`, uint32 length of the JSON part, JSON
 * (policies, and what else belongs to the same moment of the log), then of each policy its head and its subjects. A
 * restored engine goes on exactly as the original.
 */
import { PolicyEngine, type Run } from './engine.js';
import type { EngineLimits } from './engine-counters.js';
import { StateReader, StateWriter } from './measures/state-bytes.js';
import type { Policy } from './policy.js';

const MAGIC = 'KMP3';
const HEADER_BYTES = 8;

interface SavedRun {
  readonly policy: Policy;
}

interface Saved {
  readonly runs: readonly SavedRun[];
  readonly beside?: unknown;
  /** All enforcement is paused at that point of the log. */
  readonly isPaused?: boolean;
}

/** The whole state. `beside`: JSON of whoever drives the engine. */
export function takeSnapshot(engine: PolicyEngine, beside?: unknown): Uint8Array {
  const out = new StateWriter();
  const runs = [...engine.runs].map((run): SavedRun => {
    run.writeHead(out);
    run.subjects.writeAll(out);
    return { policy: run.policy };
  });
  return framed({ runs, beside, isPaused: engine.isPaused || undefined }, out);
}

function framed(saved: Saved, out: StateWriter): Uint8Array {
  const json = Buffer.from(JSON.stringify(saved));
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(json.length, 4);
  return Buffer.concat([header, json, out.bytes()]);
}

/** Undefined when the bytes are of another format: the log then has to be read again from its start. */
export function restoreSnapshot(bytes: Uint8Array, limits: Partial<EngineLimits> = {}): PolicyEngine | undefined {
  return restoreInto(bytes, () => new PolicyEngine(limits))?.engine;
}

interface Restored {
  readonly engine: PolicyEngine;
  readonly beside: unknown;
}

/**
 * Into an engine of the caller's making. Undefined where the bytes are of another format, or have counts of a policy that
 * this engine does not count: they are of a time when the log had one partition.
 */
export function restoreInto(bytes: Uint8Array, make: () => PolicyEngine): Restored | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const jsonEnd = HEADER_BYTES + buffer.readUInt32LE(4);
  const saved = JSON.parse(buffer.toString('utf8', HEADER_BYTES, jsonEnd)) as Saved;
  const engine = make();
  const from = new StateReader(buffer.subarray(jsonEnd));
  for (const { policy } of saved.runs) {
    const run: Run | undefined = engine.putPolicy(policy);
    if (run === undefined) return undefined;
    run.readHead(from);
    run.subjects.restore(from);
  }
  if (!from.atEnd) throw new RangeError('snapshot has bytes left over');
  engine.isPaused = saved.isPaused ?? false;
  for (const run of engine.runs) run.removeDead();
  engine.reindex(); // no more in memory than there is room for
  return { engine, beside: saved.beside };
}
