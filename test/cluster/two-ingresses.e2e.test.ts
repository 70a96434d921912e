/** What two ingresses of one cluster owe their callers together: nothing left behind, nothing done twice. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HttpCaller } from '../crash/http-caller.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { Cluster } from './cluster.js';

const TIMEOUT_MS = 240_000;
const COUNTED_WITHIN_MS = 60_000;
const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('two ingresses of a cluster', () => {
  const folder = temporaryFolder('two-ingresses', () => cluster?.stop());
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start(folder);
  }, TIMEOUT_MS);

  const counted = (keyId: string) => cluster.total('requests', { subject: keyId });
  const command = async (...args: string[]) => cluster.command(...args).ended;

  test(
    'peers, sentence 17: one Idempotency-Key on both ingresses costs one credit and gives one event and one answer',
    async () => {
      const credits = 100;
      const { key, keyId } = await cluster.createKey({ credits: { remaining: credits } });
      const once = (ingress: number, name: string) => cluster.verifyOnce(ingress, key, name);
      const rounds = 10;
      for (let round = 0; round < rounds; round++) {
        const calls = Array.from({ length: 8 }, (_, i) => once((i + round) % 2, `burst-${round}`));
        const answers = new Set([...(await Promise.all(calls)), await once(round % 2, `burst-${round}`)]);
        expect(answers.size).toBe(1);
        expect(JSON.parse([...answers][0] ?? '').data).toMatchObject({ code: 'VALID', credits: credits - round - 1 });
      }
      await expect(cluster.verifyOnce(1, 'sk_another', 'burst-0')).rejects.toThrow('409');
      await eventually(async () => expect(await counted(keyId)).toBe(rounds), COUNTED_WITHIN_MS);
      const { data } = await (cluster.ingress[0] as HttpCaller).demand('POST', '/v2/keys.getKey', { keyId });
      expect(data.credits.remaining).toBe(credits - rounds);
    },
    TIMEOUT_MS,
  );

  test(
    'an ingress that stands still in the middle of such a call is taken over by the other: still one credit, one event',
    async () => {
      const { key, keyId } = await cluster.createKey({ credits: { remaining: 100 } });
      await Promise.all([cluster.verify(0, key), cluster.verify(1, key)]);
      const calls = 30;
      const first = Array.from({ length: calls }, (_, i) => cluster.verifyOnce(0, key, `paused-${i}`));
      cluster.signal('ingress-1', 'SIGSTOP'); // some are anywhere between the socket and the answer
      let second: string[];
      try {
        second = await Promise.all(Array.from({ length: calls }, (_, i) => cluster.verifyOnce(1, key, `paused-${i}`)));
      } finally {
        cluster.signal('ingress-1', 'SIGCONT');
      }
      expect(second.every((text) => JSON.parse(text).data.code === 'VALID')).toBe(true);
      expect(await Promise.all(first)).toEqual(second);
      await eventually(async () => expect(await counted(keyId)).toBe(calls + 2), COUNTED_WITHIN_MS);
      const { data } = await (cluster.ingress[0] as HttpCaller).demand('POST', '/v2/keys.getKey', { keyId });
      expect(data.credits.remaining).toBe(100 - calls - 2);
    },
    TIMEOUT_MS,
  );

  test(
    'peers, sentence 16: what is left of a quota used on one ingress is told by the other',
    async () => {
      const { key, keyId } = await cluster.createKey();
      await cluster.policy.demand('POST', '/api/v1/policies', {
        name: 'hundred-a-day',
        match: { type: 'request', data: { keyId: { eq: keyId }, ip: { eq: '192.0.2.1' } } },
        groupBy: 'keyId',
        aggregate: 'count',
        window: { calendar: 'day', timeZone: 'UTC' },
        threshold: 100,
        action: { type: 'throttle', limit: 0, window: '1m', for: '1d' },
        mode: 'on',
      });
      const verify = async (ingress: number, ip: string) => {
        const caller = cluster.ingress[ingress] as HttpCaller;
        const answer = await caller.post('/v2/keys.verifyKey', { key, tags: [`ip=${ip}`] });
        return answer.kind === 'answer' ? answer.headers.ratelimit : answer.reason;
      };
      for (let n = 0; n < 4; n++) await verify(0, '192.0.2.1');
      const told = async () => expect(await verify(1, '192.0.2.2')).toMatch(/^"hundred-a-day";r=96;t=\d+$/);
      await eventually(told, COUNTED_WITHIN_MS);
    },
    TIMEOUT_MS,
  );

  test(
    'what became of ingested events is told by every ingress and by the query process, and by the import that sent them',
    async () => {
      const [one, two] = cluster.ingress as [HttpCaller, HttpCaller];
      const event = (id: string, subject: string, n = 0) => ({
        specversion: '1.0',
        source: 'outcomes',
        type: 'request',
        id,
        subject,
        data: { n },
      });
      const type = 'application/cloudevents-batch+json';
      const events = Array.from({ length: 200 }, (_, i) => event(`e${i}`, `s${i % 30}`));
      const first = await one.post('/api/v1/events', events, { 'content-type': type, prefer: 'respond-async' });
      if (first.kind === 'lost') throw new Error('no answer');
      expect(first.status).toBe(202);
      const location = first.headers.location as string;
      expect(location).toMatch(/^\/api\/v1\/events\/outcomes\?rows=/);
      for (const caller of [one, two, cluster.query]) {
        expect(await caller.demand('GET', location)).toEqual({
          accepted: 200,
          duplicate: 0,
          conflict: 0,
          undecodable: 0,
        });
      }
      const mixed = [event('e1', 's1'), event('new', 's1'), event('e2', 's2', 7), event('new', 's1')];
      const second = await two.post('/api/v1/events', mixed, { 'content-type': type, prefer: 'return=representation' });
      if (second.kind === 'lost') throw new Error('no answer');
      const fates = JSON.parse(second.text).events.map(({ id, status }: { id: string; status: string }) => [
        id,
        status,
      ]);
      expect(fates).toEqual([
        ['e1', 'duplicate'],
        ['new', 'accepted'],
        ['e2', 'conflict'],
        ['new', 'duplicate'],
      ]);
      for (const rows of ['0:999999999:0-0', '900:0:0-0', 'nonsense', '0:0']) {
        expect(await cluster.query.call(`/api/v1/events/outcomes?rows=${rows}`)).toMatchObject({ status: 404 });
      }

      const lines = Array.from({ length: 3_000 }, (_, i) => JSON.stringify(event(`l${i % 2_900}`, `u${i % 50}`)));
      lines[10] = JSON.stringify(event('e5', 's5', 3)); // in conflict with what is stored
      writeFileSync(join(folder, 'events.ndjson'), lines.join('\n'));
      const summary = async () => {
        const { code, stdout, stderr } = await command('import', join(folder, 'events.ndjson'), '--json');
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        rmSync(join(folder, 'home', '.keymeter'), { recursive: true, force: true });
        return JSON.parse(stdout).files[0];
      };
      expect(await summary()).toMatchObject({ accepted: 2_900, duplicate: 99, conflict: 1, undecided: 0 });
      expect(await summary()).toMatchObject({ accepted: 0, duplicate: 2_999, conflict: 1, undecided: 0 });
    },
    TIMEOUT_MS,
  );

  // The last one: afterwards the cluster has one ingress less.
  test(
    'what a killed ingress left in its spool is shown, drained by hand, counted once although drained twice, and taken up at its next start',
    async () => {
      const { key, keyId } = await cluster.createKey();
      const dead = cluster.folderOf('ingress-2');
      const verifications = 25;
      await cluster.verify(1, key); // from memory from now on
      cluster.signal('kafka', 'SIGSTOP');
      try {
        for (let n = 1; n < verifications; n++) expect(await cluster.verify(1, key)).toBe('VALID');
        cluster.signal('ingress-2', 'SIGKILL');
      } finally {
        cluster.signal('kafka', 'SIGCONT');
      }
      const shown = JSON.parse((await command('spool', 'show', dead, '--json')).stdout);
      expect(shown).toMatchObject({ inUse: false, damaged: [] });
      expect(shown.waiting.events).toBeGreaterThanOrEqual(verifications - 1);
      const copy = join(folder, 'copy');
      cpSync(dead, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });

      const refused = await command('spool', 'drain', cluster.folderOf('ingress-1'));
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('is in use by another keymeter process');

      const drained = await command('spool', 'drain', dead, '--json');
      expect({ code: drained.code, stderr: drained.stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(drained.stdout)).toEqual({ complete: true, ...counts(shown.waiting) });
      await eventually(async () => expect(await counted(keyId)).toBe(verifications), COUNTED_WITHIN_MS);
      expect(JSON.parse((await command('spool', 'show', dead, '--json')).stdout).waiting.frames).toBe(0);

      // Drained again from the copy, as after a crash that lost how far it had come; then started on another copy.
      expect((await command('spool', 'drain', copy, '--json')).code).toBe(0);
      rmSync(join(copy, 'spool-sent'));
      const again = await startStandalone({
        dataDir: copy,
        app: 'ingress',
        env: cluster.environmentOf('ingress-2', copy),
      });
      const fresh = await cluster.verifyAt(again.url, key);
      expect(fresh).toBe('VALID');
      expect(await again.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await eventually(async () => expect(await counted(keyId)).toBe(verifications + 1), COUNTED_WITHIN_MS);
      expect((await command('reconcile', '--log')).code).toBe(0);
      expect(await counted(keyId)).toBe(verifications + 1);
    },
    TIMEOUT_MS,
  );
});

function counts({ frames, events }: { frames: number; events: number }): { frames: number; events: number } {
  return { frames, events };
}
