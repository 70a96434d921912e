/** Once a call that revokes a key has returned, no node says VALID: at load, with a node stopped, with one cut off. */
import { CallWatch, type Probe, type Said, verification } from '../cluster/call-watch.js';
import { HttpCaller } from '../crash/http-caller.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { type AppName, FaultCluster, LEASE_MS, ROOT_KEY } from '../faults/fault-cluster.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temp-folder.js';

const NODES = ['ingress-1', 'ingress-2', 'ingress-3'] as const satisfies readonly AppName[];
const [WRITER, OTHER, ILL] = NODES;
const TIMEOUT_MS = 240_000;
const WITHIN_MS = 60_000;
const REVOKED = 30; // hot ones, and as many idle ones
const LANES = 4; // of each node
/** What reading the last answers of Redis may take beyond a lease, on a machine that does other work. */
const SLACK_MS = 1_000;
/** Every way to revoke, by turns. */
const WAYS = [
  { path: 'keys.deleteKey', more: {}, says: 'NOT_FOUND' },
  { path: 'keys.updateKey', more: { enabled: false }, says: 'DISABLED' },
  { path: 'keys.rerollKey', more: { expiration: 0 }, says: 'EXPIRED' },
] as const;

interface Revoked extends LoadKey {
  readonly name: string;
  readonly says: string;
  /** By performance.now(), read after the answer had been. */
  readonly returnedAt: number;
  readonly tookMs: number;
  readonly confirmed: string;
}

const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('peers, sentence 2, over three ingresses', () => {
  const folder = temporaryFolder('revocation', async () => {
    for (const caller of Object.values(callers)) caller.close();
    await cluster?.stop();
  });
  const callers = {} as Record<AppName, HttpCaller>;
  let cluster: FaultCluster;
  let apiId: string;
  let turn = 0;

  beforeAll(async () => {
    cluster = await FaultCluster.start({ folder, apps: NODES });
    for (const name of NODES) callers[name] = new HttpCaller(cluster.apps[name].url, ROOT_KEY);
    apiId = (await callers[WRITER].demand('POST', '/v2/apis.createApi', { name: 'revocation' })).data.apiId;
  }, TIMEOUT_MS);

  const newKeys = (count: number) =>
    Promise.all(Array.from({ length: count }, () => createKey(callers[WRITER], apiId, {})));

  const codeBy = async (node: AppName, { key }: LoadKey): Promise<string> => {
    const answer = await callers[node].post('/v2/keys.verifyKey', { key });
    if (answer.kind === 'lost') return answer.reason;
    return answer.status === 200 ? JSON.parse(answer.text).data.code : String(answer.status);
  };

  async function revoke(by: AppName, key: LoadKey, name = key.keyId): Promise<Revoked> {
    const { path, more, says } = WAYS[turn++ % WAYS.length] as (typeof WAYS)[number];
    const begunAt = performance.now();
    const answer = await callers[by].post(`/v2/${path}`, { keyId: key.keyId, ...more });
    const returnedAt = performance.now();
    if (answer.kind === 'lost' || answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    const confirmed = String(answer.headers['keymeter-confirmed']);
    return { ...key, name, says, returnedAt, tookMs: returnedAt - begunAt, confirmed };
  }

  /** Samples over all nodes, by word of all of them or by end of leases. */
  async function samples(by: 'nodes' | 'leases'): Promise<number> {
    let sum = 0;
    for (const name of NODES) {
      const text = await (await fetch(`${cluster.apps[name].url}/metrics`)).text();
      sum += Number(new RegExp(`^keymeter_revocation_seconds_count{by="${by}"} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    }
    return sum;
  }

  /** Lanes on each node that verify the keys without a pause. */
  function watchOf(keys: readonly LoadKey[], nodes: readonly AppName[] = NODES): CallWatch {
    const lanes = nodes.flatMap((node) => {
      const probes = keys.map((it): Probe => verification(node, callers[node], it.keyId, it.key));
      return Array.from({ length: LANES }, (_, lane) => new Set(probes.filter((_, i) => i % LANES === lane)));
    });
    return new CallWatch(lanes);
  }

  const begunLater = (seen: readonly Said[], { keyId, returnedAt }: Revoked) =>
    seen.filter(({ name, begunAt }) => name === keyId && begunAt > returnedAt);

  test(
    'at load no VALID verdict is begun later than the return of the call, and each call is a sample in the metrics',
    async () => {
      const [hot, idle] = [await newKeys(REVOKED), await newKeys(REVOKED)];
      for (const key of idle) for (const node of NODES) expect(await codeBy(node, key)).toBe('VALID');
      const before = await samples('nodes');
      const watch = watchOf(hot);
      const revoked: Revoked[] = [];
      try {
        await eventually(() => {
          const valid = new Set(watch.seen.filter(({ said }) => said === 'VALID').map((it) => it.node + it.name));
          expect(valid.size).toBe(NODES.length * REVOKED);
        }, WITHIN_MS);
        for (let i = 0; i < REVOKED; i++) {
          revoked.push(await revoke(NODES[i % NODES.length] as AppName, hot[i] as LoadKey));
          const other = await revoke(NODES[(i + 1) % NODES.length] as AppName, idle[i] as LoadKey);
          const said = await Promise.all(NODES.map((node) => codeBy(node, other)));
          expect(said).toEqual(NODES.map(() => other.says));
          expect(other.confirmed).toMatch(/^nodes;wait=\d+$/);
        }
        await eventually(() => {
          for (const it of revoked) {
            expect(new Set(begunLater(watch.seen, it).map(({ node }) => node)).size).toBe(NODES.length);
          }
        }, WITHIN_MS);
      } finally {
        await watch.stop();
      }
      for (const it of revoked) {
        const untrue = begunLater(watch.seen, it).filter(({ said }) => said !== it.says);
        expect(untrue).toEqual([]);
      }
      expect(await samples('nodes')).toBe(before + 2 * REVOKED);
      const took = revoked.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
      console.info(`${watch.seen.length} verifications; a call took ${Math.round(took[REVOKED / 2] ?? 0)} ms (median)`);
    },
    TIMEOUT_MS,
  );

  test(
    'one ingress stopped: the call takes its lease at most and says so; awake again it does not say VALID either',
    async () => {
      const [first, second] = (await newKeys(2)) as [LoadKey, LoadKey];
      const watch = watchOf([first, second], [WRITER, OTHER]);
      const before = await samples('leases');
      try {
        for (const key of [first, second]) expect(await codeBy(ILL, key)).toBe('VALID');
        cluster.apps[ILL].pause();
        const revoked = await revoke(WRITER, first);
        const waiting = codeBy(ILL, first); // taken by the system, read when it wakes
        expectLapsed(revoked);
        expect(await codeBy(OTHER, revoked)).toBe(revoked.says);
        const next = await revoke(OTHER, second); // it is known to be gone: nobody waits for it again
        expect(next.confirmed).toMatch(/^nodes;wait=\d+$/);
        cluster.apps[ILL].resume();
        expect(await waiting).not.toBe('VALID');
        for (const it of [revoked, next]) await eventually(async () => expect(await codeBy(ILL, it)).toBe(it.says));
        await watch.stop();
        for (const it of [revoked, next]) {
          expect(begunLater(watch.seen, it).filter(({ said }) => said !== it.says)).toEqual([]);
        }
      } finally {
        cluster.apps[ILL].resume();
        await watch.stop();
      }
      expect(await samples('leases')).toBe(before + 1);
    },
    TIMEOUT_MS,
  );

  test(
    'one ingress cut off from Redis: the same, and it says 503 until it is back',
    async () => {
      const [key, idle] = (await newKeys(2)) as [LoadKey, LoadKey];
      const watch = watchOf([key]);
      try {
        expect(await codeBy(ILL, idle)).toBe('VALID');
        await eventually(() => expect(watch.seen.some(({ node }) => node === ILL)).toBe(true));
        cluster.links[ILL].redis.hold();
        const first = await revoke(WRITER, key);
        expectLapsed(first);
        const revoked = [first, await revoke(OTHER, idle)];
        expect(await codeBy(ILL, idle)).toBe('503');
        await eventually(() => expect(begunLater(watch.seen, first).length).toBeGreaterThan(20), WITHIN_MS);
        cluster.links[ILL].redis.release();
        for (const it of revoked) {
          await eventually(async () => expect(await codeBy(ILL, it)).toBe(it.says), WITHIN_MS);
        }
        await watch.stop();
        const later = begunLater(watch.seen, first);
        const allowed = (node: string) => (node === ILL ? ['503', first.says] : [first.says]);
        expect(later.filter(({ node, said }) => !allowed(node).includes(said))).toEqual([]);
      } finally {
        cluster.links[ILL].redis.release();
        await watch.stop();
      }
    },
    TIMEOUT_MS,
  );

  function expectLapsed({ confirmed, tookMs }: Revoked): void {
    expect(confirmed).toMatch(/^leases;lapsed=1;wait=\d+$/);
    const waitedMs = Number(/wait=(\d+)/.exec(confirmed)?.[1]);
    expect(waitedMs).toBeLessThanOrEqual(LEASE_MS + SLACK_MS);
    expect(tookMs).toBeLessThanOrEqual(LEASE_MS + 2 * SLACK_MS);
  }
});
