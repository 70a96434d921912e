/**
 * Policies that group by something else than the partition's key, over a whole cluster: real Kafka and Redis, the HTTP
 * front over chDB, two ingresses, two policy processes of which one is killed.
 */
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import { Cluster } from './cluster.js';
import { FOREIGN, recordsOf, regroupedLog } from './regrouped-log.js';

const random = randomFrom(drawSeed('regrouped policy'));
const TIMEOUT_MS = 240_000;
const IDENTITIES = 40;
const THRESHOLD = 60;
/** The receiver listens on this machine. */
const LOCAL_WEBHOOKS = { KEYMETER_WEBHOOK_PRIVATE_ADDRESSES: 'allow', KEYMETER_WEBHOOK_HTTP: 'allow' };
const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

/** Distinct ones that an address may use. */
const KEYS = 20;
const KEYS_PER_ADDRESS = {
  kind: 'Policy',
  apiVersion: 'keymeter/v1',
  name: 'keys-per-address',
  mode: 'on',
  match: 'type == "request"',
  per: 'ip',
  measures: { keys: { aggregate: 'unique', of: 'keyId', window: '30m' } },
  when: `keys > ${KEYS}`,
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  then: [{ action: 'suspend', for: '1h' }],
  tests: [
    {
      name: 'many keys',
      given: [{ repeat: KEYS + 1, data: { ip: '192.0.2.1', keyId: 'key_{n}' } }],
      expect: [{ subject: '192.0.2.1', action: 'suspend' }],
    },
    { name: 'one key', given: [{ repeat: 100, data: { ip: '192.0.2.1', keyId: 'key_1' } }], expect: [] },
  ],
};

interface Enforced {
  readonly id: string;
  readonly value: number;
  readonly threshold: number;
  readonly target: { readonly value: string };
  readonly cause: Place;
  readonly events: readonly Place[];
  readonly lifted?: object;
}
type Place = { readonly partition: number; readonly offset: number; readonly index: number };
const text = ({ partition, offset, index }: Place) => `${partition}:${offset}:${index}`;

suite('a policy per address over a cluster', () => {
  let cluster: Cluster;
  let receiver: WebhookReceiver;
  let secret: string;
  afterAll(() => receiver?.close());
  afterAll(() => cluster?.stop(), TIMEOUT_MS); // before the folder goes: hooks run in the order in which they stand
  const folder = temporaryFolder('regrouped');
  let keys: string[];
  let policyId: string;

  const perAddress = (name: string, threshold: number) => ({
    name,
    match: { type: 'request' },
    groupBy: 'ip',
    aggregate: 'count',
    window: '30m',
    threshold,
    action: { type: 'suspend', for: '1h' },
    mode: 'on',
  });
  const verify = async (n: number, ip: string): Promise<string> => {
    const call = { key: keys[n % IDENTITIES], tags: [`ip=${ip}`] };
    return (await cluster.ingress[n % 2]!.demand('POST', '/v2/keys.verifyKey', call)).data.code;
  };
  const enforcements = async (ip: string): Promise<Enforced[]> =>
    (await cluster.policy.demand('GET', `/api/v1/enforcements?ip=${ip}`)).items;
  /** Places of an address's events as the usage store has them. */
  const stored = async (ip: string): Promise<string[]> => {
    const rows = await cluster.sql(
      `SELECT concat(partition::String, ':', offset::String, ':', idx::String) FROM keymeter.events WHERE ip = '${ip}' FORMAT TSV`,
    );
    return rows.split('\n').filter(Boolean).sort();
  };
  /** So many verifications with the address, over all identities and both ingresses, some at a time. */
  const uses = async (ip: string, count: number): Promise<string[]> => {
    const codes: string[] = [];
    for (let sent = 0; sent < count; ) {
      const together = Math.min(count - sent, 1 + Math.floor(random() * 8));
      codes.push(...(await Promise.all(Array.from({ length: together }, (_, n) => verify(sent + n, ip)))));
      sent += together;
    }
    return codes;
  };
  /** What was decided about the address is what follows from the order of the regrouped log, and nothing was left out. */
  const expectExact = async (ip: string, count: number): Promise<Enforced> => {
    await eventually(async () => expect(await stored(ip)).toHaveLength(count), 60_000);
    let places: string[] = [];
    await eventually(async () => {
      places = (await regroupedLog(cluster.addresses.kafka, policyId)).byTarget.get(ip)?.places ?? [];
      expect([...places].sort()).toEqual(await stored(ip));
    }, 60_000);
    const [made, ...more] = await enforcements(ip);
    expect(more).toEqual([]);
    expect(made).toMatchObject({ value: THRESHOLD + 1, threshold: THRESHOLD, target: { value: ip } });
    expect(text(made!.cause)).toBe(places[THRESHOLD]);
    expect(made!.events.map(text).sort()).toEqual(places.slice(0, THRESHOLD + 1).sort());
    return made!;
  };

  beforeAll(async () => {
    cluster = await Cluster.start(folder, { settings: LOCAL_WEBHOOKS });
    receiver = await WebhookReceiver.open();
    ({ secret } = await cluster.policy.demand('POST', '/api/v1/webhooks', { url: receiver.url }));
    const identities = Array.from({ length: IDENTITIES }, (_, n) => cluster.createKey({ externalId: `customer-${n}` }));
    keys = (await Promise.all(identities)).map(({ key }) => key);
  }, TIMEOUT_MS);

  test('while no policy groups across partitions, their topic is neither written nor read', async () => {
    await cluster.policy.demand('POST', '/api/v1/policies', { ...perAddress('per-key', 1_000), groupBy: 'keyId' });
    await uses('198.51.100.1', 20);
    await eventually(async () => expect(await stored('198.51.100.1')).toHaveLength(20), 60_000);
    expect(await cluster.logEnd('keymeter.regrouped')).toBe(0);
    expect(await cluster.groups()).not.toContain('keymeter-policy-regrouped');
  });

  test(
    'fires once, at the event that crosses over all partitions, and holds the address at both ingresses',
    async () => {
      policyId = (await cluster.policy.demand('POST', '/api/v1/policies', perAddress('per-address', THRESHOLD))).id;
      const ip = '203.0.113.1';
      expect(new Set(await uses(ip, THRESHOLD))).toEqual(new Set(['VALID']));
      await eventually(async () => {
        const { byTarget } = await regroupedLog(cluster.addresses.kafka, policyId);
        expect(byTarget.get(ip)?.places).toHaveLength(THRESHOLD);
      }, 60_000);
      expect(await enforcements(ip)).toEqual([]);
      await verify(0, ip);
      await eventually(async () => expect(await enforcements(ip)).toHaveLength(1), 30_000);
      const made = await expectExact(ip, THRESHOLD + 1);
      const partitions = new Set(made.events.map(({ partition }) => partition));
      expect(partitions.size).toBeGreaterThan(3);
      for (const ingress of [0, 1]) expect(await verify(ingress, ip)).toBe('DISABLED');
      expect(await verify(0, '203.0.113.9')).toBe('VALID');
    },
    TIMEOUT_MS,
  );

  test(
    'a record that is none of ours is passed over',
    async () => {
      const foreign = ['', 'nobody knows', '{"v":2}', JSON.stringify({ v: 1, log: FOREIGN, entries: [[1, 1, 1]] })];
      for (const partition of [0, 1, 2]) {
        await cluster.produce('keymeter.regrouped', [...foreign.map((value) => Buffer.from(value)), null], partition);
      }
      await eventually(
        async () => expect(await cluster.policies('keymeter_regrouped_unreadable_total')).toBe(15),
        30_000,
      );
    },
    TIMEOUT_MS,
  );

  test(
    'with a policy process killed in the middle of the events it fires once, at the same event',
    async () => {
      const ip = '203.0.113.2';
      const first = uses(ip, THRESHOLD - 10);
      await eventually(async () => {
        const { byTarget } = await regroupedLog(cluster.addresses.kafka, policyId);
        expect(byTarget.get(ip)?.places.length).toBeGreaterThan(5);
      }, 60_000);
      cluster.signal('policy-2', 'SIGKILL');
      await first;
      await uses(ip, 40); // over the threshold while the partitions of the killed one are nobody's
      await eventually(async () => expect(await enforcements(ip)).toHaveLength(1), 90_000);
      await expectExact(ip, THRESHOLD + 30);
      for (const ingress of [0, 1]) expect(await verify(ingress, ip)).toBe('DISABLED');
      const { repeats } = await regroupedLog(cluster.addresses.kafka, policyId);
      console.info(`${repeats} entries were sent again after the kill`);
    },
    TIMEOUT_MS,
  );

  test(
    'a document per address counts the keys that come through all partitions, and its decision is made again from the store',
    async () => {
      const ip = '203.0.113.3';
      policyId = (await cluster.policy.demand('POST', '/api/v1/policies', KEYS_PER_ADDRESS)).id;
      const places = async () => (await regroupedLog(cluster.addresses.kafka, policyId)).byTarget.get(ip)?.places ?? [];
      for (let n = 0; n < KEYS; n++) expect(await verify(n, ip)).toBe('VALID');
      for (let n = 0; n < KEYS; n++) await verify(n, ip); // the same keys again
      await eventually(async () => expect(await places()).toHaveLength(2 * KEYS), 60_000);
      expect(await enforcements(ip)).toEqual([]);
      await verify(KEYS, ip);
      await eventually(async () => expect(await enforcements(ip)).toHaveLength(1), 60_000);
      const [made] = await enforcements(ip);
      expect(made).toMatchObject({ measure: 'keys', value: KEYS + 1, threshold: KEYS, step: 'suspend' });
      expect(text(made!.cause)).toBe((await places())[2 * KEYS]);
      await eventually(async () => {
        for (const ingress of [0, 1]) expect(await verify(ingress, ip)).toBe('DISABLED');
      }, 10_000);
      const counted = (await places()).slice(0, 2 * KEYS + 1); // of many partitions, each stored in its turn
      await eventually(async () => expect(await stored(ip)).toEqual(expect.arrayContaining(counted)), 60_000);
      const explained = await cluster.policy.demand('GET', `/api/v1/enforcements/${made!.id}/explanation`);
      expect(explained.derived).toMatchObject({ same: true, eventCount: 2 * KEYS + 1 });
      const partitions = new Set(explained.derived.events.map(({ partition }: Place) => partition));
      expect(partitions.size).toBeGreaterThan(3);
    },
    TIMEOUT_MS,
  );

  test(
    'every decision and every lift stands in keymeter.enforcements as a CloudEvent under an id that tells a repeat',
    async () => {
      const [made] = await enforcements('203.0.113.1');
      await cluster.policy.demand('DELETE', `/api/v1/enforcements/${made!.id}`, { reason: 'our own load test' });
      const told = new Map<string, Record<string, unknown>>();
      await eventually(async () => {
        for (const { key, value, headers } of await recordsOf(cluster.addresses.kafka, 'keymeter.enforcements')) {
          const event = JSON.parse(value);
          expect(headers['content-type']).toBe('application/cloudevents+json; charset=UTF-8');
          expect(key).toBe(event.subject);
          const before = told.get(event.id);
          if (before) expect(event).toEqual(before);
          told.set(event.id, event);
        }
        expect([...told.keys()]).toContain(`${made!.id}/lifted`);
      }, 60_000);
      const { items } = await cluster.policy.demand('GET', '/api/v1/enforcements');
      expect([...told.keys()].sort()).toEqual([...items.map(({ id }: Enforced) => id), `${made!.id}/lifted`].sort());
      expect(told.get(made!.id)).toMatchObject({
        specversion: '1.0',
        source: 'keymeter/policy',
        type: 'keymeter.enforcement',
        subject: '203.0.113.1',
        data: { policyName: 'per-address', value: THRESHOLD + 1, cause: made!.cause, action: { type: 'suspend' } },
      });
      expect(told.get(`${made!.id}/lifted`)).toMatchObject({
        type: 'keymeter.enforcement.lifted',
        subject: '203.0.113.1',
        data: { lifted: { reason: 'our own load test' } },
      });
    },
    TIMEOUT_MS,
  );

  test(
    'an endpoint is told of every decision and lift, each under one id, whichever process was killed meanwhile',
    async () => {
      const { items } = await cluster.policy.demand('GET', '/api/v1/enforcements');
      const decided = items.map(({ id }: Enforced) => `enforcement.begun ${id}`);
      const lifted = items
        .filter(({ lifted }: Enforced) => lifted)
        .map(({ id }: Enforced) => `enforcement.lifted ${id}`);
      expect(lifted).toHaveLength(1);
      const messages = () =>
        receiver.received.map((it) => ({ id: it.headers['webhook-id'], ...receiver.verified(it, secret) }));
      const told = () => new Set(messages().map(({ type, data }) => `${type} ${data.id}`));
      await eventually(async () => expect([...told()].sort()).toEqual([...decided, ...lifted].sort()), 90_000);
      expect(new Set(messages().map(({ id }) => id)).size).toBe(told().size);
    },
    TIMEOUT_MS,
  );
});
