/** The figures as a Markdown table, and as JSON under bench/results/. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { isReached, type Measurement, type Target } from './measurement.js';
import { CAN_PIN } from './servers/pinned-process.js';

export interface Machine {
  readonly cpu: string;
  readonly processors: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** False: server and load shared the processors, so ratios are rougher. */
  readonly pinned: boolean;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    pinned: CAN_PIN,
  };
}

export function markdown(measurements: readonly Measurement[]): string {
  const rows = measurements.map((it) => [
    it.suite,
    it.note === undefined ? it.name : `${it.name} (${it.note})`,
    `${number(it.value)} ${it.unit}`,
    it.reference ? `${number(it.reference.value)} (${it.reference.name})` : '',
    it.reference ? it.reference.ratio.toFixed(2) : '',
    it.p50Ms === undefined ? '' : `${number(it.p50Ms)} ms`,
    it.p99Ms === undefined ? '' : `${number(it.p99Ms)} ms`,
    (it.targets ?? []).map((target) => `${targetText(target)} ${isReached(it, target) ? '✓' : '✗'}`).join(', '),
  ]);
  const head = ['suite', 'what', 'median', 'reference', 'ratio', 'p50', 'p99', 'target'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function saveResults(folder: string, measurements: readonly Measurement[], seconds: number): string {
  mkdirSync(folder, { recursive: true });
  const at = new Date().toISOString();
  const file = join(folder, `${at.replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ at, seconds, machine: thisMachine(), measurements }, null, 2)}\n`);
  return file;
}

function targetText({ of, atLeast, atMost }: Target): string {
  const bound = atLeast !== undefined ? `≥ ${number(atLeast)}` : `≤ ${number(atMost ?? 0)}`;
  return of === 'value' ? bound : `${of === 'ratio' ? 'ratio' : 'p99'} ${bound}`;
}

function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
