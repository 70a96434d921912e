/**
 * The engine's state as bytes, in parts: each holds who changed since the one before, and in turn some of who did not, so
 * that the parts since a round began are the whole state and none takes long. A part is `KMP5`, uint32 length of the JSON
 * part, JSON (policies, and what else belongs to the same moment of the log), then of each policy its head and subjects,
 * led by their length. A restored engine goes on exactly as the original.
 */
import { PolicyEngine, type Run } from './engine.js';
import type { EngineLimits } from './engine-limits.js';
import { StateReader, StateWriter } from './measures/state-bytes.js';
import type { Policy } from './policy.js';

const MAGIC = 'KMP5';
const HEADER_BYTES = 8;
/** Of each policy, who did not change: some milliseconds. As many as did change, where that is more. */
const IN_TURN = 20_000;
const MIN_BYTES = 4 * 1024;
/** Room for a part that is a little larger than the one before. */
const SPARE = 1.25;

interface SavedRun {
  readonly policy: Policy;
  /** Another one where the policy's counts began afresh: older parts tell nothing of it then. */
  readonly count: number;
}

interface Saved {
  readonly runs: readonly SavedRun[];
  readonly beside?: unknown;
  /** All enforcement is paused at that point of the log. */
  readonly isPaused?: boolean;
}

/** The whole state in one part. `beside`: JSON of whoever drives the engine. */
export function takeSnapshot(engine: PolicyEngine, beside?: unknown): Uint8Array {
  return written(
    engine,
    beside,
    () => 0,
    (run, out) => run.subjects.parts.writeAll(out),
  );
}

export interface EnginePart {
  readonly bytes: Uint8Array;
  /** How many of the parts before make the state together with this one. */
  readonly follows: number;
}

/** Writes the parts of one engine, whose every change since the one before is in the next. */
export class SnapshotParts {
  readonly #counts = new WeakMap<Run, number>();
  #lastCount = 0;
  /** Parts of the running round. */
  #inRound = 0;
  /** Of the last part. */
  #bytes = 0;

  /** `stored`: how many parts make the state that is stored. */
  constructor(
    private readonly engine: PolicyEngine,
    private stored = 0,
  ) {}

  /** As a restored engine's run was known to who wrote the parts. */
  knows(run: Run, count: number): void {
    run.subjects.parts.track();
    this.#counts.set(run, count);
    this.#lastCount = Math.max(this.#lastCount, count);
  }

  next(beside?: unknown, inTurn = IN_TURN): EnginePart {
    const runs = [...this.engine.runs];
    if (this.#inRound === 0) for (const { subjects } of runs) subjects.parts.beginRound();
    const isWhole = this.stored === 0;
    const bytes = written(
      this.engine,
      beside,
      (run) => this.#countOf(run),
      (run, out) => run.subjects.parts.write(out, isWhole ? Number.POSITIVE_INFINITY : inTurn),
      this.#bytes * SPARE,
    );
    this.#bytes = bytes.length;
    this.#inRound++;
    this.stored++;
    if (runs.every(({ subjects }) => subjects.parts.isRoundOver)) {
      this.stored = this.#inRound;
      this.#inRound = 0;
    }
    return { bytes, follows: this.stored - 1 };
  }

  /** What is stored is gone: the next part is the whole state. */
  lost(): void {
    this.stored = 0;
    this.#inRound = 0;
  }

  #countOf(run: Run): number {
    const known = this.#counts.get(run);
    if (known !== undefined) return known;
    this.#counts.set(run, ++this.#lastCount);
    return this.#lastCount;
  }
}

function written(
  engine: PolicyEngine,
  beside: unknown,
  countOf: (run: Run) => number,
  writeSubjects: (run: Run, out: StateWriter) => void,
  expectedBytes = 0,
): Uint8Array {
  const out = new StateWriter(Math.max(MIN_BYTES, Math.ceil(expectedBytes)));
  const runs = [...engine.runs].map((run): SavedRun => {
    out.sized(() => {
      out.sized(() => run.writeHead(out));
      writeSubjects(run, out);
    });
    return { policy: run.policy, count: countOf(run) };
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
  return restored([bytes], () => new PolicyEngine(limits))?.engine;
}

interface Restored {
  readonly engine: PolicyEngine;
  readonly beside: unknown;
  /** Goes on where the parts end. */
  readonly parts: SnapshotParts;
}

interface ReadPart {
  readonly saved: Saved;
  /** Of each run its bytes. */
  readonly sections: readonly StateReader[];
}

/**
 * Into an engine of the caller's making, from the parts of one state, oldest first. Undefined where one is of another
 * format, or has counts of a policy that this engine does not count: they are of a time when the log had one partition.
 */
export function restoreInto(parts: readonly Uint8Array[], make: () => PolicyEngine): Restored | undefined {
  const state = restored(parts, make);
  if (state === undefined) return undefined;
  const { engine, beside, counts } = state;
  const writer = new SnapshotParts(engine, parts.length);
  for (const [run, count] of counts) writer.knows(run, count);
  return { engine, beside, parts: writer };
}

function restored(parts: readonly Uint8Array[], make: () => PolicyEngine) {
  const read = parts.map(readPart).filter((part) => part !== undefined);
  const newest = read.at(-1);
  if (newest === undefined || read.length < parts.length) return undefined;
  const { runs, beside, isPaused } = newest.saved;
  const engine = make();
  const counts = new Map<Run, number>();
  for (const { policy, count } of runs) {
    const run: Run | undefined = engine.putPolicy(policy);
    if (run === undefined) return undefined;
    const sections = sectionsOf(read, policy.id, count);
    const [head] = sections.map((section) => section.sized());
    if (head) run.readHead(head);
    run.subjects.restore(sections);
    counts.set(run, count);
  }
  engine.isPaused = isPaused ?? false;
  for (const run of engine.runs) run.removeDead();
  engine.reindex(); // no more in memory than there is room for
  return { engine, beside, counts };
}

/** What the parts say of one run, newest first. */
function sectionsOf(read: readonly ReadPart[], id: string, count: number): StateReader[] {
  return read.toReversed().flatMap(({ saved, sections }) => {
    const at = saved.runs.findIndex((it) => it.policy.id === id && it.count === count);
    return sections.slice(at, at < 0 ? 0 : at + 1);
  });
}

function readPart(bytes: Uint8Array): ReadPart | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const jsonEnd = HEADER_BYTES + buffer.readUInt32LE(4);
  const saved = JSON.parse(buffer.toString('utf8', HEADER_BYTES, jsonEnd)) as Saved;
  const from = new StateReader(buffer.subarray(jsonEnd));
  const sections = saved.runs.map(() => from.sized());
  if (!from.atEnd) throw new RangeError('snapshot has bytes left over');
  return { saved, sections };
}
