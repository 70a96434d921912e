import { ManualClock } from '#adapters/clock/manual-clock.js';
import type { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { RecordedGrants, type SpoolEnds } from './recorded-grants.js';

const describeRedis = await describeWithRedis();
const EPOCH = 'installation.epoch.17';

describeRedis('what nodes had granted before Redis was lost', () => {
  const redis = new RedisNodes();
  const clock = new ManualClock();
  const nodes: RedisKeyNode[] = [];

  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  beforeEach(() => redis.redis.ask('FLUSHALL'));
  afterEach(async () => {
    for (const node of nodes.splice(0)) await redis.end(node);
  });

  async function open(nodeId: string, spool?: () => SpoolEnds) {
    const node = await redis.open({ nodeId, leaseMs: 60_000, renewMs: 20_000 });
    nodes.push(node);
    await node.lease.renew();
    const grants = new RecordedGrants(node.directory, node.spools, nodeId, clock);
    if (spool) await grants.recordsInto(spool);
    return grants;
  }

  test('is waited for until each of them has sent what its spool held a second after it heard of the loss', async () => {
    const ends = { recorded: 7, sent: 3 };
    const idle = await open('idle', () => ({ recorded: 0, sent: 0 }));
    const busy = await open('busy', () => ends);
    const say = async () => {
      for (const grants of [idle, busy]) await grants.say(EPOCH);
      return (await idle.missing(EPOCH)).sort();
    };
    expect(await say()).toEqual(['busy', 'idle']);
    ends.sent = 7; // what it grants in this second is waited for too
    ends.recorded = 9;
    clock.advance(1_000);
    expect(await say()).toEqual(['busy']);
    ends.recorded = 20; // what it grants under the new epoch is not
    ends.sent = 8;
    expect(await say()).toEqual(['busy']);
    ends.sent = 9;
    expect(await say()).toEqual([]);
    expect(await idle.missing('installation.another.18')).toHaveLength(2);
  });

  test('is waited for while a node that holds a lease has not opened its spool', async () => {
    const starting = await open('starting');
    await starting.say(EPOCH);
    clock.advance(5_000);
    await starting.say(EPOCH);
    expect(await starting.missing(EPOCH)).toEqual(['starting']);
  });

  test('is waited for while a node is dead that has opened a spool, and told by its next process', async () => {
    const dead = await open('ingress-1', () => ({ recorded: 5, sent: 0 }));
    await redis.end(nodes.pop() as RedisKeyNode); // its lease is gone, as that of one that was killed when Redis was emptied
    const other = await open('ingress-2', () => ({ recorded: 0, sent: 0 }));
    await other.say(EPOCH);
    clock.advance(1_000);
    await other.say(EPOCH);
    expect(await other.missing(EPOCH)).toEqual(['ingress-1']);
    const next = await open('ingress-1', () => ({ recorded: 5, sent: 5 }));
    await next.say(EPOCH);
    clock.advance(1_000);
    await next.say(EPOCH);
    expect(await other.missing(EPOCH)).toEqual([]);
    expect(dead).toBeDefined();
  });

  test('is not waited for of a node that has ended with all of it in the log, or that was given up', async () => {
    const ends = { recorded: 5, sent: 4 };
    const ended = await open('ended', () => ends);
    const lost = await open('lost', () => ({ recorded: 5, sent: 0 }));
    for (const grants of [ended, lost]) await grants.ends();
    for (const node of nodes.splice(0)) await redis.end(node);
    const other = await open('other');
    expect((await other.missing(EPOCH)).sort()).toEqual(['ended', 'lost', 'other']);
    ends.sent = 5;
    const next = await open('ended', () => ends);
    await next.ends();
    await redis.end(nodes.pop() as RedisKeyNode);
    expect((await other.missing(EPOCH)).sort()).toEqual(['lost', 'other']);
    await other.giveUp(['lost', 'other']);
    expect(await other.missing(EPOCH)).toEqual(['other']); // it holds a lease
  });

  test('is told by the next process of a node that died before it could', async () => {
    const dead = await open('ingress-1', () => ({ recorded: 5, sent: 0 }));
    await dead.say(EPOCH);
    const next = await open('ingress-1', () => ({ recorded: 5, sent: 5 }));
    await next.say(EPOCH);
    clock.advance(1_000);
    expect(await next.missing(EPOCH)).toEqual(['ingress-1']);
    await next.say(EPOCH);
    expect(await next.missing(EPOCH)).toEqual([]);
  });
});
