/** What a run has shown, as JSON, as a page and as a picture of its time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnEnd } from './app-process.js';
import type { FaultRecord } from './fault-lane.js';
import { broken, type Judgement } from './judgement.js';
import type { Peak } from './memory-watch.js';
import { timeline } from './timeline.js';

export interface Report {
  readonly seed: number;
  readonly node: string;
  readonly minutes: number;
  /** How many were asked for; fewer ran where time was over or one was not recovered from. */
  readonly planned: number;
  readonly faults: readonly FaultRecord[];
  readonly totals: Judgement['totals'];
  readonly promises: Judgement['promises'];
  readonly longestRecoveryMs: number;
  readonly medianRecoveryMs: number;
  readonly peaks: readonly Peak[];
  /** Ends of processes that no fault asked for; a supervisor started them again. */
  readonly ownEnds: readonly OwnEnd[];
  /** Of the first wrong id. */
  readonly story: readonly string[];
}

/** Returns the path of the page. */
export function writeReport(folder: string, report: Report): string {
  const name = `faults-${report.seed}`;
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, `${name}.svg`), timeline(report.faults));
  const page = join(folder, `${name}.md`);
  writeFileSync(page, pageOf(report, name));
  return page;
}

function pageOf(report: Report, name: string): string {
  const { seed, faults, totals, promises, peaks, ownEnds, story } = report;
  const problems = broken(report);
  return [
    `# Faults, seed ${seed}: ${problems.length === 0 ? 'every promise kept' : `${problems.length} PROBLEMS`}`,
    '',
    `${faults.length} of ${report.planned} faults in ${report.minutes.toFixed(1)} minutes, Node ${report.node}. Recovery: median ${report.medianRecoveryMs} ms, longest ${report.longestRecoveryMs} ms.`,
    '',
    `![Timeline](${name}.svg)`,
    '',
    table(['what', 'figure'], Object.entries(totals)),
    table(
      ['promise', 'holds'],
      Object.entries(promises).map(([promise, list]) => [promise, list.length === 0 ? 'yes' : `NO (${list.length})`]),
    ),
    ...(problems.length > 0 ? ['## Broken', '', ...problems.map((problem) => `- ${problem}`), ''] : []),
    ...(story.length > 0 ? ['## The first of them', '', '```', ...story, '```', ''] : []),
    '## Most memory and open files',
    '',
    table(
      ['process', 'MiB', 'files', 'longest life, min', 'growth in it, MiB/min'],
      peaks.map((it) => [it.name, it.rssMiB, it.files, it.lifeMinutes, it.growthMiBPerMinute ?? 'too short']),
    ),
    '## Processes that ended by themselves',
    '',
    table(
      ['process', 'had started', 'last line'],
      ownEnds.map(({ name: process_, hadStarted, lastLine }) => [
        process_,
        hadStarted ? 'yes' : 'no',
        lastLine.slice(0, 200),
      ]),
    ),
    '## Faults',
    '',
    table(
      ['#', 'fault', 'target', 'from s', 'to s', 'recovery ms', 'bite'],
      faults.map((it) => [it.number, it.kind, it.target, s(it.begin), s(it.end), it.recoveryMs ?? 'never', it.bite]),
    ),
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const line = (cells: readonly unknown[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

function s(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
