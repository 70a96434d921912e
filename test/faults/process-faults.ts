/** App processes killed, stopped, and standing still for longer than others wait for them. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import { APPS, type AppName, type FaultCluster, SESSION_MS } from './fault-cluster.js';
import { demandBite, type Injection, type Params, untilBites } from './injection.js';

const SIGNAL_MS = 5_000;

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
];
