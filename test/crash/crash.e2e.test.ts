/**
 * kill -9 at random moments under load, again and again on one data folder. What holds afterwards is judged from
 * outside: the ledger of the load against the public API.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { KillRun, type View } from './kill-run.js';
import { fatesMetric } from './server-view.js';
import { judgeTotals, usageMeters } from './totals-oracle.js';
import { judgeUsage } from './usage-oracle.js';
import { judgeCredits, judgeLimits, judgeRevoked, judgeVerdicts } from './verify-oracle.js';
import { CREDITS } from './world.js';

const KILLS = Number(process.env.KEYMETER_TEST_KILLS ?? 15);
const seed = drawSeed('crash');
const dataDir = temporaryFolder('crash');
const run = new KillRun({
  dataDir,
  ledgerDir: temporaryFolder('crash-ledger'),
  kills: KILLS,
  random: randomFrom(seed),
  longestLifeMs: 1_500,
  duringRecovery: 0.25,
});
let view: View;

beforeAll(async () => {
  await run.run();
  view = await run.look();
  report();
}, 900_000);

function report(): void {
  const { problems: _, ...counts } = judgeUsage(view.entries, view.usage, view.letters);
  const sorted = run.recoveries.toSorted((a, b) => a - b);
  const summary = {
    seed,
    kills: KILLS,
    ...counts,
    requests: view.requests.length,
    revoked: judgeRevoked(view.entries).revoked,
    enforcements: view.enforcements.length,
    replayedRanges: run.logs.split('an interrupted range was proved').length - 1,
    recoveryMs: { median: Math.round(sorted[sorted.length >> 1] ?? 0), max: Math.round(sorted.at(-1) ?? 0) },
  };
  process.stderr.write(`crash: ${JSON.stringify(summary)}\n`);
}

describe(`after ${KILLS} kills under load`, () => {
  it('every acknowledged event is counted once, no refused one is, and each conflict is one dead letter', () => {
    const { problems, unknown, acknowledged } = judgeUsage(view.entries, view.usage, view.letters);
    expect(problems).toEqual([]);
    expect(acknowledged).toBeGreaterThan(KILLS * 10);
    expect(unknown).toBeGreaterThan(0); // otherwise no kill hit a request
  });

  it('every rollup and the raw events give the same totals', async () => {
    expect(await judgeTotals(run.caller, usageMeters(view))).toEqual([]);
  });

  it('every verdict that was read is counted as one request event with the same outcome', () => {
    expect(judgeVerdicts(view.entries, view.requests)).toEqual([]);
  });

  it('no key is valid once its revoke was answered, and every created key is', () => {
    const { problems, revoked, asked } = judgeRevoked(view.entries);
    expect(problems).toEqual([]);
    expect(run.problemsAfterRestart).toEqual([]);
    expect(Math.min(revoked, asked)).toBeGreaterThan(KILLS / 2);
  });

  it('no window lets more through than its limit, and none refuses before the limit is reached', () => {
    const { problems, full } = judgeLimits(view.entries, view.requests);
    expect(problems).toEqual([]);
    expect(full).toBeGreaterThan(0);
  });

  it('no key spends more credits than it was given, and its balance is exactly the rest', async () => {
    const granted = await Promise.all(
      run.world.credited.map(async ({ keyId }) => {
        const { data } = await run.caller.demand('POST', '/v2/keys.getKey', { keyId });
        return { keyId, initial: CREDITS, remaining: data.credits.remaining as number };
      }),
    );
    expect(judgeCredits(view.entries, view.requests, view.credits, granted)).toEqual([]);
  });

  it('every crossing is enforced once and has one audit event', () => {
    const { enforcements, audit } = view;
    const crossings = enforcements.map(({ policyId, target, cause }) => JSON.stringify([policyId, target, cause]));
    expect(new Set(crossings).size).toBe(crossings.length);
    expect(ids(audit)).toEqual(ids(enforcements));
    expect(enforcements.length).toBeGreaterThan(0);
  });

  it('no key and no root key is in any log', () => {
    const { logs } = run;
    expect(run.secrets.filter((secret) => logs.includes(secret))).toEqual([]);
  });

  it('the log replayed from its beginning gives the same events, dead letters, fates and enforcements', async () => {
    expect(await run.endLast()).toEqual({ code: 0, signal: null });
    for (const derived of ['usage', 'progress']) rmSync(join(dataDir, derived), { recursive: true });
    await run.startLast();
    const again = await run.look();
    expect(ids(again.usage)).toEqual(ids(view.usage));
    expect(ids(again.requests)).toEqual(ids(view.requests));
    expect(ids(again.letters)).toEqual(ids(view.letters));
    expect(ids(again.enforcements)).toEqual(ids(view.enforcements));
    const { acknowledged, unknown, counted } = judgeUsage(view.entries, view.usage, view.letters);
    const fates = await fatesMetric(run.caller);
    const accepted = counted + (fates.duplicate ?? 0) + (fates.conflict ?? 0);
    expect(accepted).toBeGreaterThanOrEqual(acknowledged);
    expect(accepted).toBeLessThanOrEqual(acknowledged + unknown);
    expect(fates).toMatchObject({ conflict: view.letters.length, undecodable: 0 });
    expect(await run.endLast()).toEqual({ code: 0, signal: null });
  }, 120_000);
});

function ids(items: readonly { id: string }[]): string[] {
  return items.map(({ id }) => id).sort();
}
