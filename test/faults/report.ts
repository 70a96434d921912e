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
  readonly faults: readonly FaultRecord[];
  readonly totals: Judgement['totals'];
  readonly promises: Judgement['promises'];
  readonly longestRecoveryMs: number;
  readonly medianRecoveryMs: number;
  readonly peaks: readonly Peak[];
  /** Ends of processes that no fault asked for; a supervisor started them again. */
  readonly ownEnds: readonly OwnEnd[];
  readonly stories: readonly string[];
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
  const { seed, faults, totals, promises, peaks, ownEnds, stories } = report;
  const problems = broken(report);
  return [
    `# Faults, seed ${seed}: ${problems.length === 0 ? 'every promise kept' : `${problems.length} PROBLEMS`}`,
    '',
    `${faults.length} faults in ${report.minutes.toFixed(1)} minutes, Node ${report.node}. Recovery: median ${report.medianRecoveryMs} ms, longest ${report.longestRecoveryMs} ms.`,
    '',
    `![Timeline](${name}.svg)`,
    '',
    table(['what', 'figure'], Object.entries(totals)),
    table(
      ['promise', 'holds'],
      Object.entries(promises).map(([promise, list]) => [promise, list.length === 0 ? 'yes' : `NO (${list.length})`]),
    ),
    ...(problems.length > 0 ? ['## Broken', '', ...problems.map((problem) => `- ${problem}`), ''] : []),
    ...(stories.length > 0 ? ['## The first of them', '', '```', ...stories, '```', ''] : []),
    '## Most memory and open files',
    '',
    table(
      ['process', 'MiB', 'files'],
      peaks.map(({ name: process_, rssMiB, files }) => [process_, rssMiB, files]),
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
