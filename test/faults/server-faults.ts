/** Kafka, Redis and the front over chDB ended, standing still, or answering with faults. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import { serverScript } from '../support/server-script.js';
import type { FaultCluster, ServerName } from './fault-cluster.js';
import { demandBite, type Injection, type Params, untilBites } from './injection.js';
import { framesTwice } from './repeated-frames.js';

const BITES_WITHIN_MS = 60_000;
const REDIS_LOST = /Redis lost its data/;
/** Or the consumer has lost its partitions meanwhile: the insert is its heir's, who finds out what became of it. */
const INSERT_REPEATED = /usage insert is repeated|a step of policies is repeated|"event":"lost"/;

function down(kind: string, server: ServerName, weight: number, end: 'stop' | 'kill9', longestMs: number): Injection {
  return {
    kind,
    lane: 'servers',
    weight,
    draw: (draw) => ({ target: server, holdMs: draw.whole(0, longestMs) }),
    async inject(cluster, { holdMs }) {
      const { pid } = cluster.servers[server].handle;
      await cluster.servers[server].handle[end]();
      demandBite(!lives(pid), `${server} lives on`);
      await pause(holdMs);
      await cluster.servers[server].restart();
      return `process ${pid} gone`;
    },
  };
}

function still(kind: string, server: ServerName, weight: number, longestMs: number): Injection {
  return {
    kind,
    lane: 'servers',
    weight,
    draw: (draw) => ({ target: server, holdMs: draw.whole(1_000, longestMs) }),
    async inject(cluster, { holdMs }) {
      const { handle } = cluster.servers[server];
      handle.pause();
      await pause(holdMs);
      handle.resume();
      return `process ${handle.pid} stood still for ${holdMs} ms`;
    },
  };
}

/** Connections of a kind, closed by the server. */
function dropped(kind: string, type: 'pubsub' | 'normal', weight: number): Injection {
  return {
    kind,
    lane: 'servers',
    weight,
    draw: () => ({ target: 'redis', holdMs: 0, detail: type }),
    async inject(cluster) {
      let closed = 0;
      await untilBites(
        async () => {
          closed = Number((await askRedis(cluster, `CLIENT KILL TYPE ${type}`)).replace(/\D/g, ''));
          return closed > 0;
        },
        `no connection of type ${type}`,
        BITES_WITHIN_MS,
      );
      return `${closed} connections closed`;
    },
  };
}

async function askRedis(cluster: FaultCluster, command: string): Promise<string> {
  const { askRedis: ask } = await serverScript<{ askRedis(port: number, command: string): Promise<string> }>(
    'redis.mjs',
  );
  return ask(cluster.servers.redis.handle.port, command);
}

/** Redis goes on without anything in it. */
const flushed: Injection = {
  kind: 'redis-flushall',
  lane: 'servers',
  weight: 2,
  losesRedis: true,
  draw: () => ({ target: 'redis', holdMs: 0 }),
  named: REDIS_LOST,
  async inject(cluster) {
    const keys = Number((await askRedis(cluster, 'DBSIZE')).replace(/\D/g, ''));
    demandBite(keys > 0, 'Redis was empty already');
    demandBite((await askRedis(cluster, 'FLUSHALL')).startsWith('+OK'), 'FLUSHALL was refused');
    return `${keys} keys gone`;
  },
};

/** Redis dies and its disk with it. */
const replaced: Injection = {
  kind: 'redis-empty',
  lane: 'servers',
  weight: 1,
  losesRedis: true,
  draw: (draw) => ({ target: 'redis', holdMs: draw.whole(0, 3_000) }),
  named: REDIS_LOST,
  async inject(cluster, { holdMs }) {
    const { redis } = cluster.servers;
    await redis.handle.kill9();
    const data = join(cluster.folder, 'redis', 'appendonlydir');
    demandBite(existsSync(data), `${data} is not where its data lies`);
    rmSync(data, { recursive: true });
    await pause(holdMs);
    await redis.restart();
    return 'killed, and started again without its data';
  },
};

/** Faults that the front makes itself, at the next inserts. */
function front(kind: string, weight: number, fault: (draw: Draw) => Partial<Params> & { body: object }): Injection {
  return {
    kind,
    lane: 'servers',
    weight,
    draw(draw) {
      const { body, ...params } = fault(draw);
      return { target: 'clickhouse', holdMs: 0, ...params, detail: JSON.stringify(body) };
    },
    named: INSERT_REPEATED,
    async inject(cluster, { detail = '{}' }) {
      const { control } = cluster.servers.clickhouse.handle;
      await fetch(`${control}/faults`, { method: 'POST', body: detail });
      const left = async () => ((await (await fetch(control)).json()) as { left: number }).left;
      await untilBites(async () => (await left()) === 0, 'planned faults of the front are left', BITES_WITHIN_MS);
      return `answered as planned: ${detail}`;
    },
  };
}

const times = (draw: Draw) => draw.whole(1, 5);
const exception = (code: number, name: string) => (draw: Draw) => ({
  body: { kind: 'exception', code, name, count: times(draw) },
});

export const serverFaults: readonly Injection[] = [
  down('kafka-stop', 'kafka', 2, 'stop', 5_000),
  down('kafka-kill', 'kafka', 2, 'kill9', 5_000),
  still('kafka-pause', 'kafka', 2, 20_000),
  down('redis-kill', 'redis', 3, 'kill9', 3_000),
  still('redis-pause', 'redis', 2, 6_000),
  dropped('redis-pubsub', 'pubsub', 3),
  dropped('redis-clients', 'normal', 2),
  flushed,
  replaced,
  framesTwice,
  down('clickhouse-kill', 'clickhouse', 3, 'kill9', 3_000),
  front('clickhouse-500', 2, (draw) => ({ body: { kind: 'status', status: 500, count: times(draw) } })),
  front('clickhouse-parts', 2, exception(252, 'TOO_MANY_PARTS')),
  front('clickhouse-memory', 1, exception(241, 'MEMORY_LIMIT_EXCEEDED')),
  front('clickhouse-done-reset', 3, (draw) => ({ body: { kind: 'done-reset', count: draw.whole(1, 3) } })),
  front('clickhouse-done-half', 2, () => ({ body: { kind: 'done-half' } })),
  front('clickhouse-done-tail', 2, () => ({ body: { kind: 'done-tail' } })),
  front('clickhouse-cut', 3, (draw) => ({
    body: { kind: 'cut', bytes: draw.whole(1, 20_000), count: draw.whole(1, 2) },
  })),
];

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
