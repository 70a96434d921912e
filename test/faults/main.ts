/** `npm run faults`: reads what is asked for, runs it, writes the report; exit 1 when a promise broke. */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BREAKABLE, demandPlaces, isBreakable } from './broken-protections.js';
import { FAKETIME, FAKETIME_MISSING } from './faked-clock.js';
import type { RunPlan } from './fault-run.js';
import { judgedRun } from './judged-run.js';
import { broken } from './judgement.js';
import { projectRoot } from './project-root.js';
import { writeReport } from './report.js';
import { KINDS, kindsNamed } from './schedule.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    faults: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '60' },
    only: { type: 'string' },
    /** Folder of data, logs and report. */
    folder: { type: 'string', default: '.keymeter-faults' },
    keep: { type: 'boolean', default: false },
    /** Switches a protection off: the run must then be red. */
    break: { type: 'string' },
  },
});

const say = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  say(`seed ${seed}`);
  if (FAKETIME === undefined) say(`NOT RUN, clock-jump: ${FAKETIME_MISSING}`);
  const folder = resolve(values.folder);
  const data = join(folder, `run-${seed}`);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const report = await judgedRun({
    seed,
    faults: Number(values.faults),
    kinds: values.only ? kindsNamed(values.only.split(',')) : KINDS,
    folder: data,
    longestMs: Number(values.minutes) * 60_000,
    say,
    ...(values.break === undefined ? {} : without(values.break)),
  });
  const page = writeReport(folder, report);
  const problems = broken(report);
  say(JSON.stringify(report.totals));
  for (const problem of problems) say(`BROKEN ${problem}`);
  say(`${problems.length === 0 ? 'Every promise was kept' : `${problems.length} problems`}; report: ${page}`);
  if (!values.keep) rmSync(data, { recursive: true, force: true });
  return problems.length === 0 ? 0 : 1;
}

function without(name: string): Pick<RunPlan, 'preload' | 'env'> {
  if (!isBreakable(name)) {
    throw new RangeError(`nothing is called ${name}; there are ${Object.keys(BREAKABLE).join(', ')}`);
  }
  demandPlaces(name, projectRoot());
  say(`WITHOUT ${name}: ${BREAKABLE[name].meaning}`);
  const module = new URL('preload/broken-protection.js', import.meta.url).href;
  return { preload: [module], env: { FAULTS_BREAK: name } };
}

process.exit(await main());
