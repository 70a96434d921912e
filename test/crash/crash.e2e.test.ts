/**
 * kill -9 at random moments under load, again and again on one data folder. What holds afterwards is judged from
 * outside: the ledger of the load against the public API.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { drawSeed, randomFrom } from '../support/seed.js';
import { launchStandalone, ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { USAGE_TYPE } from './ingest-load.js';
import { type Entry, Ledger, readLedger } from './ledger.js';
import { Load } from './load.js';
import {
  allDeadLetters,
  allEvents,
  type DeadLetter,
  fatesMetric,
  type ListedEnforcement,
  type RawEvent,
  settled,
  settledEnforcements,
} from './server-view.js';
import { Target } from './target.js';
import { judgeTotals } from './totals-oracle.js';
import { judgeUsage } from './usage-oracle.js';
import { judgeCredits, judgeLimits, judgeRevoked, judgeVerdicts } from './verify-oracle.js';
import { buildWorld, CREDITS, type World } from './world.js';

const KILLS = Number(process.env.KEYMETER_TEST_KILLS ?? 50);
const seed = drawSeed('crash');
const random = randomFrom(seed);
const dataDir = temporaryFolder('crash');
const ledgerPath = join(temporaryFolder('crash-ledger'), 'ledger.ndjson');
const target = new Target();
const recoveries: number[] = [];
const logs: string[] = [];

let world: World;
let load: Load;
let last: Standalone;
let caller: HttpCaller;
const afterRestart: string[] = [];

interface View {
  readonly entries: Entry[];
  readonly usage: RawEvent[];
  readonly requests: RawEvent[];
  readonly credits: RawEvent[];
  readonly audit: RawEvent[];
  readonly letters: DeadLetter[];
  readonly enforcements: ListedEnforcement[];
}
let view: View;

beforeAll(async () => {
  const ledger = new Ledger(ledgerPath);
  const first = await startStandalone({ dataDir });
  world = await buildWorld(new HttpCaller(first.url, ROOT_KEY));
  load = new Load(target, ledger, random, world);
  load.run({ verifiers: 6, ingesters: 3, pauseMs: 20 });
  await live(first);
  for (let kill = 1; kill < KILLS; kill++) await nextLife();
  last = await startStandalone({ dataDir });
  recoveries.push(performance.now() - last.startedAt);
  caller = new HttpCaller(last.url, ROOT_KEY);
  await load.stop();
  afterRestart.push(...(await load.keys.check(caller, load.verify)));
  await settled(caller);
  ledger.close();
  view = await look();
  report();
}, 600_000);

/** Under load for a random while, then killed. */
async function live(standalone: Standalone): Promise<void> {
  const life = 100 + 1_500 * random() ** 2;
  target.attach(new HttpCaller(standalone.url, ROOT_KEY));
  await new Promise((resolve) => setTimeout(resolve, life));
  const { signal } = await standalone.end('SIGKILL');
  if (signal !== 'SIGKILL') throw new Error(`it ended before the kill:\n${standalone.logs}`);
  target.detach();
  logs.push(standalone.logs);
}

async function nextLife(): Promise<void> {
  const standalone = launchStandalone({ dataDir });
  if (random() < 0.15) {
    await new Promise((resolve) => setTimeout(resolve, 2_000 * random())); // in the middle of recovery
    await standalone.end('SIGKILL');
    logs.push(standalone.logs);
    return;
  }
  recoveries.push(await standalone.ready());
  const check = new HttpCaller(standalone.url, ROOT_KEY);
  afterRestart.push(...(await load.keys.check(check, load.verify)));
  check.close();
  await live(standalone);
}

async function look(): Promise<View> {
  const enforcements = await settledEnforcements(caller);
  await settled(caller);
  return {
    entries: readLedger(ledgerPath),
    usage: await allEvents(caller, USAGE_TYPE),
    requests: await allEvents(caller, 'request'),
    credits: await allEvents(caller, 'keymeter.credits'),
    audit: await allEvents(caller, 'keymeter.enforcement'),
    letters: await allDeadLetters(caller),
    enforcements,
  };
}

function report(): void {
  const { problems: _, ...counts } = judgeUsage(view.entries, view.usage, view.letters);
  const sorted = recoveries.toSorted((a, b) => a - b);
  const summary = {
    seed,
    kills: KILLS,
    ...counts,
    requests: view.requests.length,
    revoked: judgeRevoked(view.entries).revoked,
    enforcements: view.enforcements.length,
    replayedRanges: logs.join('').split('an interrupted range was proved').length - 1,
    recoveryMs: { median: Math.round(sorted[sorted.length >> 1] ?? 0), max: Math.round(sorted.at(-1) ?? 0) },
  };
  process.stderr.write(`crash: ${JSON.stringify(summary)}\n`);
}

const keyAndOutcome = ({ data }: RawEvent) => `${data.keyId ?? ''} ${data.outcome}`;
const teamAndPlan = ({ subject, data }: RawEvent) => `${subject} ${data.plan}`;

describe(`after ${KILLS} kills under load`, () => {
  it('every acknowledged event is counted once, no refused one is, and each conflict is one dead letter', () => {
    const { problems, unknown, acknowledged } = judgeUsage(view.entries, view.usage, view.letters);
    expect(problems).toEqual([]);
    expect(acknowledged).toBeGreaterThan(KILLS * 10);
    expect(unknown).toBeGreaterThan(0); // otherwise no kill hit a request
  });

  it('every rollup and the raw events give the same totals', async () => {
    const groups = ['subject', 'plan'];
    const usage = { events: view.usage, groupBy: groups, groups: teamAndPlan };
    const problems = await judgeTotals(caller, [
      { ...usage, slug: 'crash_events', value: () => 1 },
      { ...usage, slug: 'crash_bytes', value: ({ data }) => data.bytes },
      { ...usage, slug: 'crash_value', value: ({ data }) => data.value },
      { slug: 'requests', events: view.requests, groupBy: ['keyId', 'outcome'], groups: keyAndOutcome, value: () => 1 },
    ]);
    expect(problems).toEqual([]);
  });

  it('every verdict that was read is counted as one request event with the same outcome', () => {
    expect(judgeVerdicts(view.entries, view.requests)).toEqual([]);
  });

  it('no key is valid once its revoke was answered, and every created key is', () => {
    const { problems, revoked, asked } = judgeRevoked(view.entries);
    expect(problems).toEqual([]);
    expect(afterRestart).toEqual([]);
    expect(Math.min(revoked, asked)).toBeGreaterThan(KILLS / 2);
  });

  it('no window lets more through than its limit, and none refuses before the limit is reached', () => {
    const { problems, full } = judgeLimits(view.entries, view.requests);
    expect(problems).toEqual([]);
    expect(full).toBeGreaterThan(0);
  });

  it('no key spends more credits than it was given, and its balance is exactly the rest', async () => {
    const granted = await Promise.all(
      world.credited.map(async ({ keyId }) => {
        const { data } = await caller.demand('POST', '/v2/keys.getKey', { keyId });
        return { keyId, initial: CREDITS, remaining: data.credits.remaining as number };
      }),
    );
    expect(judgeCredits(view.entries, view.requests, view.credits, granted)).toEqual([]);
  });

  it('every crossing is enforced once and has one audit event', () => {
    const { enforcements, audit } = view;
    const crossings = enforcements.map(({ policyId, target: it, cause }) => JSON.stringify([policyId, it, cause]));
    expect(new Set(crossings).size).toBe(crossings.length);
    expect(audit.map(({ id }) => id).toSorted()).toEqual(enforcements.map(({ id }) => id).toSorted());
    expect(enforcements.length).toBeGreaterThan(0);
  });

  it('no key, root key or their text is in any log', () => {
    const text = logs.join('') + last.logs;
    const keys = [world.plain, world.limited, world.credited, world.policed].flat().map(({ key }) => key);
    for (const secret of [...keys, ...load.keys.issued, ROOT_KEY]) expect(text.includes(secret)).toBe(false);
  });

  it('the log replayed from its beginning gives the same events, dead letters, fates and enforcements', async () => {
    expect(await last.end('SIGTERM')).toEqual({ code: 0, signal: null });
    for (const derived of ['usage', 'progress']) rmSync(join(dataDir, derived), { recursive: true });
    last = await startStandalone({ dataDir });
    caller = new HttpCaller(last.url, ROOT_KEY);
    await settled(caller);
    const { usage, requests, letters, enforcements } = await look();
    const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id).toSorted();
    expect(ids(usage)).toEqual(ids(view.usage));
    expect(ids(requests)).toEqual(ids(view.requests));
    expect(ids(letters)).toEqual(ids(view.letters));
    expect(ids(enforcements)).toEqual(ids(view.enforcements));
    const { acknowledged, unknown, counted } = judgeUsage(view.entries, view.usage, view.letters);
    const fates = await fatesMetric(caller);
    const submitted = counted + (fates.duplicate ?? 0) + (fates.conflict ?? 0);
    expect(submitted).toBeGreaterThanOrEqual(acknowledged);
    expect(submitted).toBeLessThanOrEqual(acknowledged + unknown);
    expect(fates.conflict).toBe(view.letters.length);
    expect(fates.undecodable).toBe(0);
    expect(await last.end('SIGTERM')).toEqual({ code: 0, signal: null });
  }, 120_000);
});
