/** Which faults come, in three lanes that run side by side: a function of the seed alone. */
import { Draw } from '../crash/draw.js';
import { randomFrom } from '../support/seed.js';
import type { Injection, Lane, Params } from './injection.js';
import { linkFaults } from './link-faults.js';
import { processFaults } from './process-faults.js';
import { serverFaults } from './server-faults.js';

export const KINDS: readonly Injection[] = [...processFaults, ...serverFaults, ...linkFaults];

export interface Planned {
  readonly number: number;
  readonly injection: Injection;
  readonly params: Params;
  /** Quiet time before it, ms. */
  readonly waitMs: number;
}

export function schedule(seed: number, count: number, kinds: readonly Injection[] = KINDS): Map<Lane, Planned[]> {
  const draw = new Draw(randomFrom(seed));
  const lanes = new Map<Lane, Planned[]>([...new Set(kinds.map(({ lane }) => lane))].map((lane) => [lane, []]));
  for (let number = 1; number <= count; number++) {
    const [lane, planned] = [...lanes][(number - 1) % lanes.size] as [Lane, Planned[]];
    const injection = weighted(
      draw,
      kinds.filter((it) => it.lane === lane),
    );
    planned.push({ number, injection, params: injection.draw(draw), waitMs: draw.whole(200, 2_000) });
  }
  return lanes;
}

/** The kinds named by `only`; throws with the names there are. */
export function kindsNamed(only: readonly string[]): readonly Injection[] {
  const unknown = only.filter((name) => !KINDS.some(({ kind }) => kind === name));
  if (unknown.length > 0) {
    throw new RangeError(`no such fault: ${unknown.join(', ')}; there are ${KINDS.map(({ kind }) => kind).join(', ')}`);
  }
  return KINDS.filter(({ kind }) => only.includes(kind));
}

function weighted(draw: Draw, kinds: readonly Injection[]): Injection {
  let left = draw.whole(
    1,
    kinds.reduce((sum, { weight }) => sum + weight, 0),
  );
  for (const kind of kinds) {
    left -= kind.weight;
    if (left <= 0) return kind;
  }
  throw new RangeError('no kind of fault');
}
