/**
 * The engine's whole state as bytes: `KMP2`, uint32 lengths of the JSON part and of the documents, JSON (policies and
 * target names), documents in their own form, then doubles (watermarks and states in the order of the names). A restored
 * engine goes on exactly as the original.
 */
import { DocumentRun } from './documents/document-run.js';
import { readRun, writeRun } from './documents/document-snapshot.js';
import { DoubleReader, DoubleWriter } from './doubles.js';
import { PolicyEngine } from './engine.js';
import type { EngineLimits } from './engine-counters.js';
import { StateReader, StateWriter } from './measures/state-bytes.js';
import type { Policy } from './policy.js';
import type { TargetNames } from './policy-run.js';

const MAGIC = 'KMP2';
const HEADER_BYTES = 12;

interface SavedRun {
  readonly policy: Policy;
  /** None of a document. */
  readonly names?: TargetNames;
}

/** The JSON part: the runs alone, or with what else belongs to the same moment of the log. */
type SavedEngine = readonly SavedRun[] | { readonly runs: readonly SavedRun[]; readonly beside: unknown };

/** `beside`: JSON of whoever drives the engine. */
export function takeSnapshot(engine: PolicyEngine, beside?: unknown): Uint8Array {
  const doubles = new DoubleWriter();
  const runs: SavedRun[] = [];
  const documents = new StateWriter();
  for (const run of engine.runs) {
    if (run instanceof DocumentRun) {
      runs.push({ policy: run.policy });
      writeRun(run, documents);
    } else runs.push({ policy: run.policy, names: run.write(doubles) });
  }
  const saved: SavedEngine = beside === undefined ? runs : { runs, beside };
  const json = Buffer.from(JSON.stringify(saved));
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(json.length, 4);
  header.writeUInt32LE(documents.bytes().length, 8);
  return Buffer.concat([header, json, documents.bytes(), doubles.bytes()]);
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
  const documentsEnd = jsonEnd + buffer.readUInt32LE(8);
  const documents = new StateReader(buffer.subarray(jsonEnd, documentsEnd));
  const doubles = new DoubleReader(buffer.subarray(documentsEnd));
  const engine = make();
  for (const { policy, names } of runs) {
    const run = engine.putPolicy(policy);
    if (run === undefined) return undefined;
    if (run instanceof DocumentRun) readRun(run, documents);
    else if (names) run.read(names, doubles);
  }
  if (!doubles.atEnd || !documents.atEnd) throw new RangeError('snapshot has bytes left over');
  engine.reindex();
  return { engine, beside };
}
