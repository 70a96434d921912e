import fc from 'fast-check';
import { LineSplitter } from './line-splitter.js';

interface SeenLine {
  text: string;
  length: number;
}

function split(chunks: readonly Uint8Array[], maxBytes?: number): SeenLine[] {
  const lines: SeenLine[] = [];
  const splitter = new LineSplitter((bytes, length) => {
    lines.push({ text: Buffer.from(bytes).toString('latin1'), length });
  }, maxBytes);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('LineSplitter', () => {
  test('the lines are the same at every chunk boundary', () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.info(`seed ${seed}`);
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r', '\0'), maxLength: 60 });
    const cuts = fc.array(fc.nat(60), { maxLength: 8 });
    const same = fc.property(text, cuts, (content, at) => {
      const bytes = Buffer.from(content, 'latin1');
      const ends = [0, ...at.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = ends.slice(1).map((end, i) => bytes.subarray(ends[i], end));
      const expected = content.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(split(chunks)).toEqual(expected.map((line) => ({ text: line, length: line.length })));
    });
    fc.assert(same, { seed, numRuns: 2_000 });
  });

  test('one byte a chunk gives the same lines', () => {
    const bytes = Buffer.from('one\n\nthree\nfour');
    const chunks = [...bytes].map((byte) => Uint8Array.of(byte));
    expect(split(chunks).map((line) => line.text)).toEqual(['one', '', 'three', 'four']);
  });

  test('a line over the limit is cut and keeps its length, within one chunk and over many', () => {
    const bytes = Buffer.from('abcdefgh\nij\nklmnopqr');
    const expected = [
      { text: 'abcd', length: 8 },
      { text: 'ij', length: 2 },
      { text: 'klmn', length: 8 },
    ];
    expect(split([bytes], 4)).toEqual(expected);
    expect(
      split(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        4,
      ),
    ).toEqual(expected);
  });

  test('an input that breaks off tells how many bytes of a line are unfinished', () => {
    const splitter = new LineSplitter(() => undefined);
    splitter.push(Buffer.from('whole\npart'));
    expect(splitter.pendingBytes).toBe(4);
  });
});
