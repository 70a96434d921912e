/** Faults of a single process on its own disk. */
import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import { recordsIn, segmentFiles } from '../crash/segments.js';
import { FAKETIME } from './faked-clock.js';
import { demandBite, type Injection, untilBites } from './injection.js';
import { blockLoop, jumpClock, standStill } from './process-acts.js';
import type { FaultStandalone } from './standalone-subject.js';

type Kind = Injection<FaultStandalone>;

const TARGET = 'standalone';
const START_MS = 60_000;

function kind(name: string, weight: number, holdMs: (draw: Draw) => number, inject: Kind['inject']): Kind {
  return { kind: name, lane: 'processes', weight, draw: (draw) => ({ target: TARGET, holdMs: holdMs(draw) }), inject };
}

/** Killed, something done to its disk, started again. */
async function killed({ app }: FaultStandalone, holdMs: number, meanwhile: () => void = () => undefined) {
  await untilBites(() => app.state !== undefined, 'it does not run', START_MS);
  const { pid } = app;
  await app.kill9();
  demandBite(app.state === undefined, `process ${pid} lives on`);
  meanwhile();
  await pause(holdMs);
  app.start();
  return `process ${pid} gone`;
}

/** The last record of the log was being written when the power went: a part of its bytes, or garbage of its length. */
const tornTail: Kind = {
  ...kind(
    'torn-tail',
    3,
    (draw) => draw.whole(1, 1_000),
    async (stage, { holdMs: bytes }) => {
      let file = '';
      await killed(stage, 0, () => {
        file = segmentFiles(stage.app.dataDir).at(-1) as string;
        const last = recordsIn(file).at(-1);
        const next = last ? readFileSync(file).subarray(last.at, last.at + last.bytes) : Buffer.alloc(64, 0xff);
        appendFileSync(file, next.subarray(0, Math.min(bytes, next.length - 1)));
      });
      return `${bytes} bytes of a record more at the end of its newest segment`;
    },
  ),
};

/** Zeros behind the last record, as a file system leaves them that had made room already. */
const zeroTail = kind(
  'zero-tail',
  1,
  (draw) => draw.whole(16, 8_192),
  async (stage, { holdMs: bytes }) => {
    await killed(stage, 0, () => {
      const file = segmentFiles(stage.app.dataDir).at(-1) as string;
      truncateSync(file, readFileSync(file).length + bytes);
    });
    return `${bytes} zeros more at the end of its newest segment`;
  },
);

const stopped = kind(
  'stop',
  2,
  () => 0,
  async ({ app }) => {
    await untilBites(async () => (await app.readiness())?.status === 200, 'it does not run', START_MS);
    await app.stop();
    demandBite(app.state === undefined, 'it lives on');
    app.start();
    return 'ended in order';
  },
);

const clockJump: Kind = {
  ...kind(
    'clock-jump',
    2,
    (draw) => draw.whole(2_500, 6_000),
    ({ app }, params) => jumpClock(app, params),
  ),
  draw: (draw) => ({
    target: TARGET,
    holdMs: draw.whole(2_500, 6_000),
    count: draw.of([5, 60, 3_600, 86_400]) * draw.of([-1, 1]),
  }),
};

export const embeddedFaults: readonly Kind[] = [
  kind(
    'kill',
    6,
    (draw) => draw.whole(0, 1_000),
    (stage, { holdMs }) => killed(stage, holdMs),
  ),
  kind(
    'kill-starting',
    2,
    (draw) => draw.whole(50, 2_000),
    async (stage, { holdMs }) => {
      await killed(stage, 0);
      await pause(holdMs);
      return `twice: ${await killed(stage, 0)}`;
    },
  ),
  stopped,
  kind(
    'pause',
    2,
    (draw) => draw.whole(500, 7_000),
    ({ app }, params) => standStill(app, params),
  ),
  kind(
    'block',
    1,
    (draw) => draw.whole(500, 7_000),
    ({ app }, params) => blockLoop(app, params),
  ),
  tornTail,
  zeroTail,
  ...(FAKETIME === undefined ? [] : [clockJump]),
];
