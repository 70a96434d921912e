/** What `andThen` sentences mean. A check looks at the server before the case runs and again after it. */
import type { CaseRun } from './case-run.js';
import { importChecks } from './import-checks.js';
import { ingestChecks } from './ingest-checks.js';
import type { Observed } from './observed.js';
import { serverChecks } from './server-checks.js';

export type Verify = (observed: Observed) => Promise<void>;
export type Check = (run: CaseRun, ...groups: string[]) => Promise<Verify>;
export type CheckTable = readonly (readonly [sentence: RegExp, check: Check])[];

const CHECKS: CheckTable = [...serverChecks, ...ingestChecks, ...importChecks];

/** One check for each part of the sentence; a part that means nothing throws. */
export async function checksOf(andThen: string, run: CaseRun): Promise<Verify[]> {
  const checks: Verify[] = [];
  for (const part of andThen.split('; ')) {
    const known = CHECKS.map(([sentence, check]) => [sentence.exec(part), check] as const).find(([match]) => match);
    if (!known) throw new Error(`bad-inputs.json: no check is known for "${part}"`);
    const [match, check] = known;
    checks.push(await check(run, ...(match as RegExpExecArray).slice(1)));
  }
  return checks;
}
