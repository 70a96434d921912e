/** What an import shows while it runs: a bar on a terminal, plain lines elsewhere. Pure, so that it can be tested. */
import { byteSize, duration, grouped } from './number-format.js';

export interface Progress {
  readonly name: string;
  readonly lines: number;
  readonly readBytes: number;
  /** Undefined for standard input. */
  readonly totalBytes: number | undefined;
  readonly elapsedMs: number;
}

const MIN_BAR = 10;
const MAX_BAR = 40;

/** One line, never wider than `columns`. */
export function progressBar(progress: Progress, columns: number): string {
  const { totalBytes } = progress;
  const facts = progressFacts(progress);
  if (totalBytes === undefined) return `${progress.name}  ${facts}`.slice(0, columns);
  const share = shareDone(progress.readBytes, totalBytes);
  const width = Math.min(MAX_BAR, columns - facts.length - 9);
  if (width < MIN_BAR) return `${percent(share)}  ${facts}`.slice(0, columns);
  const filled = Math.floor(share * width);
  return `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${percent(share)}  ${facts}`;
}

export function progressLine(progress: Progress): string {
  const { totalBytes, readBytes } = progress;
  const done = totalBytes === undefined ? byteSize(readBytes) : percent(shareDone(readBytes, totalBytes)).trim();
  return `${progress.name}: ${done}, ${progressFacts(progress)}`;
}

function progressFacts({ lines, readBytes, totalBytes, elapsedMs }: Progress): string {
  const seconds = elapsedMs / 1000;
  const rate = seconds > 0 ? Math.round(lines / seconds) : 0;
  const facts = `${grouped(lines)} lines  ${grouped(rate)}/s`;
  if (totalBytes === undefined || readBytes === 0 || seconds === 0) return facts;
  return `${facts}  ${duration(((totalBytes - readBytes) * seconds) / readBytes)} left`;
}

function shareDone(read: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, read / total);
}

function percent(share: number): string {
  return `${Math.floor(share * 100)}%`.padStart(4);
}
