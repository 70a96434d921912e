import { join } from 'node:path';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { EmbeddedCounters } from '#adapters/lmdb/embedded-counters.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { KeymeterError } from '#domain/errors.js';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { decodeRow } from '#domain/events/usage-row.js';
import { hashKey } from '#domain/keys/key-text.js';
import { decodeFrame } from '#domain/log/frame.js';
import { QuotaBoard } from '#domain/policies/quota-board.js';
import { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EventLogWriter } from '#ports/event-log.js';
import { KeyStore } from '#ports/key-store.js';
import { LastKnown } from '#ports/last-known.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { provided } from '#runtime/provided.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { IngressModule } from '../../apps/ingress/src/ingress.module.js';
import { faulty } from './faulty.js';
import { FixedEnforcements } from './fixed-enforcements.js';
import { type Answer, type RunningApp, runApp } from './running-app.js';

export const ROOT_KEY = 'root_for_tests_only_0123456789';

/** What stands in the place of embedded adapters. */
export interface OtherStores {
  readonly store?: KeyStore;
  readonly counters?: Counters;
  readonly enforcements?: EnforcementStore;
  readonly lastKnown?: LastKnown;
}

/** A whole ingress on the embedded adapters in a folder; only the clock is set by hand. */
export class Ingress {
  /** The next appends to the log fail while this is set. */
  logFails = false;

  private constructor(
    readonly folder: string,
    readonly clock: ManualClock,
    readonly store: KeyStore,
    readonly counters: EmbeddedCounters,
    readonly enforcements: FixedEnforcements,
    readonly quotas: QuotaBoard,
    readonly registry: Registry,
    private readonly reader: SegmentLogReader,
    readonly app: RunningApp,
    private readonly closeAdapters: () => Promise<void>,
  ) {}

  static async open(folder: string, clock = new ManualClock(), others: OtherStores = {}): Promise<Ingress> {
    const options = { folder: join(folder, 'log'), partitions: 1, segmentBytes: 1e8, maxBytes: 1e9, reserveBytes: 0 };
    const writer = await SegmentLogWriter.open(options);
    const reader = new SegmentLogReader(options.folder, writer.watermarks.shared);
    const environment = await openEnvironment(join(folder, 'lmdb'));
    const log = faulty<SegmentLogWriter>(writer, {
      append: (call) => (ingress.logFails ? Promise.reject(logFull()) : call()),
    });
    const recorder = new UsageRecorder(log, clock);
    const counters = new EmbeddedCounters(environment, clock, () => recorder.seal());
    await counters.restore(reader);
    const store = others.store ?? new LmdbKeyStore(environment);
    const hash = hashKey(ROOT_KEY);
    await store.putRootKey({ id: 'root_1', hash, start: 'root', name: 'test', rights: ['*'], createdAt: 0 });
    const enforcements = new FixedEnforcements();
    const quotas = new QuotaBoard();
    const registry = new Registry();
    const ports = provided([
      [Clock, clock],
      [KeyStore, store],
      [Counters, others.counters ?? counters],
      [EnforcementStore, others.enforcements ?? enforcements],
      ...(others.lastKnown ? [[LastKnown, others.lastKnown] as const] : []),
      [QuotaBoard, quotas],
      [EventLogWriter, log],
      [UsageRecorder as never, recorder],
      [NodeIdentity as never, new NodeIdentity('test')],
      [Registry as never, registry],
    ]);
    const root = { module: class TestRoot {}, imports: [ports, IngressModule] };
    const app = await runApp(await createHttpApp(root, { logger: false }));
    const closeAdapters = async () => {
      await reader.close();
      await writer.close();
      await environment.close();
    };
    const ingress: Ingress = new Ingress(
      folder,
      clock,
      store,
      counters,
      enforcements,
      quotas,
      registry,
      reader,
      app,
      closeAdapters,
    );
    return ingress;
  }

  call(name: string, payload: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const all = { authorization: `Bearer ${ROOT_KEY}`, accept: 'application/json', ...headers };
    return this.app.inject({ method: 'POST', url: `/v2/${name}`, payload, headers: all });
  }

  /** The data of a call that must succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async data(name: string, payload: unknown, headers?: Record<string, string>): Promise<any> {
    const answer = await this.call(name, payload, headers);
    if (answer.statusCode !== 200) throw new Error(`${name} answered ${answer.statusCode}: ${answer.body}`);
    return answer.json().data;
  }

  /** Every event in the log. */
  async events(): Promise<UsageEvent[]> {
    const records = await this.reader.read(0, 0, 1e9);
    return records.flatMap(({ value }) => {
      const frame = decodeFrame(value);
      if (!frame.ok) throw new Error(frame.reason);
      return frame.frame.rows.map((row) => {
        const decoded = decodeRow(row);
        if (!decoded.ok) throw new Error(decoded.reason);
        return decoded.event;
      });
    });
  }

  /** Ends everything without a checkpoint and starts again on the same folder. */
  async restart(): Promise<Ingress> {
    await this.close();
    return Ingress.open(this.folder, this.clock);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.closeAdapters();
  }
}

function logFull(): KeymeterError {
  return new KeymeterError('LOG_FULL', 'the log is full', { retryable: true });
}
