/** One backtest at a time, cancelled when asked, its end kept; over an in-memory policy store of LMDB. */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbPolicyStore } from '#adapters/lmdb/lmdb-policy-store.js';
import { KeymeterError } from '#domain/errors.js';
import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import { backtestRequestSchema } from '#domain/policies/backtest/backtest-request.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { eventually } from '../../../../test/support/eventually.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { BacktestDesk } from './backtest-desk.js';
import type { BacktestJob, BacktestProgress } from './backtest-driver.js';
import { BacktestRunner } from './backtest-runner.js';

const folder = temporaryFolder('backtest-desk');
const { id: _id, version: _version, createdAt: _created, updatedAt: _updated, ...POLICY } = policyOf();
const request = (change: object = {}) => backtestRequestSchema.parse({ policy: POLICY, ...change });
const REPORT = { decisions: 3 } as BacktestReport;

/** Ends when the test says so, as a thread would. */
class HeldRunner extends BacktestRunner {
  jobs: BacktestJob[] = [];
  told!: (progress: BacktestProgress) => void;
  finish!: (report: BacktestReport | undefined) => void;
  fail!: (error: Error) => void;

  run(job: BacktestJob, told: (progress: BacktestProgress) => void, signal: AbortSignal) {
    this.jobs.push(job);
    this.told = told;
    return new Promise<BacktestReport | undefined>((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
      signal.addEventListener('abort', () => resolve(undefined));
    });
  }
}

let runner: HeldRunner;
let desk: BacktestDesk;
let close: () => Promise<void>;
const clock = new ManualClock();
let count = 0;

beforeEach(async () => {
  const environment = await openEnvironment(join(folder, String(count++)));
  const store = new LmdbPolicyStore(environment);
  await store.commit({ kind: 'put', policy: policyOf({ threshold: 9 }, 4), rowId: 'r' }, { partition: 0, offset: 1 });
  runner = new HeldRunner();
  desk = new BacktestDesk(store, clock, runner);
  close = () => environment.close();
});
afterEach(() => close());

const stateOf = (id: string) => desk.find(id).state;

test('it runs the policy as the next version of the one in force, up to now', async () => {
  const { id } = await desk.start(request({ to: '2999-01-01T00:00:00Z' }));
  expect(runner.jobs[0]).toMatchObject({
    candidate: { id: 'pol_test', version: 5 },
    inForce: { version: 4 },
    to: clock.now(),
  });
  runner.told({ read: 5, total: 10 });
  expect(desk.find(id)).toMatchObject({ state: 'running', progress: { read: 5, total: 10 } });
  runner.finish(REPORT);
  await eventually(() => expect(desk.find(id)).toMatchObject({ state: 'done', report: REPORT }));
});

test('while one runs another is refused with the one that runs; after its end it is taken', async () => {
  const { id } = await desk.start(request());
  await expect(desk.start(request())).rejects.toMatchObject({ status: 409, detail: expect.stringContaining(id) });
  runner.finish(REPORT);
  await eventually(() => expect(stateOf(id)).toBe('done'));
  await desk.start(request());
});

test('two that are asked for at the same moment are one', async () => {
  const outcomes = await Promise.allSettled([desk.start(request()), desk.start(request())]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('a cancelled one ends; cancelling it again, or one that has ended, changes nothing', async () => {
  const { id } = await desk.start(request());
  desk.cancel(id);
  await eventually(() => expect(stateOf(id)).toBe('cancelled'));
  desk.cancel(id);
  expect(stateOf(id)).toBe('cancelled');
  await desk.start(request());
});

test('one that fails says why in a sentence, and the next one can begin', async () => {
  const { id } = await desk.start(request());
  runner.fail(new KeymeterError('STORE_UNAVAILABLE', 'secret detail', { retryable: true }));
  await eventually(() => expect(stateOf(id)).toBe('failed'));
  expect(desk.find(id).reason).toBe('Stored events cannot be read now (STORE_UNAVAILABLE): run it again later.');
  await desk.start(request());
});

test('the latest twenty are kept', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 22; n++) {
    const { id } = await desk.start(request());
    ids.push(id);
    runner.finish(REPORT);
    await eventually(() => expect(stateOf(id)).toBe('done'));
  }
  expect(desk.list().map(({ id }) => id)).toEqual(ids.slice(2).reverse());
  expect(() => desk.find(ids[0] ?? '')).toThrow('There is no backtest');
});
