import { LineChain, sameChain } from './line-chain.js';

const bytes = (text: string) => new TextEncoder().encode(text);

function idsOf(lines: readonly string[]): string[] {
  const chain = new LineChain();
  return lines.map((line) => {
    chain.add(bytes(line));
    return chain.id;
  });
}

describe('LineChain', () => {
  test('identical lines of one file have different ids', () => {
    expect(new Set(idsOf(Array(1_000).fill('same'))).size).toBe(1_000);
  });

  test('a longer copy of a file gives its first lines the same ids', () => {
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i % 7}`);
    expect(idsOf(lines).slice(0, 20)).toEqual(idsOf(lines.slice(0, 20)));
  });

  test('from the first differing line on, no id is shared, though the later lines are the same', () => {
    const one = idsOf(['a', 'b', 'c', 'c', 'c']);
    const other = idsOf(['a', 'B', 'c', 'c', 'c']);
    expect(one[0]).toBe(other[0]);
    for (let i = 1; i < 5; i++) expect(one[i]).not.toBe(other[i]);
  });

  test('where a line ends matters, and the length of a line that was cut', () => {
    expect(idsOf(['ab', 'c'])[1]).not.toBe(idsOf(['a', 'bc'])[1]);
    const [short, long] = [new LineChain(), new LineChain()];
    short.add(bytes('x'), 10);
    long.add(bytes('x'), 11);
    expect(short.id).not.toBe(long.id);
  });

  test('a chain goes on from its saved state', () => {
    const whole = new LineChain();
    whole.add(bytes('one'));
    const resumed = new LineChain(JSON.parse(JSON.stringify(whole.state)));
    for (const chain of [whole, resumed]) chain.add(bytes('two'));
    expect(sameChain(whole.state, resumed.state)).toBe(true);
    expect(resumed.id).toMatch(/^L2-[0-9a-f]{16}$/);
  });

  test('a hundred thousand similar lines meet no collision', () => {
    const chain = new LineChain();
    const seen = new Set<string>();
    const lines = Array.from({ length: 10 }, (_, i) => bytes(`203.0.113.7 GET /${i}`));
    for (let i = 0; i < 100_000; i++) {
      chain.add(lines[i % 10] as Uint8Array);
      seen.add(chain.id.slice(chain.id.indexOf('-')));
    }
    expect(seen.size).toBe(100_000);
  });
});
