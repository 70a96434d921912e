/** One bash that runs blocks of commands one after the other, as a reader's terminal does, and stops at a failure. */
import { type ChildProcess, spawn } from 'node:child_process';

const DONE = '--- block done ---';

export class Shell {
  readonly #child: ChildProcess;
  #output = '';
  #read: () => void = () => undefined;

  constructor(cwd: string, env: Readonly<Record<string, string>>) {
    this.#child = spawn('bash', ['-euo', 'pipefail'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString();
      this.#read();
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#child.once('close', () => this.#read());
    this.#child.stdin?.on('error', () => undefined); // a shell that ended is seen by its exit code
  }

  /** Both outputs of the block. Rejects with them when a command fails. */
  run(block: string): Promise<string> {
    this.#output = '';
    return new Promise((resolve, reject) => {
      this.#read = () => {
        const end = this.#output.indexOf(DONE);
        if (end >= 0) resolve(this.#output.slice(0, end));
        else if (this.#child.exitCode !== null) {
          reject(new Error(`the shell ended with ${this.#child.exitCode} in\n${block}\n${this.#output}`));
        }
      };
      this.#child.stdin?.write(`${block}\nprintf '%s\\n' '${DONE}'\n`);
      this.#read();
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
