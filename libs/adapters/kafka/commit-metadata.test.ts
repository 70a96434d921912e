import { decodeMetadata, encodeMetadata } from './commit-metadata.js';

const BIG = Number.MAX_SAFE_INTEGER;
const counts = { counted: BIG, duplicates: BIG, conflicts: BIG, undecodable: BIG };
const progress = {
  next: 17,
  intended: { partition: 3, first: 17, next: BIG },
  counts,
  lastRow: { offset: BIG, acceptedAt: 1_764_000_000_123.5 },
};

test('progress survives being written into a commit and read back', () => {
  expect(decodeMetadata(3, 17, encodeMetadata('id', progress))).toEqual({ ok: true, topicId: 'id', progress });
  const bare = { next: 0, counts };
  expect(decodeMetadata(0, 0, encodeMetadata('id', bare))).toMatchObject({ ok: true, progress: bare });
});

test('the largest metadata fits into what a broker takes by default', () => {
  expect(encodeMetadata('f'.repeat(32), progress).length).toBeLessThan(4_096 / 4);
});

test.each([null, '', '{}', 'null', '{"v":2}', '{"v":1,"topic":"t","counts":[1,2,3]}', 'mirror-maker'])(
  '%p was written by something else',
  (text) => {
    expect(decodeMetadata(0, 5, text)).toEqual({ ok: false });
  },
);
