/** `npm run faults`: reads what is asked for, runs it, writes the report; exit 1 when a promise broke. */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FaultRun } from './fault-run.js';
import { broken, judge } from './judgement.js';
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
  },
});

const say = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  say(`seed ${seed}`);
  const folder = resolve(values.folder);
  const data = join(folder, `run-${seed}`);
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true });
  const began = performance.now();
  const run = await FaultRun.start({
    seed,
    faults: Number(values.faults),
    kinds: values.only ? kindsNamed(values.only.split(',')) : KINDS,
    folder: data,
    longestMs: Number(values.minutes) * 60_000,
    say,
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  try {
    await run.run();
    const judgement = await judge(run, await run.look());
    const recoveries = run.records.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((a, b) => a - b);
    const page = writeReport(folder, {
      seed,
      node: process.version,
      minutes: (performance.now() - began) / 60_000,
      faults: run.records,
      ...judgement,
      longestRecoveryMs: recoveries.at(-1) ?? 0,
      medianRecoveryMs: recoveries[recoveries.length >> 1] ?? 0,
      peaks: run.peaks,
      ownEnds: run.ownEnds,
      stories: [],
    });
    const problems = broken(judgement);
    say(JSON.stringify(judgement.totals));
    for (const problem of problems) say(`BROKEN ${problem}`);
    say(`${problems.length === 0 ? 'Every promise was kept' : `${problems.length} problems`}; report: ${page}`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    await run.stop();
    if (!values.keep) rmSync(data, { recursive: true, force: true });
  }
}

process.exit(await main());
