/** Which faults come, in three lanes that run side by side: a function of the seed alone. */
import { Draw } from '../crash/draw.js';
import { randomFrom } from '../support/seed.js';
import type { FaultCluster } from './fault-cluster.js';
import type { Injection, Lane, Params, Stage } from './injection.js';

export interface Planned<S extends Stage = FaultCluster> {
  readonly number: number;
  readonly injection: Injection<S>;
  readonly params: Params;
  /** Quiet time before it, ms. */
  readonly waitMs: number;
}

export function schedule<S extends Stage>(
  seed: number,
  count: number,
  kinds: readonly Injection<S>[],
): Map<Lane, Planned<S>[]> {
  const draw = new Draw(randomFrom(seed));
  const lanes = new Map<Lane, Planned<S>[]>([...new Set(kinds.map(({ lane }) => lane))].map((lane) => [lane, []]));
  for (let number = 1; number <= count; number++) {
    const [lane, planned] = [...lanes][(number - 1) % lanes.size] as [Lane, Planned<S>[]];
    const injection = weighted(
      draw,
      kinds.filter((it) => it.lane === lane),
    );
    planned.push({ number, injection, params: injection.draw(draw), waitMs: draw.whole(200, 2_000) });
  }
  return lanes;
}

/** The kinds named by `only`; throws with the names there are. */
export function kindsNamed<S extends Stage>(
  only: readonly string[],
  kinds: readonly Injection<S>[],
): readonly Injection<S>[] {
  const unknown = only.filter((name) => !kinds.some(({ kind }) => kind === name));
  if (unknown.length > 0) {
    throw new RangeError(`no such fault: ${unknown.join(', ')}; there are ${kinds.map(({ kind }) => kind).join(', ')}`);
  }
  return kinds.filter(({ kind }) => only.includes(kind));
}

function weighted<S extends Stage>(draw: Draw, kinds: readonly Injection<S>[]): Injection<S> {
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
