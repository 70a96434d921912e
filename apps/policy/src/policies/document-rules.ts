import { missingExamples, runPolicyTests } from '#domain/policies/documents/policy-tests.js';
import { isRegrouped, isThreshold } from '#domain/policies/grouping.js';
import type { Policy } from '#domain/policies/policy.js';
import { carriedBytes, MAX_CARRIED_BYTES } from '#domain/policies/regrouper.js';
import { type FieldError, invalidInput } from '#runtime/http/http-problem.js';

/** What a document must show before it decides anything: its examples; and that it can be counted here at all. */
export class DocumentRules {
  constructor(private readonly partitions: number) {}

  /** Throws a 400 that names what is missing. */
  demand(policy: Policy): void {
    if (isThreshold(policy)) return;
    const errors: FieldError[] = [];
    if (this.partitions > 1 && isRegrouped(policy) && carriedBytes(policy) > MAX_CARRIED_BYTES) {
      const message = `has ${carriedBytes(policy)} bytes without its tests, and travels with its events since it groups across partitions: at most ${MAX_CARRIED_BYTES}; shorten "except"`;
      errors.push({ location: '/', message });
    }
    const { document } = policy;
    if (document.mode !== 'off') {
      const missing = missingExamples(document);
      if (missing !== undefined) errors.push({ location: '/tests', message: missing });
    }
    runPolicyTests(document).forEach(({ passed, name, expected, found }, n) => {
      if (passed) return;
      const message = `"${name}" expects ${listed(expected)}; the policy does ${listed(found.slice(0, 5))}`;
      errors.push({ location: `/tests/${n}`, message });
    });
    if (errors.length > 0) throw invalidInput('The policy does not do what it says.', errors);
  }
}

function listed(lines: readonly string[]): string {
  return lines.length === 0 ? 'nothing' : lines.join(', ');
}
