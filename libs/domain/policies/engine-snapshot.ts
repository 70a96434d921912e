/**
 * The engine's whole state as bytes: `KMP1`, uint32 length of the JSON part, JSON (policies and target names), then
 * doubles (watermarks and states in the order of the names). A restored engine goes on exactly as the original.
 */
import { DoubleReader, DoubleWriter } from './doubles.js';
import { PolicyEngine } from './engine.js';
import type { EngineLimits } from './engine-counters.js';
import type { Policy } from './policy.js';
import type { TargetNames } from './policy-run.js';

const MAGIC = 'KMP1';
const HEADER_BYTES = 8;

interface SavedRun {
  readonly policy: Policy;
  readonly names: TargetNames;
}

/** The JSON part: the runs alone, or with what else belongs to the same moment of the log. */
type SavedEngine = readonly SavedRun[] | { readonly runs: readonly SavedRun[]; readonly beside: unknown };

/** `beside`: JSON of whoever drives the engine. */
export function takeSnapshot(engine: PolicyEngine, beside?: unknown): Uint8Array {
  const doubles = new DoubleWriter();
  const runs: SavedRun[] = [];
  for (const run of engine.runs) runs.push({ policy: run.policy, names: run.write(doubles) });
  const saved: SavedEngine = beside === undefined ? runs : { runs, beside };
  const json = Buffer.from(JSON.stringify(saved));
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(json.length, 4);
  return Buffer.concat([header, json, doubles.bytes()]);
}

/** Undefined when the bytes are of another format: the log then has to be read again from its start. */
export function restoreSnapshot(bytes: Uint8Array, limits: Partial<EngineLimits> = {}): PolicyEngine | undefined {
  return restoreInto(bytes, () => new PolicyEngine(limits))?.engine;
}

/**
 * As `restoreSnapshot`, into an engine of the caller's making. Undefined also where the snapshot has counts of a policy
 * that this engine does not count: it is of a time when the log had one partition.
 */
export function restoreInto(
  bytes: Uint8Array,
  make: () => PolicyEngine,
): { readonly engine: PolicyEngine; readonly beside: unknown } | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const jsonEnd = HEADER_BYTES + buffer.readUInt32LE(4);
  const saved = JSON.parse(buffer.toString('utf8', HEADER_BYTES, jsonEnd)) as SavedEngine;
  const { runs, beside } = 'runs' in saved ? saved : { runs: saved, beside: undefined };
  const doubles = new DoubleReader(buffer.subarray(jsonEnd));
  const engine = make();
  for (const { policy, names } of runs) {
    const run = engine.putPolicy(policy);
    if (run === undefined) return undefined;
    run.read(names, doubles);
  }
  if (!doubles.atEnd) throw new RangeError('snapshot has bytes left over');
  engine.reindex();
  return { engine, beside };
}
