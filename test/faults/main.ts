/** `npm run faults`: reads what is asked for, runs it, writes the report; exit 1 when a promise broke. */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BREAKABLE, brokenBuild, isBreakable } from './broken-protections.js';
import { CLUSTER_KINDS } from './cluster-kinds.js';
import { ClusterSubject } from './cluster-subject.js';
import { embeddedFaults } from './embedded-faults.js';
import { FAKETIME, FAKETIME_MISSING } from './faked-clock.js';
import type { ClusterOptions, FaultCluster } from './fault-cluster.js';
import type { RunPlan } from './fault-run.js';
import type { Injection, Stage } from './injection.js';
import { judgedRun } from './judged-run.js';
import { broken } from './judgement.js';
import { type Report, writeReport } from './report.js';
import { kindsNamed } from './schedule.js';
import { canMount, SMALL_DISK_MISSING } from './small-disk.js';
import { type FaultStandalone, StandaloneSubject } from './standalone-subject.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    faults: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '60' },
    /** cluster, or embedded: one process on its own disk. */
    mode: { type: 'string', default: 'cluster' },
    only: { type: 'string' },
    /** How long the cause of every fault lasts, ms, in place of what the seed says. */
    hold: { type: 'string' },
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
  if (!canMount()) say(`NOT RUN, ingress-disk-full: ${SMALL_DISK_MISSING}`);
  const folder = resolve(values.folder);
  const data = join(folder, `run-${seed}`);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const plan = {
    seed,
    faults: Number(values.faults),
    folder: data,
    longestMs: Number(values.minutes) * 60_000,
    say,
  };
  if (values.mode !== 'cluster' && values.mode !== 'embedded') throw new RangeError('--mode is cluster or embedded');
  const report = values.mode === 'embedded' ? await embedded(plan) : await cluster(plan);
  const page = writeReport(folder, report);
  const problems = broken(report);
  say(JSON.stringify(report.totals));
  for (const problem of problems) say(`BROKEN ${problem}`);
  const outcome = problems.length === 0 ? 'Every promise was kept' : `${problems.length} problems`;
  say(`${outcome} in ${report.faults.length} of ${report.planned} faults; report: ${page}`);
  if (!values.keep) rmSync(data, { recursive: true, force: true });
  return problems.length === 0 ? 0 : 1;
}

function cluster(plan: Omit<RunPlan<FaultCluster>, 'kinds'>): Promise<Report> {
  const more = values.break === undefined ? {} : without(values.break);
  return judgedRun({ ...plan, kinds: wanted(CLUSTER_KINDS) }, (folder) => ClusterSubject.start({ folder, ...more }));
}

function embedded(plan: Omit<RunPlan<FaultStandalone>, 'kinds'>): Promise<Report> {
  const more = values.break === undefined ? {} : without(values.break);
  return judgedRun({ ...plan, kinds: wanted(embeddedFaults) }, (folder) =>
    StandaloneSubject.start({ folder, ...more }),
  );
}

function wanted<S extends Stage>(kinds: readonly Injection<S>[]): readonly Injection<S>[] {
  const named = values.only ? kindsNamed(values.only.split(','), kinds) : kinds;
  return values.hold === undefined ? named : named.map((kind) => held(kind, Number(values.hold)));
}

function held<S extends Stage>(kind: Injection<S>, holdMs: number): Injection<S> {
  return { ...kind, draw: (draw) => ({ ...kind.draw(draw), holdMs }) };
}

function without(name: string): Pick<ClusterOptions, 'preload' | 'env'> {
  if (!isBreakable(name)) {
    throw new RangeError(`nothing is called ${name}; there are ${Object.keys(BREAKABLE).join(', ')}`);
  }
  say(`WITHOUT ${name}: ${BREAKABLE[name].meaning}`);
  return brokenBuild(name);
}

process.exit(await main());
