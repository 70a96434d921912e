/** Every case of test/bad-inputs.json against one running server: refused as promised, and nothing harmed. */
import { temporaryFolder } from '../support/temp-folder.js';
import { type BadInput, readBadInputs } from './bad-input.js';
import { CaseRun } from './case-run.js';
import { checksOf } from './checks.js';
import { expectAnswer, expectNothingLeaks } from './expectations.js';
import { Fixture } from './fixture.js';
import { NOT_BUILT } from './not-built.js';
import type { Observed } from './observed.js';
import { SOUND_REQUESTS, soundKindOf } from './sound-requests.js';

const CASE_MS = 120_000;
const LONG_MS = 20_000;
const cases = readBadInputs();
const root = temporaryFolder('bad-inputs');
let fixture: Fixture;

/** Clients that are cut off only after a while begin at once: the others are served meanwhile. */
const begun = new Map<string, Promise<Observed>>();

beforeAll(async () => {
  fixture = await Fixture.open(root);
  for (const { id, request, expect } of cases) {
    if (request.method !== 'RAW' || (expect.withinMs ?? 0) < LONG_MS) continue;
    begun.set(id, new CaseRun(fixture, id, expect.withinMs).send(request));
  }
}, CASE_MS);

afterAll(async () => {
  await fixture?.server.end();
}, CASE_MS);

const notBuilt = (badInput: BadInput) => NOT_BUILT.some(({ path }) => badInput.request.path === path);

describe('the request without its defect is taken', () => {
  const rows = Object.entries(SOUND_REQUESTS).flatMap(([kind, all]) =>
    all.map((it, i) => ({ name: `${kind} #${i + 1}`, ...it })),
  );

  test.each(rows)(
    '$name',
    async ({ name, request, status }) => {
      const run = new CaseRun(fixture, `sound-${name.replace(/\W+/g, '-')}`);
      try {
        expectAnswer(run, { status: [...status], neverContains: [], headerMustMatch: {} }, await run.send(request));
      } finally {
        await run.close();
      }
    },
    CASE_MS,
  );

  test('each case of the table has such a request', () => {
    const without = cases.filter((it) => !notBuilt(it) && !(soundKindOf(it) in SOUND_REQUESTS)).map(({ id }) => id);
    expect(without).toEqual([]);
  });
});

describe('a bad input is refused and harms nothing', () => {
  test.each(cases.filter((it) => !notBuilt(it)))(
    '$id',
    async (badInput) => runCase(badInput, badInput.expect),
    CASE_MS,
  );
});

describe('an operation that is not built says so', () => {
  test.each(NOT_BUILT)('$path: $reason', async ({ path }) => {
    const mentioned = cases.filter((it) => it.request.path === path);
    expect(mentioned).not.toEqual([]);
    for (const badInput of mentioned) await runCase(badInput, { ...badInput.expect, status: [404, 405, 413] });
    const plain = await fixture.call({ method: 'POST', path, body: '{}' });
    expect([404, 405]).toContain(plain.status);
  });
});

async function runCase(badInput: BadInput, expected: BadInput['expect']): Promise<void> {
  const run = new CaseRun(fixture, badInput.id, expected.withinMs);
  try {
    const checks = expected.andThen === undefined ? [] : await checksOf(expected.andThen, run);
    for (const given of badInput.request.given) await prepare(run, given);
    const observed = await (begun.get(badInput.id) ?? run.send(badInput.request));
    expectNothingLeaks(observed, fixture.server.rootKey);
    expectAnswer(run, expected, observed);
    for (const verify of checks) await verify(observed);
  } finally {
    await run.close();
  }
}

/** What stands before the case must succeed and be counted, or the case would prove nothing. */
async function prepare(run: CaseRun, given: BadInput['request']['given'][number]): Promise<void> {
  const { status, text } = await run.send(given);
  const succeeded = given.method === 'CLI' || given.method === 'START' ? status === 0 : status >= 200 && status < 300;
  if (!succeeded) throw new Error(`what comes before ${run.name} failed: ${status} ${text}`);
  if (given.path === '/api/v1/events') await run.fixture.drained();
}
