/** Real Kafka brokers for the tests, each in a temporary folder on free ports. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { describeWith, type ServerHandle, serverScript } from './server-script.js';

export interface KafkaProcess extends ServerHandle {
  readonly bootstrap: string;
}

export interface KafkaStart {
  readonly dir: string;
  readonly port: number;
  readonly controllerPort: number;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  readonly advertisedPort?: number;
  readonly scram?: readonly string[];
  readonly java?: readonly string[];
}

interface KafkaScript {
  readonly SHORT_LIVED: readonly string[];
  ensureKafka(): void;
  startKafka(options: KafkaStart): Promise<KafkaProcess>;
}

const script = () => serverScript<KafkaScript>('kafka.mjs');

/** `describe` where Kafka can be had, see describeWith. Await it at the top of the test file. */
export async function describeWithKafka(): Promise<jest.Describe> {
  return describeWith('Kafka', (await script()).ensureKafka);
}

export interface TestKafkaOptions {
  readonly properties?: KafkaStart['properties'];
  /** For clients that are to stay behind a proxy: it listens on `advertisedPort` and goes to `port`. */
  readonly secondListener?: { readonly port: number; readonly advertisedPort: number };
  /** More listeners, whose settings are `properties` that begin with listener.name.<name in small letters>. */
  readonly listeners?: readonly {
    readonly name: string;
    readonly protocol: 'SSL' | 'SASL_SSL';
    readonly port: number;
  }[];
  readonly scram?: readonly string[];
  /** Not where speed is measured. */
  readonly shortLived?: boolean;
}

function moreListeners(port: number, controllerPort: number, more: NonNullable<TestKafkaOptions['listeners']>) {
  const clients = [`PLAINTEXT://127.0.0.1:${port}`, ...more.map((it) => `${it.name}://127.0.0.1:${it.port}`)];
  const protocols = ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT', ...more.map((it) => `${it.name}:${it.protocol}`)];
  return {
    listeners: [...clients, `CONTROLLER://127.0.0.1:${controllerPort}`].join(','),
    'advertised.listeners': clients.join(','),
    'listener.security.protocol.map': protocols.join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
  };
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
    const { startKafka, SHORT_LIVED } = await script();
    const dir = mkdtempSync(join(tmpdir(), 'keymeter-kafka-'));
    const [port, controllerPort] = [await freePort(), await freePort()];
    const second = options.secondListener ? twoListeners(port, controllerPort, options.secondListener) : {};
    const more = options.listeners ? moreListeners(port, controllerPort, options.listeners) : {};
    const properties = { ...second, ...more, ...options.properties };
    const java = options.shortLived ? SHORT_LIVED : [];
    const start = { dir, port, controllerPort, properties, scram: options.scram, java };
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
