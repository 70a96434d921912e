/** Documents and events for tests and benchmarks. */
import type { PlacedEvent } from '../../events/usage-event.js';
import type { JsonObject } from '../../json.js';
import { DEFAULT_LIMITS } from '../engine-limits.js';
import { eventAt } from '../policy-fixture.js';
import type { Decision } from './document-decision.js';
import type { DocumentPolicy } from './document-policy.js';
import { DocumentRun } from './document-run.js';
import { policyDocumentSchema } from './policy-document.js';

/** Over three calls a minute per key: slow for a minute, then suspended for ten. */
export function documentOf(change: Record<string, unknown> = {}, version = 1): DocumentPolicy {
  const document = policyDocumentSchema.parse({
    kind: 'Policy',
    apiVersion: 'keymeter/v1',
    name: 'test',
    mode: 'on',
    match: 'type == "request"',
    per: 'keyId',
    measures: { calls: { aggregate: 'count', window: '1m' } },
    when: 'calls > 3',
    // biome-ignore lint/suspicious/noThenProperty: a list is no function
    then: [
      { action: 'slow', limit: 1, window: '1m', for: '1m' },
      { action: 'suspend', for: '10m' },
    ],
    ...change,
  });
  const { name, mode } = document;
  return { id: `pol_${name}`, version, createdAt: 0, updatedAt: 0, name, mode, document };
}

export function runOf(policy: DocumentPolicy = documentOf(), limits = {}): DocumentRun {
  return new DocumentRun(policy, { limits: { ...DEFAULT_LIMITS, ...limits } });
}

/** Calls of a key at these seconds after the epoch's first day, in this order. */
export function callsAt(
  seconds: readonly number[],
  data: JsonObject = { keyId: 'k1' },
  firstOffset = 0,
): PlacedEvent[] {
  return seconds.map((second, n) => eventAt(86_400_000 + second * 1_000, firstOffset + n, data));
}

export function decisions(run: DocumentRun, events: readonly PlacedEvent[]): Decision[] {
  return events.flatMap((event) => run.apply(event) ?? []);
}
