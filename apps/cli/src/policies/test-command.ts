import { runPolicyTests } from '#domain/policies/documents/policy-tests.js';
import type { Invocation } from '../command.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { demandFiles, faultLine, readPolicyFiles } from './policy-files.js';

/** `policies test`: the examples that policies carry, by the engine that runs live. Asks no server. */
export async function testPolicies(invocation: Invocation, files: readonly string[]): Promise<ExitCode> {
  demandFiles('test', files);
  const { context, options } = invocation;
  const { policies, faults } = await readPolicyFiles(invocation, files);
  for (const fault of faults) context.stderr.write(faultLine(fault));
  const results = policies.flatMap(({ file, document }) =>
    runPolicyTests(document).map((outcome) => ({ file, policy: document.name, ...outcome })),
  );
  const failed = results.filter(({ passed }) => !passed);
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  else {
    for (const { policy, name, passed, expected, found } of results) {
      context.stdout.write(`${passed ? 'pass' : 'FAIL'}  ${policy}: ${name}\n`);
      if (!passed) context.stdout.write(`      expected ${listed(expected)}\n      found    ${listed(found)}\n`);
    }
    context.stdout.write(`${results.length - failed.length} passed, ${failed.length} failed\n`);
  }
  return failed.length === 0 && faults.length === 0 ? EXIT.ok : EXIT.failed;
}

function listed(lines: readonly string[]): string {
  return lines.length === 0 ? 'nothing' : lines.join(', ');
}
