/** Links between one app and one server: held, slow, deaf in one direction, cut in the middle of a message. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { APPS, type AppName, type FaultCluster, type ServerName } from './fault-cluster.js';
import { demandBite, HarnessError, type Injection, type Params, untilBites } from './injection.js';

const BITES_WITHIN_MS = 60_000;

/** What talks to what. */
const USED: readonly (readonly [AppName, ServerName])[] = APPS.flatMap((app): (readonly [AppName, ServerName])[] => [
  [app, 'kafka'],
  [app, app.startsWith('consumer') ? 'clickhouse' : 'redis'],
]);

const between = (app: string, server: ServerName) => USED.filter(([from, to]) => from.startsWith(app) && to === server);

function link(
  kind: string,
  weight: number,
  of: readonly (readonly [AppName, ServerName])[],
  params: (draw: Draw) => Omit<Params, 'target'>,
  act: (link: TcpProxy, params: Params) => Promise<string>,
): Injection {
  return {
    kind,
    lane: 'links',
    weight,
    draw: (draw) => ({ target: draw.of(of).join(' to '), ...params(draw) }),
    affects: ({ target }) => [appOf(target)],
    async inject(cluster, drawn) {
      const proxy = linkOf(cluster, drawn.target);
      try {
        return await act(proxy, drawn);
      } catch (error) {
        if (error instanceof HarnessError) throw new HarnessError(`${error.message} (${drawn.target})`);
        throw error;
      } finally {
        proxy.release();
      }
    },
  };
}

function appOf(target: string): AppName {
  return target.split(' to ')[0] as AppName;
}

function linkOf({ links }: FaultCluster, target: string): TcpProxy {
  return links[appOf(target)][target.split(' to ')[1] as ServerName];
}

async function hold(proxy: TcpProxy, { holdMs }: Params): Promise<string> {
  const before = proxy.figures.heldBytes;
  proxy.hold();
  await pause(holdMs);
  await untilBites(() => proxy.figures.heldBytes > before, 'nothing was held', BITES_WITHIN_MS);
  return `${proxy.figures.heldBytes - before} bytes held`;
}

async function slow(proxy: TcpProxy, { holdMs, count: latencyMs, bytes: bytesPerSecond }: Params): Promise<string> {
  const before = { ...proxy.figures.passed };
  proxy.slow({ latencyMs, bytesPerSecond });
  await pause(holdMs);
  const moved = () => proxy.figures.passed.request - before.request + proxy.figures.passed.answer - before.answer;
  await untilBites(() => moved() > 0, 'nothing came through', BITES_WITHIN_MS);
  return `${moved()} bytes at ${bytesPerSecond} B/s, ${latencyMs} ms late`;
}

async function deaf(proxy: TcpProxy, { holdMs }: Params): Promise<string> {
  const { lostBytes, resets } = proxy.figures;
  proxy.lose('answer');
  await pause(holdMs);
  await untilBites(() => proxy.figures.lostBytes > lostBytes, 'no answer was lost', BITES_WITHIN_MS);
  proxy.release();
  return `${proxy.figures.lostBytes - lostBytes} bytes of answers lost, ${proxy.figures.resets - resets} connections reset`;
}

async function cut(proxy: TcpProxy, { bytes = 0, detail }: Params): Promise<string> {
  const { resets } = proxy.figures;
  const done = proxy.cutAfter(detail === 'answer' ? 'answer' : 'request', bytes);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), BITES_WITHIN_MS);
  });
  demandBite((await Promise.race([done, late])) !== 'late', `fewer than ${bytes} bytes went by`);
  clearTimeout(timer);
  return `${proxy.figures.resets - resets} connection reset after ${bytes} bytes`;
}

async function reset(proxy: TcpProxy): Promise<string> {
  let closed = 0;
  await untilBites(
    () => {
      closed = proxy.reset();
      return closed > 0;
    },
    'there was no connection',
    BITES_WITHIN_MS,
  );
  return `${closed} connections reset`;
}

const short = (draw: Draw) => ({ holdMs: draw.whole(500, 6_000) });
const sluggish = (draw: Draw) => ({
  holdMs: draw.whole(3_000, 8_000),
  count: draw.whole(50, 2_000),
  bytes: draw.whole(2_000, 60_000),
});
const cutAt = (draw: Draw) => ({
  holdMs: 0,
  bytes: draw.whole(0, 5_000),
  detail: draw.of(['request', 'answer']),
});

export const linkFaults: readonly Injection[] = [
  link('link-hold', 5, USED, short, hold),
  link('link-slow', 3, USED, sluggish, slow),
  link('link-reset', 3, USED, () => ({ holdMs: 0 }), reset),
  link('link-cut', 5, USED, cutAt, cut),
  link('produce-answers-lost', 4, between('ingress', 'kafka'), short, deaf),
  link('redis-answers-lost', 2, between('ingress', 'redis'), short, deaf),
  link('insert-answers-lost', 3, between('consumer', 'clickhouse'), short, deaf),
];
