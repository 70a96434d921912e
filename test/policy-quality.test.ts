/** The ready policies on traffic with a known truth; docs/policies.md shows these very numbers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { qualityOf, qualityTable } from './policy-quality/quality.js';
import { type Behaviour, traffic } from './policy-quality/traffic.js';

const SEED = 20260601;

test('precision and recall of every ready policy are what docs/policies.md says, and good', () => {
  const made = traffic(SEED);
  const qualities = (Object.keys(made.truth) as Behaviour[]).map((policy) => qualityOf(policy, made));
  for (const { policy, found, falselyFound, missed } of qualities) {
    expect({ policy, precise: found / (found + falselyFound) >= 0.9 }).toEqual({ policy, precise: true });
    expect({ policy, recalls: found / (found + missed) >= 0.75 }).toEqual({ policy, recalls: true });
  }
  const page = readFileSync(join(import.meta.dirname, '../docs/policies.md'), 'utf8');
  expect(page).toContain(qualityTable(qualities));
  expect(page).toContain(`${made.events.length.toLocaleString('en')} events`);
}, 60_000);
