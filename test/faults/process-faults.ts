/** App processes killed, stopped, and standing still for longer than others wait for them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import { FAKETIME } from './faked-clock.js';
import { APPS, type AppName, type FaultCluster, SESSION_MS } from './fault-cluster.js';
import { demandBite, type Injection, type Params, untilBites } from './injection.js';

const SIGNAL_MS = 5_000;
/** A date in whole seconds, renewed every second, of an answer that took its time. */
const CLOCK_MS = 2_500;

function ofKind(kind: string): AppName[] {
  return APPS.filter((name) => name.startsWith(kind));
}

/** Ended at once, or in order, and started again. */
function end(kind: 'ingress' | 'consumer' | 'policy' | 'query', how: 'kill9' | 'stop', weight: number): Injection {
  return {
    kind: `${kind}-${how === 'stop' ? 'stop' : 'kill'}`,
    lane: 'processes',
    weight,
    draw: (draw) => ({ target: draw.of(ofKind(kind)), holdMs: draw.whole(0, 2_000) }),
    affects: ({ target }) => [target as AppName],
    async inject(cluster, { target, holdMs }) {
      const app = cluster.apps[target as AppName];
      const { pid } = app;
      await app[how]();
      demandBite(app.state === undefined, `${target} lives on`);
      await pause(holdMs);
      app.start();
      return `process ${pid ?? '(between two lives)'} ${how === 'stop' ? 'ended in order' : 'gone'}`;
    },
  };
}

/** Longer than a session or a lease: it wakes as one whose work is another's already. */
function zombie(kind: 'ingress' | 'consumer' | 'policy', weight: number, holdMs: (draw: Draw) => number): Injection {
  return {
    kind: `${kind}-pause`,
    lane: 'processes',
    weight,
    draw: (draw) => ({ target: draw.of(ofKind(kind)), holdMs: holdMs(draw) }),
    affects: ({ target }) => [target as AppName],
    inject: standStill,
  };
}

async function standStill(cluster: FaultCluster, { target, holdMs }: Params): Promise<string> {
  const app = cluster.apps[target as AppName];
  await untilBites(() => app.state !== undefined, `${target} does not run`, 60_000);
  app.pause();
  try {
    await untilBites(() => app.state === 'T', `${target} does not stand still`, SIGNAL_MS);
    await pause(holdMs);
    demandBite(app.state === 'T', `${target} did not stand still to the end`);
  } finally {
    app.resume();
  }
  return `stood still for ${holdMs} ms`;
}

/** Its event loop stands still while the process itself lives: no timer, no answer, no heartbeat. */
function block(kind: 'ingress' | 'consumer' | 'policy', weight: number, holdMs: (draw: Draw) => number): Injection {
  return {
    kind: `${kind}-block`,
    lane: 'processes',
    weight,
    draw: (draw) => ({ target: draw.of(ofKind(kind)), holdMs: holdMs(draw) }),
    affects: ({ target }) => [target as AppName],
    async inject(cluster, { target, holdMs: ms }) {
      const app = cluster.apps[target as AppName];
      await untilBites(async () => (await app.readiness())?.status === 200, `${target} does not run`, 60_000);
      writeFileSync(app.blockFile, String(ms));
      app.signal('SIGUSR2');
      let said = '';
      await untilBites(
        () => {
          said = readFileSync(app.blockFile, 'utf8');
          return said.startsWith('blocked');
        },
        `${target} was not blocked`,
        ms + SIGNAL_MS,
      );
      return `event loop ${said} ms`;
    },
  };
}

/** A third consumer that joins and leaves, in order or killed, so that partitions move while they are inserted. */
const thirdConsumer: Injection = {
  kind: 'consumer-third',
  lane: 'processes',
  weight: 2,
  draw: (draw) => ({ target: 'consumer-3', holdMs: draw.whole(500, 3_000), count: draw.whole(2, 4) }),
  affects: () => ofKind('consumer'),
  named: /"event":"joined"/,
  async inject({ apps }, { holdMs, count = 1 }) {
    const app = apps['consumer-3'];
    for (let n = 0; n < count; n++) {
      const before = app.logSize;
      app.start();
      const joined = () => /"event":"joined".*partitions \d/.test(app.logSince(before));
      await untilBites(joined, 'the third consumer was given no partition', 90_000);
      await pause(holdMs);
      await (n % 2 === 0 ? app.stop() : app.kill9());
    }
    return `came and went ${count} times`;
  },
};

/** The wall clock of one process jumps, and back again. */
const clockJump: Injection = {
  kind: 'clock-jump',
  lane: 'processes',
  weight: 3,
  draw(draw) {
    const seconds = draw.of([5, 60, 3_600, 86_400]) * draw.of([-1, 1]);
    const target = draw.of(APPS.filter((name) => !name.startsWith('query')));
    return { target, holdMs: draw.whole(2_500, 6_000), count: seconds };
  },
  affects: ({ target }) => [target as AppName],
  async inject({ apps }, { target, holdMs, count: seconds = 0 }) {
    const app = apps[target as AppName];
    const isOff = async (by: number) => Math.abs(((await app.date()) ?? 0) - Date.now() - by * 1_000) < CLOCK_MS;
    app.clock.shift(seconds);
    try {
      await untilBites(() => isOff(seconds), `the clock of ${target} did not jump`, 60_000);
      await pause(holdMs);
    } finally {
      app.clock.shift(0);
    }
    await untilBites(() => isOff(0), `the clock of ${target} did not come back`, 60_000);
    return `${seconds} s for ${holdMs} ms`;
  },
};

const pastSession = (draw: Draw) => draw.whole(SESSION_MS * 1.3, SESSION_MS * 2);

export const processFaults: readonly Injection[] = [
  end('ingress', 'kill9', 4),
  end('consumer', 'kill9', 4),
  end('policy', 'kill9', 2),
  end('query', 'kill9', 1),
  end('ingress', 'stop', 1),
  end('consumer', 'stop', 1),
  end('policy', 'stop', 1),
  zombie('ingress', 2, (draw) => draw.whole(500, 7_000)),
  zombie('consumer', 3, pastSession),
  zombie('policy', 1, pastSession),
  block('ingress', 1, (draw) => draw.whole(1_000, 7_000)),
  block('consumer', 1, pastSession),
  block('policy', 1, pastSession),
  thirdConsumer,
  ...(FAKETIME === undefined ? [] : [clockJump]),
];
