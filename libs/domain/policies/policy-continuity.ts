/** What a new version of a policy takes over from the one before it. */
import type { PolicyDocument } from './documents/policy-document.js';
import { isThreshold } from './grouping.js';
import type { Policy } from './policy.js';
import type { ThresholdPolicy } from './threshold-policy.js';

/** What one has counted goes on in the other. */
export function countsAlike(a: Policy, b: Policy): boolean {
  return counted(a) === counted(b);
}

/** What one decided holds in the other. */
export function decidesAlike(a: PolicyDocument, b: PolicyDocument): boolean {
  return decided(a) === decided(b);
}

function counted(policy: Policy): string {
  return JSON.stringify(isThreshold(policy) ? countedByThreshold(policy) : countedByDocument(policy.document));
}

function countedByThreshold({ match, groupBy, aggregate, field, window }: ThresholdPolicy): readonly unknown[] {
  return [match, groupBy, aggregate, field, window];
}

function countedByDocument({ match, per, measures }: PolicyDocument): readonly unknown[] {
  return [match, per, measures];
}

/** What holds and the brake follow from; a new exception ends nobody else's hold. */
function decided(document: PolicyDocument): string {
  const { except: _except, tests: _tests, owner: _owner, description: _description, name: _name, ...rest } = document;
  return JSON.stringify(rest);
}
