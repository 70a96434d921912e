/** The embedded mode: one process on its own disk, seen through its public API. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HttpCaller } from '../crash/http-caller.js';
import { allEvents, type RawEvent, settled } from '../crash/server-view.js';
import { freePort } from '../support/free-port.js';
import { NPM_START } from '../support/npm-start.js';
import { AppProcess, startServerProcess } from './app-process.js';
import { FakedClock } from './faked-clock.js';
import { BLOCKED_LOOP, type ClusterOptions, ROOT_KEY } from './fault-cluster.js';
import type { Stage } from './injection.js';
import { programOf } from './program-of.js';
import type { Subject } from './subject.js';

const READY_WITHIN_MS = 120_000;

export class FaultStandalone implements Stage {
  constructor(readonly app: AppProcess) {}

  get all(): readonly AppProcess[] {
    return [this.app];
  }

  get wanted(): readonly AppProcess[] {
    return this.app.wanted ? [this.app] : [];
  }
}

export class StandaloneSubject implements Subject<FaultStandalone> {
  readonly spools = false;
  readonly stage: FaultStandalone;
  readonly caller: HttpCaller;
  readonly ingresses: readonly AppProcess[];
  readonly consumers: readonly AppProcess[];
  readonly secrets = [ROOT_KEY];

  private constructor(private readonly app: AppProcess) {
    this.stage = new FaultStandalone(app);
    this.caller = new HttpCaller(app.url, ROOT_KEY);
    this.ingresses = [app];
    this.consumers = [app];
  }

  static async start({ folder, preload = [], env = {} }: ClusterOptions): Promise<StandaloneSubject> {
    const port = await freePort();
    const app = new AppProcess({
      name: 'standalone',
      script: programOf('standalone', preload),
      nodeArgs: [...NPM_START.flags, ...[BLOCKED_LOOP, ...preload].map((module) => `--import=${module}`)],
      url: `http://127.0.0.1:${port}`,
      logFolder: join(folder, 'logs'),
      startChild: await startServerProcess(),
      clock: new FakedClock(join(folder, 'clocks', 'standalone'), true),
      env: {
        ...NPM_START.env,
        FAULTS_BLOCK_FILE: join(folder, 'clocks', 'standalone-block'),
        KEYMETER_PORT: String(port),
        KEYMETER_DATA_DIR: join(folder, 'data'),
        KEYMETER_ROOT_KEY: ROOT_KEY,
        ...env,
      },
    });
    const subject = new StandaloneSubject(app);
    process.once('exit', () => app.signal('SIGKILL'));
    app.start();
    await subject.ready(READY_WITHIN_MS);
    return subject;
  }

  async isCounted(position: string): Promise<boolean> {
    const answer = await this.caller.call(`/api/v1/meters/requests/query?waitFor=${encodeURIComponent(position)}`);
    return answer.kind === 'answer' && answer.status === 200;
  }

  async ready(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    while ((await this.app.readiness())?.status !== 200) {
      if (performance.now() > until) throw new Error(`it is not ready:\n${this.app.logSince(0).slice(-2_000)}`);
      await pause(100);
    }
  }

  /** Twice: audit events of enforcements come after the first marker. */
  async counted(): Promise<void> {
    await settled(this.caller);
    await settled(this.caller);
  }

  events(type: string): Promise<RawEvent[]> {
    return allEvents(this.caller, type);
  }

  async stop(): Promise<void> {
    this.caller.close();
    await this.app.kill9();
  }
}
