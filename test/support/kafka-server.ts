/** Real Kafka brokers for the tests, each in a temporary folder on free ports. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis-server.js';

export interface KafkaProcess {
  readonly pid: number;
  readonly port: number;
  readonly bootstrap: string;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  pause(): void;
  resume(): void;
}

export interface KafkaStart {
  readonly dir: string;
  readonly port: number;
  readonly controllerPort: number;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  readonly advertisedPort?: number;
}

interface KafkaScript {
  ensureKafka(): string;
  startKafka(options: KafkaStart): Promise<KafkaProcess>;
}

const SCRIPT_FROM = ['../../scripts/servers/kafka.mjs', '../../../scripts/servers/kafka.mjs']; // sources, dist/

async function script(): Promise<KafkaScript> {
  const errors: unknown[] = [];
  for (const from of SCRIPT_FROM) {
    try {
      return (await import(new URL(from, import.meta.url).href)) as KafkaScript;
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors[0];
}

/**
 * `describe`, or under CI a failure and elsewhere a skip with one sentence where Kafka cannot be had.
 * Await it at the top of the test file.
 */
export async function describeWithKafka(): Promise<jest.Describe> {
  const { ensureKafka } = await script();
  try {
    ensureKafka();
    return describe;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    process.stderr.write(`SKIPPED, Kafka: ${(error as Error).message}\n`);
    return describe.skip;
  }
}

export interface TestKafkaOptions {
  readonly properties?: KafkaStart['properties'];
  /** For clients that are to stay behind a proxy: it listens on `advertisedPort` and goes to `port`. */
  readonly secondListener?: { readonly port: number; readonly advertisedPort: number };
}

function twoListeners(port: number, controllerPort: number, second: { port: number; advertisedPort: number }) {
  const at = (name: string, where: number) => `${name}://127.0.0.1:${where}`;
  return {
    listeners: [at('PLAINTEXT', port), at('BEHIND', second.port), at('CONTROLLER', controllerPort)].join(','),
    'advertised.listeners': [at('PLAINTEXT', port), at('BEHIND', second.advertisedPort)].join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
  };
}

export class TestKafka {
  #server: KafkaProcess;

  private constructor(
    server: KafkaProcess,
    private readonly options: KafkaStart,
  ) {
    this.#server = server;
  }

  static async start(options: TestKafkaOptions = {}): Promise<TestKafka> {
    const { startKafka } = await script();
    const dir = mkdtempSync(join(tmpdir(), 'keymeter-kafka-'));
    const [port, controllerPort] = [await freePort(), await freePort()];
    const listeners = options.secondListener ? twoListeners(port, controllerPort, options.secondListener) : {};
    const start = { dir, port, controllerPort, properties: { ...listeners, ...options.properties } };
    try {
      return new TestKafka(await startKafka(start), start);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  get pid(): number {
    return this.#server.pid;
  }

  get port(): number {
    return this.#server.port;
  }

  get bootstrap(): string {
    return this.#server.bootstrap;
  }

  kill9(): Promise<void> {
    return this.#server.kill9();
  }

  /** An orderly stop; `restart` starts it again. */
  halt(): Promise<void> {
    return this.#server.stop();
  }

  /** On the same ports and data, after `kill9` or `halt`. */
  async restart(): Promise<void> {
    const { startKafka } = await script();
    this.#server = await startKafka(this.options);
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  /** Ends the broker, whatever its state, and removes its folder. */
  async close(): Promise<void> {
    await this.#server.kill9();
    rmSync(this.options.dir, { recursive: true, force: true });
  }
}
