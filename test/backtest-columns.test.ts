/** A backtest reads only what its policies look at: that changes no decision. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import { Backtest } from '#domain/policies/backtest/backtest.js';
import { columnsRead } from '#domain/policies/backtest/columns-read.js';
import { EventPage } from '#domain/policies/backtest/event-page.js';
import { pageOf } from '#domain/policies/backtest/page-fixture.js';
import { READING_POLICIES } from '#domain/policies/backtest/reading-fixture.js';
import { draftOf } from '#domain/policies/documents/policy-draft.js';
import { readPolicyFile } from '#domain/policies/documents/policy-file.js';
import type { Policy } from '#domain/policies/policy.js';
import { eventAt } from '#domain/policies/policy-fixture.js';
import { drawSeed, randomFrom } from './support/seed.js';

const READY = join(import.meta.dirname, '../policies');
const START = Date.UTC(2026, 3, 1);
const RANGE = { from: 0, to: Number.MAX_SAFE_INTEGER };
const random = randomFrom(drawSeed('backtest columns'));
const below = (most: number) => Math.floor(random() * most);

test('every ready policy, and all kinds of thresholds, decide over what they look at as over whole events', () => {
  const events = Array.from({ length: 12_000 }, (_, n) => eventOf(n));
  const files = readdirSync(READY).flatMap((file) => readPolicyFile(readFileSync(join(READY, file), 'utf8')).policies);
  const documents = files.map(({ document }): Policy => ({ ...draftOf(document), id: `pol_${document.name}` }));
  const decided = [...documents, ...Object.values(READING_POLICIES)].map((policy) => {
    const whole = new Backtest(policy, undefined, RANGE);
    whole.begin(0);
    for (const event of events) whole.apply(event);
    const read = new Backtest(policy, undefined, RANGE);
    read.begin(0);
    const columns = columnsRead([policy]);
    const page = new EventPage(pageOf(events, columns), 0, columns);
    for (let at = 0; at < page.length; at++) read.apply(page.at(at));
    expect([policy.name, read.candidate.digest()]).toEqual([policy.name, whole.candidate.digest()]);
    expect(read.candidate.refused).toBe(whole.candidate.refused);
    return whole.candidate.decisions;
  });
  expect(decided.filter((decisions) => decisions > 0).length).toBeGreaterThan(8);
});

/** Of a few keys, some wild, some without this or that. */
function eventOf(n: number): PlacedEvent {
  const key = below(5);
  const data: JsonObject = {
    keyId: `key_${key}`,
    identityId: `id_${key >> 1}`,
    apiId: 'api',
    ip: key === 0 ? `10.0.${below(9)}.${below(250)}` : `10.9.0.${key}`,
    outcome: random() < 0.3 ? 'NOT_FOUND' : 'VALID',
    method: 'GET',
    status: random() < 0.3 ? (random() < 0.5 ? 404 : '503') : 200,
    route: random() < 0.1 ? '' : `/things/${below(900)}`,
    bytes: below(2_000),
    cost: below(100) / 100,
    plan: random() < 0.5 ? 'ö' : 3,
  };
  for (const name of Object.keys(data)) if (random() < 0.02) delete data[name];
  const at = START + n * 10 + (n > 6_000 ? 200 * 86_400_000 : 0); // a long silence in between
  return { ...eventAt(at, n, random() < 0.01 ? (null as never) : data), subject: `s${below(3)}` };
}
