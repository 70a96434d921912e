/** Bytes of memory for one subject of one policy: heap and array buffers after a collection, over many subjects. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { documentOf } from '#domain/policies/documents/document-fixture.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import type { Policy } from '#domain/policies/policy.js';
import { eventAt, policyOf } from '#domain/policies/policy-fixture.js';

const SUBJECTS = 200_000;
const START = Date.UTC(2026, 0, 1);
const LIMITS = { maxTargets: 2 * SUBJECTS, maxEvents: 10 * SUBJECTS };

const BASELINE = {
  measures: {
    calls: { aggregate: 'count', window: '1h' },
    usual: { aggregate: 'baseline', of: 'calls', warmUp: '14d', floor: 10 },
  },
  when: 'calls > 10.0 * usual',
};

export interface SubjectBytes {
  readonly name: string;
  readonly bytes: number;
  readonly atMost: number;
}

export function subjectBytes(): SubjectBytes[] {
  return [
    { name: 'sliding minute, one event each', bytes: bytesOf(policyOf({ threshold: 100 })), atMost: 400 },
    { name: 'hour-of-week baseline', bytes: bytesOf(documentOf(BASELINE)), atMost: 2_000 },
  ];
}

function bytesOf(policy: Policy): number {
  const engine = new PolicyEngine(LIMITS);
  engine.putPolicy(policy);
  const before = used();
  for (let n = 0; n < SUBJECTS; n++) {
    engine.apply(eventAt(START + n / 10, n, { keyId: `key_${n.toString(36).padStart(12, '0')}` }));
  }
  const bytes = Math.round((used() - before) / SUBJECTS);
  if (engine.targets !== SUBJECTS) throw new Error('all subjects must still be known');
  return bytes;
}

function used(): number {
  setFlagsFromString('--expose-gc');
  for (let n = 0; n < 3; n++) runInNewContext('gc')(); // buffers go with the collection after that of their owners
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
