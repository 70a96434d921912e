import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES } from './frame.js';

const frame = () => encodeFrame('{"a":1}\n{"b":"ü"}\n', 2, 1_764_000_000_123);

test('a frame gives back its rows and its time of acceptance', () => {
  expect(decodeFrame(frame())).toEqual({
    ok: true,
    frame: { acceptedAt: 1_764_000_000_123, rows: ['{"a":1}', '{"b":"ü"}'] },
  });
});

test('no single flipped bit goes unnoticed in the rows, the count or the length', () => {
  const good = frame();
  for (let byte = 0; byte < good.length; byte++) {
    if (byte >= 8 && byte < 16) continue; // the time of acceptance: the log's own checksum covers it
    for (let bit = 0; bit < 8; bit++) {
      const bad = Buffer.from(good);
      bad[byte]! ^= 1 << bit;
      expect(decodeFrame(bad)).toMatchObject({ ok: false });
    }
  }
});

test('a frame cut anywhere is refused with a reason', () => {
  const good = frame();
  for (let length = 0; length < good.length; length++) {
    expect(decodeFrame(good.subarray(0, length))).toMatchObject({ ok: false, reason: expect.any(String) });
  }
});

test.each([
  ['a newer version', (b: Buffer) => b.writeUInt8(2, 3), /version 2/],
  ['another format', (b: Buffer) => b.write('PK', 0), /not a keymeter frame/],
])('%s is named in the reason', (_, damage, reason) => {
  const buffer = frame();
  damage(buffer);
  expect(decodeFrame(buffer)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
});

test('an empty frame is a frame', () => {
  expect(decodeFrame(encodeFrame('', 0, 5))).toEqual({ ok: true, frame: { acceptedAt: 5, rows: [] } });
  expect(encodeFrame('', 0, 5)).toHaveLength(FRAME_HEADER_BYTES);
});
