/** The policy app over HTTP on the embedded adapters in a folder; only the clock is set by hand. */
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { HttpWebhookTransport } from '#adapters/http/http-webhook-transport.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEnforcementStore } from '#adapters/lmdb/lmdb-enforcement-store.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { LmdbPolicyStore } from '#adapters/lmdb/lmdb-policy-store.js';
import { LmdbWebhookDeliveryStore } from '#adapters/lmdb/lmdb-webhook-delivery-store.js';
import { LmdbWebhookEndpointStore } from '#adapters/lmdb/lmdb-webhook-endpoint-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { KeymeterError } from '#domain/errors.js';
import { identityHash } from '#domain/events/hash53.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { hashKey } from '#domain/keys/key-text.js';
import type { EventPosition } from '#domain/log/position.js';
import { subjectReader } from '#domain/policies/documents/subject-reader.js';
import { SEPARATOR } from '#domain/policies/documents/subject-separator.js';
import type { EventSpan } from '#domain/policies/explanation/event-span.js';
import { Clock } from '#ports/clock.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EnforcementSwitch } from '#ports/enforcement-switch.js';
import { EventLookup } from '#ports/event-lookup.js';
import { KeyStore } from '#ports/key-store.js';
import { PolicyStore } from '#ports/policy-store.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { WebhookTransport } from '#ports/webhook-transport.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { provided } from '#runtime/provided.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { EnforcementPause } from '../../apps/policy/src/enforcement/enforcement-pause.js';
import { EnforcementRecorder } from '../../apps/policy/src/enforcement/enforcement-recorder.js';
import { NoticeOutlet } from '../../apps/policy/src/enforcement/notice-outlet.js';
import { PolicyRunner } from '../../apps/policy/src/engine/policy-runner.js';
import { ApprovalSettings } from '../../apps/policy/src/policies/policy-approvals.js';
import { PolicyEditor } from '../../apps/policy/src/policies/policy-editor.js';
import { PolicyModule } from '../../apps/policy/src/policy.module.js';
import { WebhookModule } from '../../apps/policy/src/webhooks/webhook.module.js';
import { WebhookBackfill } from '../../apps/policy/src/webhooks/webhook-backfill.js';
import { WebhookDispatcher } from '../../apps/policy/src/webhooks/webhook-dispatcher.js';
import { WebhookHousekeeping } from '../../apps/policy/src/webhooks/webhook-housekeeping.js';
import { WebhookIntake } from '../../apps/policy/src/webhooks/webhook-intake.js';
import { WebhookRules } from '../../apps/policy/src/webhooks/webhook-rules.js';
import { faulty } from './faulty.js';
import { type Answer, type RunningApp, runApp } from './running-app.js';

export const ROOT_KEY = 'root_for_tests_only_0123456789';
export const READER_KEY = 'reader_for_tests_only_012345678';
/** Of a second person. */
export const SECOND_KEY = 'second_for_tests_only_012345678';

/** What a process does with webhooks by its timers, to be called by hand. */
interface Webhooks {
  readonly endpoints: LmdbWebhookEndpointStore;
  readonly deliveries: LmdbWebhookDeliveryStore;
  readonly dispatcher: WebhookDispatcher;
  readonly backfill: WebhookBackfill;
  readonly housekeeping: WebhookHousekeeping;
}

type Headers = Readonly<Record<string, string>>;

export class PolicyApi {
  #read = 0;

  private constructor(
    /** The next appends to the log fail while `log` is set; so many of the next ones to the queue of webhooks do. */
    readonly fails: { log: boolean; queue: number },
    readonly clock: ManualClock,
    readonly keys: LmdbKeyStore,
    readonly enforcements: LmdbEnforcementStore,
    readonly policies: LmdbPolicyStore,
    readonly runner: PolicyRunner,
    readonly webhooks: Webhooks,
    private readonly recorder: UsageRecorder,
    private readonly reader: SegmentLogReader,
    private readonly app: RunningApp,
    private readonly closeAdapters: () => Promise<void>,
  ) {}

  static async open(
    folder: string,
    clock = new ManualClock(),
    { approval = false, rules = new WebhookRules(true, true) } = {},
  ): Promise<PolicyApi> {
    const fails = { log: false, queue: 0 };
    const sizes = { partitions: 1, segmentBytes: 1e8, maxBytes: 1e9, reserveBytes: 0 };
    const writer = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...sizes });
    const reader = new SegmentLogReader(join(folder, 'log'), writer.watermarks.shared);
    const environment = await openEnvironment(join(folder, 'lmdb'));
    const log = faulty<SegmentLogWriter>(writer, {
      append: (call) => (fails.log ? Promise.reject(logFull()) : call()),
    });
    const recorder = new UsageRecorder(log, clock);
    const keys = new LmdbKeyStore(environment);
    await addRootKey(keys, ROOT_KEY, ['*']);
    await addRootKey(keys, READER_KEY, ['policy.*.read_policy']);
    await addRootKey(keys, SECOND_KEY, ['policy.*.*']);
    const enforcements = new LmdbEnforcementStore(environment, clock);
    const policies = new LmdbPolicyStore(environment);
    const webhookStores = {
      endpoints: new LmdbWebhookEndpointStore(environment),
      deliveries: new LmdbWebhookDeliveryStore(environment),
    };
    const ports = provided([
      [Clock, clock],
      [KeyStore, keys],
      [EnforcementStore, enforcements],
      [EnforcementOutbox, enforcements],
      [EnforcementSwitch, enforcements],
      [PolicyStore, policies],
      [EventLookup, new LogLookup(reader)],
      [ApprovalSettings, new ApprovalSettings(approval)],
      [WebhookEndpointStore, webhookStores.endpoints],
      [WebhookDeliveryStore, faulty(webhookStores.deliveries, { add: (call) => failing(fails, call) })],
      [WebhookRules, rules],
      [WebhookTransport, new HttpWebhookTransport(clock, rules)],
      [UsageRecorder as never, recorder],
      [Registry as never, new Registry()],
    ]);
    const imports = [ports, PolicyModule, WebhookModule];
    const nest = await createHttpApp({ module: class TestRoot {}, imports }, { logger: false });
    const app = await runApp(nest);
    await nest.get(PolicyEditor).recover();
    await nest.get(EnforcementPause).recover();
    const outlets = { others: () => [new NoticeOutlet(nest.get(WebhookIntake))] };
    const options = { snapshotEveryMs: 1_000, snapshotEveryEvents: 1_000, outlets };
    const snapshots = new LmdbEngineSnapshotStore(environment);
    const runner = new PolicyRunner(snapshots, nest.get(EnforcementRecorder), clock, options);
    await runner.open(0, 0, []);
    const webhooks = {
      ...webhookStores,
      dispatcher: nest.get(WebhookDispatcher),
      backfill: nest.get(WebhookBackfill),
      housekeeping: nest.get(WebhookHousekeeping),
    };
    const closeAdapters = async () => {
      await reader.close();
      await writer.close();
      await environment.close();
    };
    return new PolicyApi(
      fails,
      clock,
      keys,
      enforcements,
      policies,
      runner,
      webhooks,
      recorder,
      reader,
      app,
      closeAdapters,
    );
  }

  call(method: string, path: string, payload?: unknown, key = ROOT_KEY, more: Headers = {}): Promise<Answer> {
    const headers = { authorization: `Bearer ${key}`, ...more };
    return this.app.inject({ method, url: `/api/v1${path}`, payload, headers });
  }

  /** A call without a root key. */
  callAs(key: string | undefined, path: string, payload?: unknown): Promise<Answer> {
    return this.app.inject({
      method: 'POST',
      url: path,
      payload,
      headers: key ? { authorization: `Bearer ${key}` } : {},
    });
  }

  /** The body of a call that must succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async data(method: string, path: string, payload?: unknown): Promise<any> {
    const answer = await this.call(method, path, payload);
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.body}`);
    return answer.body === '' ? undefined : answer.json();
  }

  /** Writes a `request` event of the key now, and lets the engine see all of the log. */
  async use(keyId: string, id: string): Promise<void> {
    const time = this.clock.now();
    const event = {
      id,
      source: 'test',
      type: 'request',
      subject: keyId,
      time,
      data: { keyId },
      idHash: 1,
      fingerprint: 1,
    };
    await this.recorder.recorded(`${encodeRow({ ...event, idHash: identityHash('test', id) })}\n`, 1);
    await this.pump();
  }

  async pump(): Promise<void> {
    const records = await this.reader.read(0, this.#read, 1e9);
    this.#read += records.length;
    await this.runner.take(await decideRecords(records, new Deduplicator(NOTHING_STORED)));
  }

  /** Types of all rows in the log. */
  async rowTypes(): Promise<string[]> {
    return (await framesOf(this.reader)).flatMap(({ events }) => events.map(({ type }) => type));
  }

  /** Delivers what is due. */
  async deliver(): Promise<void> {
    await this.webhooks.dispatcher.look();
    await this.webhooks.dispatcher.quiet();
  }

  async close(): Promise<void> {
    await this.webhooks.dispatcher.stop();
    await this.app.close();
    await this.closeAdapters();
  }
}

/** All of the log. */
async function framesOf(reader: SegmentLogReader) {
  return decideRecords(await reader.read(0, 0, 1e9), new Deduplicator(NOTHING_STORED));
}

const NOTHING_STORED = { withHashes: async () => [], async *identityHashes() {} };

/** The ids of events as the log has them. */
class LogLookup extends EventLookup {
  constructor(private readonly reader: SegmentLogReader) {
    super();
  }

  async idsAt(positions: readonly EventPosition[]): Promise<(string | undefined)[]> {
    const frames = await framesOf(this.reader);
    return positions.map(({ offset, index }) => frames[offset]?.events[index]?.id);
  }

  async newest(types: readonly string[] | undefined, acceptedFrom: number, limit: number) {
    return (await framesOf(this.reader))
      .flatMap(({ events }) => events)
      .filter(({ type, acceptedAt }) => acceptedAt >= acceptedFrom && (types?.includes(type) ?? true))
      .reverse()
      .slice(0, limit);
  }

  async eventsOf({ fields, types, from, until, acceptedFrom, acceptedUntil }: EventSpan, limit: number) {
    const read = subjectReader(fields.map(({ field }) => field));
    const subject = fields.map(({ value }) => value).join(SEPARATOR);
    return (await framesOf(this.reader))
      .flatMap(({ events }) => events)
      .filter(({ time, type }) => time >= from && time <= until && (types?.includes(type) ?? true))
      .filter(({ acceptedAt }) => acceptedAt >= acceptedFrom && acceptedAt <= acceptedUntil)
      .filter((event) => read(event) === subject)
      .reverse()
      .slice(0, limit);
  }
}

async function addRootKey(keys: LmdbKeyStore, key: string, rights: string[]): Promise<void> {
  await keys.putRootKey({ id: `id_of_${key}`, hash: hashKey(key), start: 'root', name: 'test', rights, createdAt: 0 });
}

/** The first ones fail as a store that is away. */
async function failing<T>(fails: { queue: number }, call: () => Promise<T>): Promise<T> {
  if (fails.queue === 0) return call();
  fails.queue--;
  throw new KeymeterError('STORE_UNAVAILABLE', 'the queue is away', { retryable: true });
}

function logFull(): KeymeterError {
  return new KeymeterError('LOG_FULL', 'the log is full', { retryable: true });
}
