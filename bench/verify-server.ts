import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { EmbeddedCounters } from '#adapters/lmdb/embedded-counters.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEnforcementStore } from '#adapters/lmdb/lmdb-enforcement-store.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { hashKey, mintKey } from '#domain/keys/key-text.js';
import { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EventLogWriter } from '#ports/event-log.js';
import { KeyStore } from '#ports/key-store.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { provided } from '#runtime/provided.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { IngressModule } from '../apps/ingress/src/ingress.module.js';

export type Kind = 'bare' | 'verify';

const ROOT_KEY = 'root_of_the_benchmark';
const KEYS = 1_000;
const keys = Array.from({ length: KEYS }, () => mintKey('sk', randomBytes(16)));
const ANSWER = {
  meta: { requestId: 'req_0123456789ab0' },
  data: { valid: true, code: 'VALID', keyId: 'key_1', enabled: true },
};

@Controller('v2')
class BareController {
  @Post('keys.verifyKey')
  @HttpCode(200)
  verify() {
    return ANSWER;
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

/** A child process: sends its port and the request to make, then its CPU time when it is asked. */
export async function startServer(kind: Kind, folder: string): Promise<void> {
  const app = kind === 'bare' ? await bareApp() : await verifyApp(folder);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const body = JSON.stringify({ key: keys[0]?.key });
  const request =
    `POST /v2/keys.verifyKey HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${ROOT_KEY}\r\n` +
    `Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.send?.({ port, request });
}

function bareApp(): Promise<NestFastifyApplication> {
  return NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), { logger: false });
}

async function verifyApp(folder: string): Promise<NestFastifyApplication> {
  const options = { partitions: 1, segmentBytes: 64e6, maxBytes: 20e9, reserveBytes: 0 };
  const log = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...options });
  const environment = await openEnvironment(join(folder, 'lmdb'));
  const clock = new SystemClock();
  const recorder = new UsageRecorder(log, clock);
  const store = new LmdbKeyStore(environment);
  await store.putRootKey({ id: 'r', hash: hashKey(ROOT_KEY), start: 'root', name: 'r', rights: ['*'], createdAt: 0 });
  const fixed = { apiId: 'api_1', byteLength: 16, enabled: true, permissions: [], ratelimits: [], createdAt: 0 };
  await Promise.all(keys.map(({ hash, start }, i) => store.insertKey({ id: `key_${i}`, hash, start, ...fixed })));
  const ports = provided([
    [Clock, clock],
    [KeyStore, store],
    [Counters, new EmbeddedCounters(environment, clock, () => recorder.seal())],
    [EnforcementStore, new LmdbEnforcementStore(environment, clock)],
    [EventLogWriter, log],
    [UsageRecorder as never, recorder],
    [NodeIdentity as never, new NodeIdentity('bench')],
    [Registry as never, new Registry()],
  ]);
  return createHttpApp({ module: class BenchModule {}, imports: [ports, IngressModule] }, { logger: false });
}
