/** Processes of a cluster on one machine: their output with a name in front, their readiness, their end. */
import { spawn } from 'node:child_process';
import { untilReady } from './readiness.mjs';

const COLOURS = [36, 33, 35, 32, 34, 96, 93];
const STOPPED_WITHIN_MS = 25_000;

export class ClusterProcesses {
  #children = new Map();

  start(name, script, env) {
    const child = spawn(process.execPath, ['--single-threaded-gc', script], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const prefix = this.#prefix(name);
    for (const stream of [child.stdout, child.stderr])
      eachLine(stream, (line) => process.stdout.write(`${prefix}${line}\n`));
    child.once('exit', (code, signal) => {
      this.#children.delete(name);
      process.stdout.write(`${prefix}ended with ${signal ?? `code ${code}`}\n`);
    });
    this.#children.set(name, child);
    return child;
  }

  ready(name, url) {
    return untilReady(name, url, () => this.#children.has(name));
  }

  /** SIGTERM to all; SIGKILL to those that take too long. */
  async stop() {
    const ends = [...this.#children.values()].map((child) => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
      return ended.finally(() => clearTimeout(timer));
    });
    await Promise.all(ends);
  }

  #prefix(name) {
    const label = `${name.padEnd(11)}| `;
    if (!process.stdout.isTTY) return label;
    return `\u001b[${COLOURS[this.#children.size % COLOURS.length]}m${label}\u001b[0m`;
  }
}

function eachLine(stream, take) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) take(line);
  });
}
