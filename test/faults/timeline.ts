/** A picture of a run: one row for each kind of fault, a bar for its cause and a paler one for the recovery. */
import type { FaultRecord } from './fault-lane.js';

const WIDTH = 1_200;
const LEFT = 170;
const ROW = 18;
const TOP = 24;

export function timeline(faults: readonly FaultRecord[]): string {
  const kinds = [...new Set(faults.map(({ kind }) => kind))].sort();
  const last = Math.max(1, ...faults.map(({ end, recoveryMs = 0 }) => end + recoveryMs));
  const x = (ms: number) => LEFT + (ms / last) * (WIDTH - LEFT - 10);
  const height = TOP + kinds.length * ROW + 10;
  const rows = kinds.map((kind, i) => `<text x="4" y="${TOP + i * ROW + 12}">${kind}</text>`);
  const bars = faults.flatMap(({ number, kind, target, begin, end, recoveryMs }) => {
    const y = TOP + kinds.indexOf(kind) * ROW + 3;
    const title = `<title>${number} ${kind} ${target}: ${recoveryMs ?? 'no'} ms to recover</title>`;
    const bar = (from: number, to: number, fill: string) =>
      `<rect x="${x(from).toFixed(1)}" y="${y}" width="${Math.max(1.5, x(to) - x(from)).toFixed(1)}" height="12" fill="${fill}">${title}</rect>`;
    const well = end + (recoveryMs ?? last - end);
    return [bar(begin, end, '#b3261e'), bar(end, well, recoveryMs === undefined ? '#000000' : '#f2b8b5')];
  });
  const step = Math.max(1, Math.ceil(last / 60_000 / 12)) * 60_000;
  const ticks: string[] = [];
  for (let at = 0; at <= last; at += step) {
    ticks.push(`<text x="${x(at).toFixed(1)}" y="14">${at / 60_000} min</text>`);
    ticks.push(`<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${TOP}" y2="${height}" stroke="#ddd"/>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>${[...ticks, ...rows, ...bars].join('\n')}</svg>\n`;
}
