/** The state of a document's run as bytes: watermark, brake, then each subject with its measures and what was decided. */
import type { StateReader, StateWriter } from '../measures/state-bytes.js';
import type { DocumentRun } from './document-run.js';

const GENERATIONS = ['old', 'young'] as const;
const NOT_PAUSED = Number.NaN;

export function writeRun(run: DocumentRun, out: StateWriter): void {
  out.double(run.watermarks.value);
  const { ahead } = run.watermarks;
  out.count(ahead.length);
  for (const pair of ahead) for (const value of pair) out.double(value);
  out.double(run.sweptAt);
  out.double(run.brake.pausedAt ?? NOT_PAUSED);
  out.count(run.brake.hits.size);
  for (const [subject, time] of run.brake.hits) {
    out.text(subject);
    out.double(time);
  }
  for (const generation of GENERATIONS) {
    const names = run.subjects[generation];
    out.count(names.size);
    for (const [name, slot] of names) {
      out.text(name);
      writeSubject(run, slot, out);
    }
  }
}

/** Into a run of the same policy that has seen nothing. */
export function readRun(run: DocumentRun, from: StateReader): void {
  const watermark = from.double();
  const ahead = Array.from({ length: from.count() }, (): [number, number] => [from.double(), from.double()]);
  run.watermarks.restore(watermark, ahead);
  run.sweptAt = from.double();
  const pausedAt = from.double();
  const hits = Array.from({ length: from.count() }, () => [from.text(), from.double()] as const);
  run.brake.restore(Number.isNaN(pausedAt) ? undefined : pausedAt, hits);
  for (const generation of GENERATIONS) {
    for (let left = from.count(); left > 0; left--) readSubject(run, run.subjects.add(generation, from.text()), from);
  }
}

function writeSubject(run: DocumentRun, slot: number, out: StateWriter): void {
  out.double(run.newest.get(slot));
  for (const column of run.columns) column.write(slot, out);
  const rung = run.rungs.get(slot);
  out.count(rung === undefined ? 0 : rung.waits ? 2 : 1);
  if (rung === undefined) return;
  out.count(rung.stage);
  for (const value of [rung.until, rung.causeOffset, rung.causeIndex]) out.double(value);
}

function readSubject(run: DocumentRun, slot: number, from: StateReader): void {
  run.newest.set(slot, 0, from.double());
  for (const column of run.columns) column.read(slot, from);
  const kind = from.count();
  if (kind === 0) return;
  const stage = from.count();
  const [until, causeOffset, causeIndex] = [from.double(), from.double(), from.double()];
  run.rungs.set(slot, { stage, until, causeOffset, causeIndex, waits: kind === 2 });
}
