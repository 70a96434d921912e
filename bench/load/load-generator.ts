/** The bench's side of a load process, which runs on a processor of its own where there are two. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { spawnNode } from '../servers/pinned-process.js';
import type { LoadPlan, LoadResult } from './load-plan.js';

const SCRIPT = fileURLToPath(new URL('./load-process.js', import.meta.url));

export class LoadGenerator {
  readonly #process: ChildProcess;

  constructor(cpu?: number) {
    this.#process = spawnNode(SCRIPT, { cpu, channel: true });
  }

  /** One plan at a time. Throws when the server failed or answered anything but what the plan expects. */
  async run(plan: LoadPlan): Promise<LoadResult> {
    const result = await new Promise<LoadResult>((resolve, reject) => {
      this.#process.once('message', (message: { result?: LoadResult; error?: string }) => {
        if (message.result) resolve(message.result);
        else reject(new Error(`load: ${message.error}`));
      });
      this.#process.send(plan);
    });
    if (result.wrong > 0)
      throw new Error(`${result.wrong} answers were not as expected, the first: ${result.firstWrong}`);
    if (result.answers === 0) throw new Error('the server answered nothing under load');
    return result;
  }

  close(): void {
    this.#process.disconnect();
  }
}
