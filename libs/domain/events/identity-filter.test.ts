import { identityHash } from './hash53.js';
import { IdentityFilter } from './identity-filter.js';

const SLICE_BITS = 2 ** 16;
const IDS_PER_SLICE = SLICE_BITS / 16;

test('an id that was added is never denied, also when filters had to be united', () => {
  const maxBytes = (4 * SLICE_BITS) / 8;
  const filter = new IdentityFilter(maxBytes, SLICE_BITS);
  const count = 9 * IDS_PER_SLICE; // four slices fit the limit
  for (let i = 0; i < count; i++) filter.add(identityHash('s', `e${i}`));
  for (let i = 0; i < count; i++) expect(filter.mayHave(identityHash('s', `e${i}`))).toBe(true);
  expect(filter.bytes).toBe(maxBytes);
});

test('few strangers are taken for known: below two in a thousand at 16 bits an id', () => {
  const filter = new IdentityFilter(1e9, SLICE_BITS);
  for (let i = 0; i < IDS_PER_SLICE; i++) filter.add(identityHash('s', `e${i}`));
  let known = 0;
  for (let i = 0; i < 20_000; i++) if (filter.mayHave(identityHash('other', `e${i}`))) known++;
  expect(known).toBeLessThan(40);
});
