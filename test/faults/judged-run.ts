/** A run from the start of its cluster to its report. */
import { mkdirSync, rmSync } from 'node:fs';
import { FaultRun, type RunPlan } from './fault-run.js';
import type { Stage } from './injection.js';
import { broken, judge, judgeUnquiet } from './judgement.js';
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
    const view = run.unquiet === undefined ? await run.look() : undefined;
    const judgement = view ? await judge(run, view) : judgeUnquiet(run);
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
