/**
 * The usage store killed inside an insert, between its deduplication token and the rename of a part. At natural speed
 * few kills hit that moment; with slowed renames most do, and the token alone would lose rows of one table for good.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { KillRun } from './kill-run.js';
import { testWhere } from './needs.js';
import { judgeTotals, usageMeters } from './totals-oracle.js';
import { judgeUsage } from './usage-oracle.js';
import { judgeVerdicts } from './verify-oracle.js';

const KILLS = Number(process.env.KEYMETER_TEST_SLOW_RENAME_KILLS ?? 6);
const SOURCE = fileURLToPath(new URL('./slow-rename.c', import.meta.url));
const folder = temporaryFolder('slow-rename');
const library = join(folder, 'slow-rename.so');
const built = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl']).status === 0;

testWhere(built && existsSync(library), 'no C compiler (cc) to build the library that slows renames')(
  'inserts killed between token and rename lose nothing and double nothing, in raw and in every rollup',
  async () => {
    const dataDir = join(folder, 'data');
    const slowed = join(folder, 'slowed');
    const run = new KillRun({
      dataDir,
      ledgerDir: folder,
      kills: KILLS,
      until: (logs) => repairs(logs).repaired > 0,
      random: randomFrom(drawSeed('slow-rename')),
      longestLifeMs: 3_000,
      duringRecovery: 0.2,
      env: {
        LD_PRELOAD: library,
        SLOW_RENAME_UNDER: join(dataDir, 'usage'),
        SLOW_RENAME_US: '600000',
        SLOW_RENAME_COUNT: slowed,
      },
    });
    await run.run();
    const view = await run.look();
    expect(judgeUsage(view.entries, view.usage, view.letters).problems).toEqual([]);
    expect(judgeVerdicts(view.entries, view.requests)).toEqual([]);
    expect(await judgeTotals(run.caller, usageMeters(view))).toEqual([]);
    await run.endLast();
    const { proved, repaired } = repairs(run.logs);
    process.stderr.write(`slow-rename: ${JSON.stringify({ proved, repaired })}\n`);
    expect(statSync(slowed).size).toBeGreaterThan(0);
    expect(repaired).toBeGreaterThan(0); // otherwise no kill hit the moment that this test is about
  },
  600_000,
);

/** Ranges that were proved after a kill, and those of them in which something was missing. */
function repairs(logs: string): { proved: number; repaired: number } {
  const proofs = [...logs.matchAll(/an interrupted range was proved.*?"missingRows":(\d+),"mendedWindows":(\d+)/g)];
  const repaired = proofs.filter(([, rows, windows]) => Number(rows) + Number(windows) > 0).length;
  return { proved: proofs.length, repaired };
}
