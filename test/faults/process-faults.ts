/** App processes killed, stopped, and standing still for longer than others wait for them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import { FAKETIME } from './faked-clock.js';
import { APPS, type AppName, SESSION_MS, SMALL_DISK_APP } from './fault-cluster.js';
import { demandBite, HarnessError, type Injection, untilBites } from './injection.js';
import { blockLoop, jumpClock, standStill } from './process-acts.js';
import { canMount } from './small-disk.js';

const MiB = 1024 * 1024;

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
    inject: ({ apps }, params) => standStill(apps[params.target as AppName], params),
  };
}

/** Its event loop stands still while the process itself lives: no timer, no answer, no heartbeat. */
function block(kind: 'ingress' | 'consumer' | 'policy', weight: number, holdMs: (draw: Draw) => number): Injection {
  return {
    kind: `${kind}-block`,
    lane: 'processes',
    weight,
    draw: (draw) => ({ target: draw.of(ofKind(kind)), holdMs: holdMs(draw) }),
    affects: ({ target }) => [target as AppName],
    inject: ({ apps }, params) => blockLoop(apps[params.target as AppName], params),
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
  inject: ({ apps }, params) => jumpClock(apps[params.target as AppName], params),
};

/** Somebody else fills the disk of an ingress, up to its reserve or to the last byte, and makes room again. */
const fullDisk: Injection = {
  kind: 'ingress-disk-full',
  lane: 'processes',
  weight: 2,
  draw: (draw) => ({ target: SMALL_DISK_APP, holdMs: draw.whole(1_000, 6_000), bytes: draw.of([0, 4 * MiB]) }),
  affects: () => [SMALL_DISK_APP],
  async inject({ disk }, { holdMs, bytes = 0 }) {
    if (!disk) throw new HarnessError('there is no small disk');
    disk.fill(bytes);
    const { free } = disk;
    try {
      demandBite(free <= bytes + MiB, `${free} bytes are left`);
      await pause(holdMs);
    } finally {
      disk.clear();
    }
    return `${free} bytes left for ${holdMs} ms`;
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
  ...(canMount() ? [fullDisk] : []),
];
