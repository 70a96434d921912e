/**
 * The engine's state as bytes, whole or in parts that follow each other: `KMP3`, uint32 length of the JSON part, JSON
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
  /** Begun since the part before: what that one says of a policy of this id is of another. */
  readonly isFresh?: true;
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

export function framed(saved: Saved, out: StateWriter): Uint8Array {
  const json = Buffer.from(JSON.stringify(saved));
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(json.length, 4);
  return Buffer.concat([header, json, out.bytes()]);
}

/** Undefined when the bytes are of another format: the log then has to be read again from its start. */
export function restoreSnapshot(bytes: Uint8Array, limits: Partial<EngineLimits> = {}): PolicyEngine | undefined {
  return restoreInto([bytes], () => new PolicyEngine(limits))?.engine;
}

interface Restored {
  readonly engine: PolicyEngine;
  readonly beside: unknown;
}

/**
 * From parts in their order, the first of which begins a round, into an engine of the caller's making. Undefined where a
 * part is of another format, or has counts of a policy that this engine does not count: it is of a time when the log had
 * one partition.
 */
export function restoreInto(parts: readonly Uint8Array[], make: () => PolicyEngine): Restored | undefined {
  const engine = make();
  let beside: unknown;
  for (const part of parts) {
    const saved = readPart(engine, Buffer.from(part.buffer, part.byteOffset, part.length));
    if (saved === undefined) return undefined;
    beside = saved.beside;
    engine.isPaused = saved.isPaused ?? false;
  }
  for (const run of engine.runs) {
    run.removeDead();
    run.subjects.restored();
  }
  engine.reindex();
  return { engine, beside };
}

function readPart(engine: PolicyEngine, buffer: Buffer): Saved | undefined {
  if (buffer.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const jsonEnd = HEADER_BYTES + buffer.readUInt32LE(4);
  const saved = JSON.parse(buffer.toString('utf8', HEADER_BYTES, jsonEnd)) as Saved;
  const ids = new Set(saved.runs.map(({ policy }) => policy.id));
  for (const { id } of engine.policies) if (!ids.has(id)) engine.removePolicy(id);
  const from = new StateReader(buffer.subarray(jsonEnd));
  for (const { policy, isFresh } of saved.runs) {
    if (isFresh) engine.removePolicy(policy.id);
    const run: Run | undefined = engine.putPolicy(policy);
    if (run === undefined) return undefined;
    run.readHead(from);
    run.subjects.restore(from);
  }
  engine.reindex(); // no more in memory than there is room for
  if (!from.atEnd) throw new RangeError('snapshot has bytes left over');
  return saved;
}
