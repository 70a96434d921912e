/** SIGTERM under load: what is being asked is answered, nothing acknowledged is lost, the exit is clean and in time. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { ROOT_KEY, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { USAGE_TYPE } from './ingest-load.js';
import { type Entry, Ledger, readLedger } from './ledger.js';
import { Load } from './load.js';
import { numberedEvents, postEvents } from './numbered-events.js';
import { allDeadLetters, allEvents, settled } from './server-view.js';
import { Target } from './target.js';
import { judgeTotals, usageMeters } from './totals-oracle.js';
import { judgeUsage } from './usage-oracle.js';
import { judgeVerdicts } from './verify-oracle.js';
import { buildWorld } from './world.js';

/** A request older than this when the signal comes has certainly been read by the server. */
const SURELY_READ_MS = 100;
const GRACE_MS = 30_000;

const folder = temporaryFolder('shutdown');
const dataDir = join(folder, 'data');

it('a stop under load answers what was asked, ends with 0 within its grace, and loses nothing', async () => {
  const random = randomFrom(drawSeed('shutdown'));
  const standalone = await startStandalone({ dataDir, env: { KEYMETER_SHUTDOWN_MS: '12000' } });
  const caller = new HttpCaller(standalone.url, ROOT_KEY);
  const target = new Target();
  const ledger = new Ledger(join(folder, 'ledger.ndjson'));
  const load = new Load([target], ledger, random, await buildWorld(caller));
  target.attach(new HttpCaller(standalone.url, ROOT_KEY));
  load.run({ verifiers: 6, ingesters: 4, pauseMs: 5 });
  const silent = connect(Number(new URL(standalone.url).port), '127.0.0.1'); // says nothing, and never goes
  silent.on('error', () => {});
  await pause(1_500);

  // These wait for the fates of their events, so they are in the middle of it when the signal comes.
  const waiting = Array.from({ length: 10 }, (_, i) =>
    postEvents(caller, numberedEvents(5, { first: i * 5 }), { prefer: 'return=representation' }),
  );
  await pause(20);
  const signalledAt = Date.now();
  standalone.kill('SIGTERM');
  await pause(20);
  standalone.kill('SIGTERM');
  await eventually(async () => expect(await standalone.isReady()).toBe(false)); // a busy process hears of it a moment later
  const exit = await standalone.exited;
  await load.stop();
  ledger.close();
  expect(exit).toEqual({ code: 0, signal: null });
  expect(Date.now() - signalledAt).toBeLessThan(GRACE_MS);
  for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ kind: 'answer', status: 200 });
  const entries = readLedger(ledger.path);
  expect(entries.filter((entry) => isLost(entry, signalledAt))).toEqual([]);
  await expectNothingLost(entries);
}, 120_000);

async function expectNothingLost(entries: readonly Entry[]): Promise<void> {
  const standalone = await startStandalone({ dataDir });
  const caller = new HttpCaller(standalone.url, ROOT_KEY);
  await settled(caller);
  const usage = await allEvents(caller, USAGE_TYPE);
  const requests = await allEvents(caller, 'request');
  const { problems, acknowledged } = judgeUsage(entries, usage, await allDeadLetters(caller));
  expect(problems).toEqual([]);
  expect(acknowledged).toBeGreaterThan(100);
  expect(judgeVerdicts(entries, requests)).toEqual([]);
  expect(await judgeTotals(caller, usageMeters({ usage, requests }))).toEqual([]);
  expect(standalone.logs).not.toContain('an interrupted range was proved'); // it ended with its range finished
  expect(await standalone.end()).toEqual({ code: 0, signal: null });
}

/** Sent well before the signal and not answered to the end. */
function isLost({ at, answer }: Entry, signalledAt: number): boolean {
  return at < signalledAt - SURELY_READ_MS && answer.outcome === 'unknown';
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
