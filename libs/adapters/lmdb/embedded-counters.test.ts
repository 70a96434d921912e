import { join } from 'node:path';
import { KeymeterError } from '#domain/errors.js';
import { encodeRow } from '#domain/events/usage-row.js';
import type { Charge, TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import type { CreditAccount } from '#domain/keys/credits.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { faulty } from '../../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ManualClock } from '../clock/manual-clock.js';
import { SegmentLogReader } from '../segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '../segment-log/segment-log-writer.js';
import { EmbeddedCounters } from './embedded-counters.js';
import { openEnvironment } from './environment.js';

const folder = temporaryFolder('counters');
const START = Date.UTC(2026, 0, 31, 23, 59, 50);

/** Counters with the log they are a fold of; `crash` throws the memory away. */
class Bench {
  failing = false;
  /** What the log answers from now on, it answers after this. */
  gate: Promise<void> = Promise.resolve();
  /** Transactions of the store that still succeed. */
  transactions = Number.POSITIVE_INFINITY;
  #event = 0;
  private constructor(
    readonly path: string,
    readonly clock: ManualClock,
    readonly maxEntries: number,
    readonly counters: EmbeddedCounters,
    private readonly recorder: UsageRecorder,
    private readonly stop: () => Promise<void>,
    readonly reader: SegmentLogReader,
  ) {}

  static async open(path: string, clock = new ManualClock(START), maxEntries = 1000): Promise<Bench> {
    const options = { folder: join(path, 'log'), partitions: 1, segmentBytes: 5_000, maxBytes: 1e9, reserveBytes: 0 };
    const writer = await SegmentLogWriter.open(options);
    const reader = new SegmentLogReader(options.folder, writer.watermarks.shared);
    const environment = await openEnvironment(join(path, 'lmdb'));
    const cutOff = faulty(environment, {
      transaction: (call) => (bench.transactions-- > 0 ? call() : Promise.reject(new Error('cut off'))),
    });
    const log = faulty(writer, {
      append: (call) => {
        const refused = () => Promise.reject(new KeymeterError('LOG_FULL', 'full', { retryable: true }));
        return bench.failing ? bench.gate.then(refused) : call();
      },
      sealed: (call) => bench.gate.then(call),
    });
    const recorder = new UsageRecorder(log, clock);
    const counters = new EmbeddedCounters(cutOff, clock, () => recorder.seal(), maxEntries);
    const stop = async () => {
      await reader.close();
      await writer.close();
      await environment.close();
    };
    const bench: Bench = new Bench(path, clock, maxEntries, counters, recorder, stop, reader);
    await counters.restore(reader);
    return bench;
  }

  /** Takes and records in one turn, as a verification does; resolves when the log has answered. */
  take(request: TakeRequest): { outcome: TakeOutcome; landed: Promise<boolean> } {
    const outcome = this.counters.take(request, this.clock.now());
    return { outcome, landed: this.record(outcome.charge) };
  }

  record(charge: Charge | undefined): Promise<boolean> {
    const id = String(this.#event++);
    const source = 'keymeter/ingress/test';
    const event = { id, source, type: 'request', subject: 's', time: 1, data: null, idHash: 0, fingerprint: 0 };
    return new Promise((resolve) => {
      this.recorder.record(`${encodeRow(event, { charge })}\n`, 1, (error) => {
        if (error !== undefined && charge) this.counters.undo(charge);
        resolve(error === undefined);
      });
    });
  }

  /** What was not handed to the log yet is lost. */
  async crash(): Promise<Bench> {
    this.failing = true;
    await this.stop();
    return Bench.open(this.path, this.clock, this.maxEntries);
  }

  close(): Promise<void> {
    return this.stop();
  }
}

const account: CreditAccount = { id: 'cr_1', initial: 100, since: START };
const window = (limit: number, cost = 1, id = 'w', duration = 10_000) => ({ id, limit, cost, duration });

test('a clock set back, even after a jump ahead and a sweep, never grants a window twice', async () => {
  const bench = await Bench.open(join(folder, 'clock'));
  const take = () => bench.counters.take({ windows: [window(1)] }, bench.clock.now()).passed;
  expect([take(), take()]).toEqual([true, false]);
  bench.clock.jumpTo(START + 86_400_000);
  await bench.counters.checkpoint();
  bench.clock.jumpTo(START);
  expect(take()).toBe(false);
  bench.clock.jumpTo(START + 86_400_000);
  expect([take(), take()]).toEqual([true, false]);
  bench.clock.jumpTo(START);
  expect(take()).toBe(false);
  await bench.close();
});

test('a charge that the log refused is given back, while another on top of it stays', async () => {
  let bench = await Bench.open(join(folder, 'refused'));
  const spend = { windows: [window(10)], credits: { account, cost: 10 } };
  expect(await bench.take(spend).landed).toBe(true);
  bench.failing = true;
  const refused = bench.take(spend);
  expect(await refused.landed).toBe(false);
  bench.failing = false;
  expect(await bench.take(spend).landed).toBe(true);
  for (const reopen of [false, true]) {
    if (reopen) bench = await bench.crash();
    expect(bench.counters.balance(account, START)).toBe(80);
    expect(bench.counters.take({ windows: [window(10, 0)] }, START).windows[0]?.remaining).toBe(8);
  }
  await bench.close();
});

test('a checkpoint whose values hold a charge that is refused meanwhile is not written', async () => {
  let bench = await Bench.open(join(folder, 'overtaken'));
  const spend = { windows: [window(10)], credits: { account, cost: 10 } };
  let open = () => {};
  bench.gate = new Promise((resolve) => {
    open = resolve;
  });
  bench.failing = true;
  const refused = bench.take(spend);
  const checkpoint = bench.counters.checkpoint();
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate); // the values are taken, the log has not answered
  open();
  expect(await refused.landed).toBe(false);
  await checkpoint;
  bench = await bench.crash();
  expect(bench.counters.balance(account, START)).toBe(100);
  await bench.close();
});

test('a kept answer survives a crash until its end, and is forgotten when its event was refused', async () => {
  let bench = await Bench.open(join(folder, 'answers'));
  const charge: Charge = { v: ['key', 'hash', START + 60_000, '{"a":1}'] };
  const kept = (key: string, now: number) => bench.counters.claim({ key, requestHash: 'hash', operation: 'new' }, now);
  bench.counters.keep(charge);
  await bench.record(charge);
  bench.failing = true;
  const lost: Charge = { v: ['lost', 'hash', START + 60_000, '{}'] };
  bench.counters.keep(lost);
  await bench.record(lost);
  bench = await bench.crash();
  expect(kept('key', START)).toMatchObject({ kept: { requestHash: 'hash', answer: '{"a":1}' } });
  expect(kept('lost', START)).toEqual({ kind: 'mine' });
  await bench.counters.checkpoint();
  bench = await bench.crash();
  expect(kept('key', START + 59_999).kind).toBe('kept');
  expect(kept('key', START + 60_000).kind).toBe('mine');
  await bench.close();
});

test('values above the limit of memory are dropped and read back', async () => {
  const bench = await Bench.open(join(folder, 'bounded'), new ManualClock(START), 10);
  const accounts = Array.from({ length: 100 }, (_, i) => ({ ...account, id: `cr_${i}` }));
  for (const each of accounts) await bench.take({ windows: [], credits: { account: each, cost: 1 } }).landed;
  for (let i = 0; i < 5; i++) await bench.counters.checkpoint();
  expect(bench.counters.held.credits).toBeLessThanOrEqual(10);
  expect(accounts.map((each) => bench.counters.balance(each, START))).toEqual(accounts.map(() => 99));
  await bench.close();
});

test('windows that are over leave memory and store, those of a later clock only when their time has really passed', async () => {
  let bench = await Bench.open(join(folder, 'swept'));
  for (let i = 0; i < 50; i++) await bench.take({ windows: [window(9, 1, `w${i}`)] }).landed;
  bench.clock.jumpTo(START + 86_400_000);
  await bench.counters.checkpoint();
  expect(bench.counters.held.windows).toBe(50);
  bench.clock.advance(10_000);
  await bench.counters.checkpoint();
  expect(bench.counters.held.windows).toBe(0);
  bench = await bench.crash();
  expect(bench.counters.held.windows).toBe(0);
  await bench.close();
});

test('a checkpoint cut off between its transactions counts nothing twice', async () => {
  for (let transactions = 0; transactions < 4; transactions++) {
    let bench = await Bench.open(join(folder, `cut-${transactions}`));
    const spend = { windows: [window(10)], credits: { account, cost: 10 } };
    await bench.take(spend).landed;
    await bench.counters.checkpoint();
    await bench.take(spend).landed;
    bench.transactions = transactions;
    if (transactions < 3)
      await expect(bench.counters.checkpoint()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    bench.transactions = Number.POSITIVE_INFINITY;
    await bench.take(spend).landed;
    bench = await bench.crash();
    expect(bench.counters.balance(account, START)).toBe(70);
    expect(bench.counters.take({ windows: [window(10, 0)] }, START).windows[0]?.remaining).toBe(7);
    await bench.close();
  }
});

test('after any crash no window grants more than its limit and credits are what the acknowledged calls left', async () => {
  const seed = drawSeed('counters');
  const random = randomFrom(seed);
  const pick = (n: number) => Math.floor(random() * n);
  const LIMIT = 12;
  for (let run = 0; run < 8; run++) {
    const monthly = { ...account, initial: 300, refill: { amount: 200, interval: 'daily' as const } };
    let bench = await Bench.open(join(folder, `random-${run}`), new ManualClock(START), run % 2 ? 3 : 1000);
    const passes = new Map<string, number>();
    let credits = 300;
    let day = Math.floor(START / 86_400_000);
    for (let step = 0; step < 60; step++) {
      if (pick(6) === 0) bench.clock.advance(pick(9_000));
      const today = Math.floor(bench.clock.now() / 86_400_000);
      if (today > day) {
        credits = Math.max(credits, 200);
        day = today;
      }
      bench.failing = pick(5) === 0;
      const batch = Array.from({ length: 1 + pick(5) }, () => {
        const id = `w${pick(6)}`;
        const cost = pick(4);
        const spent = pick(9) - 2;
        const request = { windows: [window(LIMIT, cost, id)], credits: { account: monthly, cost: spent } };
        return { id, cost, spent, at: bench.clock.now(), ...bench.take(request) };
      });
      if (pick(3) === 0) bench.transactions = pick(4);
      const checkpoint = pick(4) === 0 ? bench.counters.checkpoint().catch(() => undefined) : undefined;
      if (pick(3) === 0) await new Promise(setImmediate);
      const crashed = pick(5) === 0;
      const landed = Promise.all(batch.map((call) => call.landed));
      await checkpoint;
      bench.transactions = Number.POSITIVE_INFINITY;
      if (crashed) bench = await bench.crash();
      const outcomes = await landed;
      batch.forEach((call, i) => {
        if (!call.outcome.passed || !outcomes[i]) return;
        const grant = `${call.id}@${Math.floor(call.at / 10_000)}`;
        passes.set(grant, (passes.get(grant) ?? 0) + call.cost);
        credits -= call.spent;
      });
      expect(bench.counters.balance(monthly, bench.clock.now())).toBe(credits);
    }
    expect(Math.max(...passes.values())).toBeLessThanOrEqual(LIMIT);
    for (const [grant, units] of passes) {
      const [id, index] = grant.split('@');
      if (Number(index) !== Math.floor(bench.clock.now() / 10_000)) continue;
      const probe = bench.counters.take({ windows: [window(LIMIT, 0, id)] }, bench.clock.now());
      expect(probe.windows[0]?.remaining).toBe(LIMIT - units);
    }
    await bench.close();
  }
});
