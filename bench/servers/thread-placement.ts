import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { CAN_PIN } from './pinned-process.js';

/** Moves all threads of a process to a processor. Threads they start later go with them. */
export function moveProcess(pid: number, cpu: number): void {
  if (CAN_PIN) spawnSync('taskset', ['-a', '-p', '-c', String(cpu), String(pid)]);
}

/** Moves every thread but the first, which serves HTTP, to another processor. Threads they start later go with them. */
export function moveOtherThreads(pid: number, cpu: number): void {
  if (!CAN_PIN) return;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    if (thread !== String(pid)) spawnSync('taskset', ['-p', '-c', String(cpu), thread]);
  }
}
