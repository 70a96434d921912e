/** What an import says at its end, as JSON and as text. */
import type { TextSink } from '../command.js';
import { duration, grouped, utcTime } from '../output/number-format.js';
import { printable, writeTable } from '../output/table.js';
import type { ImportPlan } from './import-plan.js';
import type { ImportTally, ListedLine } from './import-tally.js';

export interface ImportSummary {
  readonly file: string;
  readonly source: string;
  readonly complete: boolean;
  readonly problem: string | null;
  readonly lines: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  /** Durable on the server, which did not say in time whether they were new. */
  readonly undecided: number;
  readonly malformed: number;
  readonly blank: number;
  /** Not sent again, since an earlier run had brought them to this server. */
  readonly alreadyImported: number;
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  readonly topClients: readonly { client: string; lines: number }[];
  readonly malformedLines: readonly ListedLine[];
  readonly rejectsFile: string | null;
  /** Log position to give to queries as waitFor. */
  readonly position: string | null;
  readonly seconds: number;
  /** Of these, until everything was durable; the rest was waiting for what became of it. */
  readonly storedSeconds: number;
}

export function summarize(
  plan: ImportPlan,
  tally: ImportTally,
  end: { problem: string | undefined; rejectsFile: string | undefined; elapsedMs: number; storedMs: number },
): ImportSummary {
  const { accepted, duplicate, conflict, undecided, position } = tally.outcome;
  return {
    file: plan.file,
    source: plan.source,
    complete: end.problem === undefined,
    problem: end.problem ?? null,
    lines: tally.lines,
    accepted,
    duplicate,
    conflict,
    undecided,
    malformed: tally.malformed,
    blank: tally.blank,
    alreadyImported: tally.skipped,
    firstTime: Number.isFinite(tally.firstTime) ? utcTime(tally.firstTime) : null,
    lastTime: Number.isFinite(tally.lastTime) ? utcTime(tally.lastTime) : null,
    topClients: tally.topClients(),
    malformedLines: tally.listed,
    rejectsFile: tally.malformed > 0 ? (end.rejectsFile ?? null) : null,
    position: position ?? null,
    seconds: Math.round(end.elapsedMs) / 1000,
    storedSeconds: Math.round(end.storedMs) / 1000,
  };
}

export function writeSummary(out: TextSink, summary: ImportSummary): void {
  const rate = summary.seconds > 0 ? `, ${grouped(Math.round(summary.lines / summary.seconds))} lines/s` : '';
  out.write(
    `${summary.file}: ${summary.complete ? 'imported' : 'INCOMPLETE'} in ${duration(summary.seconds)}${rate}\n`,
  );
  for (const [label, count, always] of countRows(summary)) {
    if (always || count > 0) out.write(`  ${label.padEnd(18)}${grouped(count)}\n`);
  }
  if (summary.firstTime !== null) out.write(`  ${'time'.padEnd(18)}${summary.firstTime} to ${summary.lastTime}\n`);
  writeMalformed(out, summary);
  if (summary.topClients.length === 0) return;
  out.write('\n');
  writeTable(
    out,
    ['top clients', 'lines'],
    summary.topClients.map((row) => [row.client, row.lines]),
  );
}

function countRows(summary: ImportSummary): [label: string, count: number, always: boolean][] {
  return [
    ['lines', summary.lines, true],
    ['accepted', summary.accepted, true],
    ['duplicate', summary.duplicate, true],
    ['conflict', summary.conflict, false],
    ['not yet decided', summary.undecided, false],
    ['malformed', summary.malformed, true],
    ['blank', summary.blank, false],
    ['already imported', summary.alreadyImported, false],
  ];
}

function writeMalformed(out: TextSink, summary: ImportSummary): void {
  if (summary.malformed === 0) return;
  const unlisted = summary.malformed - summary.malformedLines.length;
  out.write('\nMalformed lines:\n');
  for (const { line, reason } of summary.malformedLines) out.write(`  line ${line}: ${printable(reason)}\n`);
  if (unlisted > 0) out.write(`  and ${grouped(unlisted)} more\n`);
  if (summary.rejectsFile !== null) out.write(`  saved in ${summary.rejectsFile}\n`);
}
