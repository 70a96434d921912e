/** HTTP fronts over chDB for the tests, each in a temporary folder on a free port, with faults on demand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerHandle, serverScript } from './server-script.js';

interface FrontProcess extends ServerHandle {
  readonly url: string;
  readonly control: string;
}

interface FrontScript {
  startClickhouseFront(options: {
    dir: string;
    port: number;
    user?: string;
    password?: string;
    control?: boolean;
  }): Promise<FrontProcess>;
}

/** What each does: infra/clickhouse-front/faults.mjs. */
export interface FrontFault {
  readonly kind:
    | 'status'
    | 'exception'
    | 'cut'
    | 'hang'
    | 'done-hang'
    | 'done-reset'
    | 'done-half'
    | 'done-stall'
    | 'done-tail';
  readonly count?: number;
  readonly on?: 'insert' | 'query' | 'any';
  readonly bytes?: number;
  readonly status?: number;
  readonly code?: number;
  readonly name?: string;
}

export interface SeenInsert {
  readonly sql: string;
  readonly token?: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly fault?: string;
}

/** With the characters that go wrong where a password is pasted somewhere. */
const PASSWORD = "it's a secret:€";

export class TestFront {
  readonly password = PASSWORD;

  private constructor(
    private process: FrontProcess,
    private readonly dir: string,
  ) {}

  static async start(): Promise<TestFront> {
    const dir = mkdtempSync(join(tmpdir(), 'keymeter-front-'));
    try {
      return new TestFront(await startProcess(dir, 0), dir);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  get url(): string {
    return this.process.url;
  }

  /** What a client needs to be let in. */
  get access(): { url: string; username: string; password: string } {
    return { url: this.url, username: 'default', password: this.password };
  }

  async fault(fault: FrontFault): Promise<void> {
    await fetch(`${this.process.control}/faults`, { method: 'POST', body: JSON.stringify(fault) });
  }

  /** Faults that were planned and have not happened: 0 at the end of a test that bit. */
  async faultsLeft(): Promise<number> {
    return ((await (await fetch(this.process.control)).json()) as { left: number }).left;
  }

  async seen(): Promise<SeenInsert[]> {
    return ((await (await fetch(`${this.process.control}/seen`)).json()) as { seen: SeenInsert[] }).seen;
  }

  async clear(): Promise<void> {
    await fetch(this.process.control, { method: 'DELETE' });
  }

  pause(): void {
    this.process.pause();
  }

  resume(): void {
    this.process.resume();
  }

  kill9(): Promise<void> {
    return this.process.kill9();
  }

  /** On the same port and data, after `kill9`. Planned faults are gone. */
  async restart(): Promise<void> {
    this.process = await startProcess(this.dir, this.process.port);
  }

  async close(): Promise<void> {
    await this.process.kill9();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function startProcess(dir: string, port: number): Promise<FrontProcess> {
  const { startClickhouseFront } = await serverScript<FrontScript>('clickhouse-front.mjs');
  return startClickhouseFront({ dir, port, password: PASSWORD, control: true });
}
