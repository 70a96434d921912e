import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryShelf, type ShelvedState, type SubjectShelf } from '#domain/policies/subject-shelf.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { LmdbSubjectShelves } from './lmdb-subject-shelves.js';

const root = temporaryFolder('shelves');
const random = randomFrom(drawSeed('shelves'));
const below = (most: number) => Math.floor(random() * most);

let shelves: LmdbSubjectShelves;
let round = 0;
beforeEach(() => {
  shelves = new LmdbSubjectShelves(join(root, String(round++)));
});
afterEach(() => shelves.close());

const LONG = 'ü'.repeat(2_000);

function stateOf(name: string, deadAt: number): ShelvedState {
  return {
    name,
    bytes: Buffer.from(`${name.slice(0, 9)} until ${deadAt} ${below(100)}`),
    deadAt,
    isDecided: random() < 0.3,
  };
}

const plain = (states: Iterable<ShelvedState>) =>
  [...states]
    .map(({ bytes, ...rest }) => ({ ...rest, bytes: Buffer.from(bytes).toString() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

/** One of the things that a table does with its shelf. */
function step(pair: readonly SubjectShelf[], now: number): void {
  const name = random() < 0.05 ? LONG : `subject ${below(300)}`;
  const kind = below(100);
  if (kind < 40) {
    const deadAt = random() < 0.05 ? Infinity : now + below(50) - 10;
    const states = [stateOf(name, deadAt), stateOf(`subject ${below(300)}`, now + below(90))];
    for (const shelf of pair) shelf.put(states);
  } else if (kind < 70) {
    const [first, second] = pair.map((shelf) => text(shelf.take(name)));
    expect(first).toBe(second);
  } else if (kind < 90) {
    const [first, second] = pair.map((shelf) => text(shelf.find(name)));
    expect(first).toBe(second);
  } else if (kind < 99) {
    for (const shelf of pair) shelf.removeDead(now - 20);
  } else if (random() < 0.2) {
    for (const shelf of pair) shelf.clear();
  }
}

test('shelves in files hold what one in memory holds, each its own, whatever is put, taken, removed or cleared', () => {
  const pairs = [0, 1].map(() => [new MemoryShelf(), shelves.make()] as const);
  let most = 0;
  for (let now = 0; now < 3_000; now++) {
    const pair = pairs[below(2)] as (typeof pairs)[number];
    step(pair, Math.floor(now / 10));
    expect(pair[1].size).toBe(pair[0].size);
    most = Math.max(most, pair[0].size);
    if (now % 50 === 0)
      for (const [memory, files] of pairs) expect(plain(files.entries())).toEqual(plain(memory.entries()));
  }
  expect(most).toBeGreaterThan(60);
});

test('many more than fit one transaction die together, and nothing of them is left', () => {
  const shelf = shelves.make();
  for (let n = 0; n < 5_000; n += 500) {
    shelf.put(Array.from({ length: 500 }, (_, k) => stateOf(`s${n + k}`, -n - k)));
  }
  shelf.removeDead(-2_000);
  expect(shelf.size).toBe(2_000);
  expect([...shelf.entries()]).toHaveLength(2_000);
});

test('a folder that a process left behind is emptied by the next one, and none is made before it is needed', () => {
  const folder = join(root, 'left');
  new LmdbSubjectShelves(folder).make().put([stateOf('a', 1)]);
  const next = new LmdbSubjectShelves(folder);
  expect(existsSync(folder)).toBe(false);
  expect(next.make().find('a')).toBeUndefined();
});
