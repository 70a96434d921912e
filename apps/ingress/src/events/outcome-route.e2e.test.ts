/** Ingest on a real log whose consumer the test starts: before that nothing is decided, after it everything is. */
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { hashKey } from '#domain/keys/key-text.js';
import { Clock } from '#ports/clock.js';
import { EventFates } from '#ports/event-fates.js';
import { EventLogWriter } from '#ports/event-log.js';
import { KeyStore } from '#ports/key-store.js';
import { NoRowFates, RowFates } from '#ports/row-fates.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { provided } from '#runtime/provided.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { EventPump } from '#stream/event-pump.js';
import { FateBook } from '#stream/fate-book.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { type Answer, type RunningApp, runApp } from '../../../../test/support/running-app.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { EventIngest } from './event-ingest.js';
import { EventRoutes, IngestBodyLimit } from './event-routes.js';
import { IngestDecoder } from './ingest-decoder.js';
import { InlineIngestDecoder } from './inline-ingest-decoder.js';

const folder = temporaryFolder('outcomes');
const SENDER = 'root_that_may_publish_0123456789';
const READER = 'root_that_may_not_0123456789abcd';
const LIMITS = { maxEvents: 100, maxEventBytes: 10_000, maxFutureMs: 60_000 };

let app: RunningApp;
let consume: () => void;
let close: () => Promise<void>;

beforeAll(async () => {
  const clock = new ManualClock();
  const log = await SegmentLogWriter.open({
    folder: join(folder, 'log'),
    partitions: 1,
    segmentBytes: 1e7,
    maxBytes: 1e9,
    reserveBytes: 0,
  });
  const reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  const environment = await openEnvironment(join(folder, 'lmdb'));
  const keys = new LmdbKeyStore(environment);
  await putRootKey(keys, SENDER, 'event.*.publish_event');
  await putRootKey(keys, READER, 'api.*.verify_key');
  const book = new FateBook(() => 0);
  const pump = new EventPump(reader, new Deduplicator(NOTHING_STORED, { filterBytes: 1024 }), [book], 0);
  const ports = provided([
    [Clock, clock],
    [Registry as never, new Registry()],
    [KeyStore, keys],
    [EventLogWriter, log],
    [EventFates, book],
    [RowFates, new NoRowFates()],
    [UsageRecorder as never, new UsageRecorder(log, clock)],
    [IngestDecoder, new InlineIngestDecoder(LIMITS, clock)],
    [IngestBodyLimit as never, new IngestBodyLimit(1_000_000)],
  ]);
  const root = { module: class TestRoot {}, imports: [ports], providers: [RootKeys, EventIngest, EventRoutes] };
  app = await runApp(await createHttpApp(root, { logger: false }));
  let running: Promise<void> = Promise.resolve();
  consume = () => {
    running = pump.run();
  };
  close = async () => {
    await app.close();
    pump.stop();
    await reader.close();
    await running;
    await log.close();
    await environment.close();
  };
});
afterAll(() => close());

const NOTHING_STORED = {
  withHashes: async () => [],
  async *identityHashes() {
    yield [];
  },
};

async function putRootKey(keys: LmdbKeyStore, key: string, right: string): Promise<void> {
  const id = key.slice(0, 20);
  await keys.putRootKey({ id, hash: hashKey(key), start: 'root', name: 'test', rights: [right], createdAt: 0 });
}

function send(ids: readonly string[], prefer = 'respond-async', n = 1): Promise<Answer> {
  const payload = ids.map((id) => ({ specversion: '1.0', id, source: 's', type: 't', subject: 'u', data: { n } }));
  const headers = {
    authorization: `Bearer ${SENDER}`,
    'content-type': 'application/cloudevents-batch+json',
    prefer,
  };
  return app.inject({ method: 'POST', url: '/api/v1/events', payload, headers });
}

function ask(url: string, headers: Record<string, string> = {}, key = SENDER): Promise<Answer> {
  return app.inject({ method: 'GET', url, headers: { authorization: `Bearer ${key}`, ...headers } });
}

test('respond-async answers 202 when the events are durable, before anything is decided', async () => {
  const answer = await send(['a', 'b']);
  expect([answer.statusCode, answer.body]).toEqual([202, '']);
  expect(answer.headers).toMatchObject({
    'preference-applied': 'respond-async',
    'keymeter-position': '0:1',
    location: '/api/v1/events/outcomes/0/0',
  });
  const outcome = await ask('/api/v1/events/outcomes/0/0', { prefer: 'wait=0' });
  expect([outcome.statusCode, outcome.body, outcome.headers['retry-after']]).toEqual([202, '', '1']);
});

test('the outcome of a request gives the number of each fate once the events are decided', async () => {
  const repeated = await send(['a', 'c', 'c', 'd'], 'respond-async, keymeter-counts');
  const conflicting = await send(['a', 'e'], 'Respond-Async; foo', 2);
  const waiting = ask(repeated.headers.location as string);
  consume();
  expect((await waiting).json()).toEqual({ accepted: 2, duplicate: 2, conflict: 0, undecodable: 0 });
  const [first, second] = ['/api/v1/events/outcomes/0/0', conflicting.headers.location as string];
  expect((await ask(first)).json()).toEqual({ accepted: 2, duplicate: 0, conflict: 0, undecodable: 0 });
  expect((await ask(second)).json()).toEqual({ accepted: 1, duplicate: 0, conflict: 1, undecodable: 0 });
  expect((await ask(second)).json()).toEqual({ accepted: 1, duplicate: 0, conflict: 1, undecodable: 0 });
});

test('a position that was never written, or is none, is 404 at once and never "undecided"', async () => {
  for (const place of ['0/3', '1/0', '0/999999999999999', '0/x', '-1/0', '0/99999999999999999999']) {
    const answer = await ask(`/api/v1/events/outcomes/${place}`);
    expect([place, answer.statusCode, answer.headers['content-type']]).toEqual([
      place,
      404,
      'application/problem+json',
    ]);
    expect(answer.json().extensions.code).toBe('data/outcome_not_found');
  }
});

test('outcomes are for root keys that may publish events', async () => {
  expect((await ask('/api/v1/events/outcomes/0/0', {}, READER)).statusCode).toBe(403);
  expect((await app.inject({ method: 'GET', url: '/api/v1/events/outcomes/0/0' })).statusCode).toBe(401);
});

test('an empty batch has no outcome, and a refused one neither', async () => {
  const empty = await send([]);
  expect([empty.statusCode, empty.headers.location]).toEqual([204, undefined]);
  const refused = await send(['']);
  expect([refused.statusCode, refused.headers.location]).toEqual([400, undefined]);
});

test('results per event name each event in the order of the batch', async () => {
  const { statusCode, headers, json } = await send(['y', 'x', 'y'], 'return=representation');
  expect([statusCode, headers['preference-applied']]).toEqual([200, 'return=representation']);
  expect(json().events.map(({ id, status }: { id: string; status: string }) => [id, status])).toEqual([
    ['y', 'accepted'],
    ['x', 'accepted'],
    ['y', 'duplicate'],
  ]);
});
