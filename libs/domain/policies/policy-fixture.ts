/** Policies and events for tests and benchmarks. */
import type { PlacedEvent } from '../events/usage-event.js';
import type { JsonObject } from '../json.js';
import type { EnginePart } from './engine-snapshot.js';
import type { Policy } from './policy.js';
import { changeEvent, POLICY_PUT } from './policy-change.js';
import { type ThresholdPolicy, thresholdInputSchema } from './threshold-policy.js';

/** More than three a minute per key are held for ten minutes, unless said otherwise. */
export function policyOf(change: Record<string, unknown> = {}, version = 1): ThresholdPolicy {
  const input = thresholdInputSchema.parse({
    name: 'test',
    match: { type: 'request' },
    groupBy: 'keyId',
    aggregate: 'count',
    window: '1m',
    threshold: 3,
    action: { type: 'suspend', for: '10m' },
    mode: 'on',
    ...change,
  });
  return { ...input, id: `pol_${input.name}`, version, createdAt: 0, updatedAt: 0 };
}

export function eventAt(time: number, offset: number, data: JsonObject = { keyId: 'k1' }, index = 0): PlacedEvent {
  return {
    id: `e${offset}`,
    source: 'test',
    type: 'request',
    subject: 's1',
    time,
    data,
    idHash: 1,
    fingerprint: 1,
    partition: 0,
    offset,
    index,
    acceptedAt: time,
  };
}

export function putRow(policy: Policy, offset: number, time = 0): PlacedEvent {
  const event = changeEvent(POLICY_PUT, `c${offset}`, policy.id, time, policy);
  return { ...event, partition: 0, offset, index: 0, acceptedAt: time };
}

/** The parts of the state that a store has when it takes the next one. */
export function withNext(stored: readonly Uint8Array[], { bytes, follows }: EnginePart): Uint8Array[] {
  return [...stored.slice(stored.length - follows), bytes];
}
