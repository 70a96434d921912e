/** A server as a child process, its output in a log file: started, stopped, killed, paused. Node built-ins only. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LOG_END = 800; // characters of the log that an error shows

export class ServerProcess {
  #ended;
  #stopMs;
  #log;

  /** `stdio` of what does not go into `<dir>/<logName>`; 'log' stands for that file. */
  constructor(command, args, { dir, logName, stopMs, stdio = ['ignore', 'log', 'log'], ...options }) {
    mkdirSync(dir, { recursive: true });
    this.#log = join(dir, logName);
    this.#stopMs = stopMs;
    const log = openSync(this.#log, 'a');
    this.child = spawn(command, args, { stdio: stdio.map((it) => (it === 'log' ? log : it)), ...options });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      this.child.once('error', resolve);
      this.child.once('exit', resolve);
    });
    this.pid = this.child.pid;
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves with the reason when the process has ended. */
  get ended() {
    return this.#ended;
  }

  /** Resolves with what `started` gives; where it fails the process is ended, and the error shows what it last said. */
  async within(started) {
    try {
      return await started;
    } catch (error) {
      await this.kill9();
      throw new Error(`${error.message}; its log ends: ${readFileSync(this.#log, 'utf8').slice(-LOG_END)}`);
    }
  }

  /** An orderly end: what was written is on disk. */
  async stop() {
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), this.#stopMs);
    await this.#ended;
    clearTimeout(timer);
  }

  async kill9() {
    this.child.kill('SIGKILL');
    await this.#ended;
  }

  pause() {
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }
}
