/** A run from the start of its cluster to its report. */
import { mkdirSync, rmSync } from 'node:fs';
import type { View } from '../crash/kill-run.js';
import { FaultRun, type RunPlan } from './fault-run.js';
import type { Stage } from './injection.js';
import { broken, type Judgement, judge, judgeUnquiet } from './judgement.js';
import type { Report } from './report.js';
import { storyOf } from './story.js';
import type { Subject } from './subject.js';

export async function judgedRun<S extends Stage>(
  plan: RunPlan<S>,
  start: (folder: string) => Promise<Subject<S>>,
): Promise<Report> {
  rmSync(plan.folder, { recursive: true, force: true });
  mkdirSync(plan.folder, { recursive: true });
  const began = performance.now();
  const subject = await start(plan.folder);
  const run = new FaultRun(plan, subject);
  try {
    await run.run();
    const { view, judgement } = await seen(run);
    const recoveries = run.records.flatMap(({ recoveryMs }) => recoveryMs ?? []).sort((a, b) => a - b);
    return {
      seed: plan.seed,
      node: process.version,
      minutes: (performance.now() - began) / 60_000,
      planned: plan.faults,
      faults: run.records,
      ...judgement,
      longestRecoveryMs: recoveries.at(-1) ?? 0,
      medianRecoveryMs: recoveries[recoveries.length >> 1] ?? 0,
      peaks: run.peaks,
      ownEnds: run.ownEnds,
      story: storyOf(broken(judgement), {
        view,
        apps: run.apps,
        records: run.records,
        beganAt: run.beganAt,
      }),
    };
  } finally {
    run.close();
    await subject.stop();
  }
}

/** Something that does not answer in the end is a broken promise too, and no reason to lose the report. */
async function seen<S extends Stage>(run: FaultRun<S>): Promise<{ view?: View; judgement: Judgement }> {
  if (run.unquiet !== undefined) return { judgement: judgeUnquiet(run, run.unquiet) };
  let view: View | undefined;
  try {
    view = await run.look();
    return { view, judgement: await judge(run, view) };
  } catch (error) {
    return { view, judgement: judgeUnquiet(run, (error as Error).stack ?? String(error)) };
  }
}
