import { bytesPerSubject } from '#domain/policies/documents/policy-cost.js';
import type { PolicyDocument } from '#domain/policies/documents/policy-document.js';
import { missingExamples } from '#domain/policies/documents/policy-tests.js';
import { durationMs } from '#domain/policies/duration.js';
import { bucketsOf } from '#domain/policies/measures/bucket-size.js';
import { BUCKETS, PERCENTILE_BUCKETS } from '#domain/policies/measures/measure-columns.js';
import { conflictsOf } from '#domain/policies/policy-conflicts.js';
import type { Invocation } from '../command.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { demandFiles, faultLine, readPolicyFiles } from './policy-files.js';

const SUBJECTS_SHOWN = 100_000;
const MIB = 1024 * 1024;

/** `policies check`: is it sound, what does it cost, what does it meet. Asks no server. */
export async function checkPolicies(invocation: Invocation, files: readonly string[]): Promise<ExitCode> {
  demandFiles('check', files);
  const { context, options } = invocation;
  const { policies, faults } = await readPolicyFiles(invocation, files);
  const documents = policies.map(({ document }) => document);
  const conflicts = conflictsOf(documents);
  if (options.flag('json')) {
    const checked = policies.map(({ file, line, document }) => {
      return {
        file,
        line,
        name: document.name,
        bytesPerSubject: bytesPerSubject(document),
        warning: missingExamples(document),
      };
    });
    context.stdout.write(`${JSON.stringify({ policies: checked, faults, conflicts }, null, 2)}\n`);
    return faults.length === 0 ? EXIT.ok : EXIT.failed;
  }
  for (const document of documents) context.stdout.write(described(document));
  for (const { first, second, per } of conflicts) {
    context.stdout.write(`${first} and ${second} may hold one ${per} at the same time; the stricter of both holds\n`);
  }
  for (const fault of faults) context.stderr.write(faultLine(fault));
  if (faults.length === 0) return EXIT.ok;
  context.stderr.write(`keymeter: ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}\n`);
  return EXIT.failed;
}

function described(document: PolicyDocument): string {
  const bytes = bytesPerSubject(document);
  const mebibytes = Math.ceil((bytes * SUBJECTS_SHOWN) / MIB);
  const lines = [
    `${document.name} (${document.mode}${document.percent === undefined ? '' : ` ${document.percent} %`}), per ${document.per.join(' and ')}`,
    ...Object.entries(document.measures).map(([name, spec]) => `  ${name}: ${measured(spec)}`),
    `  when ${document.when}: ${document.then.map(({ action }) => action).join(', then ')}`,
    `  state: ${bytes} bytes a subject, ${mebibytes} MiB for ${SUBJECTS_SHOWN.toLocaleString('en')}`,
  ];
  const warning = missingExamples(document);
  if (warning !== undefined) lines.push(`  ${warning}`);
  return `${lines.join('\n')}\n`;
}

function measured(spec: PolicyDocument['measures'][string]): string {
  const of = 'of' in spec ? ` of ${spec.of}` : '';
  if (spec.aggregate === 'baseline') return `baseline${of}, known after ${spec.warmUp}, at least ${spec.floor}`;
  const { window } = spec;
  const what = `${spec.aggregate}${of}${spec.where === undefined ? '' : ` where ${spec.where}`}`;
  if (typeof window !== 'string') {
    return `${what} in ${'session' in window ? `sessions that end after ${window.session}` : `each ${window.calendar} of ${window.timeZone}`}`;
  }
  if (spec.aggregate === 'quiet') return `${what}, up to ${window}`;
  const { bucketMs, buckets } = bucketsOf(
    durationMs(window),
    spec.aggregate === 'percentile' ? PERCENTILE_BUCKETS : BUCKETS,
  );
  return `${what} in ${window}, as ${buckets} buckets of ${bucketMs / 1000} s`;
}
