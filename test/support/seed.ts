/** The seed of this run: KEYMETER_TEST_SEED or a drawn one, printed so that a failure can be repeated. */
export function drawSeed(label: string): number {
  const given = process.env.KEYMETER_TEST_SEED;
  const seed = given ? Number(given) : Math.floor(Math.random() * 2 ** 31);
  process.stderr.write(`${label}: KEYMETER_TEST_SEED=${seed}\n`);
  return seed;
}

/** mulberry32 (Tommy Ettinger, public domain): numbers in [0, 1) from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
