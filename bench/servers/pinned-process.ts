/** Starts Node scripts of the bench, on one processor where the system can say so. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

export interface NodeProcessOptions {
  readonly cpu?: number;
  /** Flags of Node itself. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** With a channel for messages. */
  readonly channel?: boolean;
}

/** Without taskset, or with one processor only, everything runs where the system puts it: the report says so. */
export const CAN_PIN = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export function spawnNode(
  script: string,
  { cpu, flags = [], args = [], env = {}, channel = false }: NodeProcessOptions,
): ChildProcess {
  const pinned = cpu !== undefined && CAN_PIN ? ['taskset', '-c', String(cpu)] : [];
  const [command, ...rest] = [...pinned, process.execPath, ...flags, script, ...args] as [string, ...string[]];
  const child = spawn(command, rest, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit', ...(channel ? (['ipc'] as const) : [])],
  });
  living.add(child);
  child.once('close', () => living.delete(child));
  return child;
}
