import fc from 'fast-check';
import { type AccessEntry, parseAccessLine } from './access-line.js';

/** The acceptance as the expression in access-line.ts says it; `s` since an escaped character may be any. */
const EXPRESSION =
  /^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?\s*$/s;
const STAMP = '17/May/2015:10:05:03 +0000';
const GOOD = `192.0.2.1 - ada [${STAMP}] "GET /a?b=1 HTTP/1.1" 200 12 "http://e.org/" "curl/8"`;

function entryOf(line: string): AccessEntry {
  const parsed = parseAccessLine(line);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.entry;
}

function reasonOf(line: string): string {
  const parsed = parseAccessLine(line);
  return parsed.ok ? 'accepted' : parsed.reason;
}

describe('parseAccessLine', () => {
  test('combined and common format are read field by field', () => {
    const combined = entryOf(GOOD);
    expect(combined).toEqual({
      ip: '192.0.2.1',
      user: 'ada',
      time: Date.UTC(2015, 4, 17, 10, 5, 3),
      request: 'GET /a?b=1 HTTP/1.1',
      status: 200,
      bytes: '12',
      referer: 'http://e.org/',
      userAgent: 'curl/8',
    });
    expect(entryOf(GOOD.replace(/ "http.*$/, ''))).toEqual({ ...combined, referer: undefined, userAgent: undefined });
  });

  test('escaped quotes stay inside their field and a size of - is 0', () => {
    const line = GOOD.replace(' 12 ', ' - ').replace('curl/8', 'a \\"b\\" \\\\');
    expect(entryOf(line)).toMatchObject({ bytes: '0', userAgent: 'a \\"b\\" \\\\' });
  });

  test.each([
    ['', 'no client address'],
    ['\0\0\0', 'NUL bytes, no access-log line'],
    ['192.0.2.1 -', 'no identity and user after the client address'],
    ['192.0.2.1 - - 17/May/2015', 'no [time] after the user'],
    [GOOD.replace('May', 'Mai'), 'time is not like 17/May/2015:10:05:03 +0000, or does not exist'],
    [GOOD.replace('HTTP/1.1"', 'HTTP/1.1\\"'), 'no status of three digits after the request'],
    [GOOD.slice(0, 60), 'request is not in closed quotes'],
    [GOOD.replace(' 200 ', ' 20 '), 'no status of three digits after the request'],
    [GOOD.replace(' 12 ', ' x '), 'no size in bytes after the status'],
    [GOOD.slice(0, -1), 'referer and user agent are not in closed quotes'],
    [`${GOOD} "third"`, 'text after the user agent'],
  ])('%p is refused: %s', (line, reason) => {
    expect(reasonOf(line)).toBe(reason);
  });

  test('the scanner accepts exactly what the documented expression accepts, with the same fields', () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.info(`seed ${seed}`);
    const piece = fc.constantFrom(
      ' ',
      '"',
      '\\',
      '-',
      '[',
      ']',
      '2',
      '\t',
      '\u00a0',
      'é',
      '\0',
      'GET',
      STAMP,
      ` [${STAMP}] "`,
    );
    const edit = fc.record({ at: fc.nat(GOOD.length), drop: fc.nat(3), text: fc.array(piece, { maxLength: 3 }) });
    const line = fc
      .array(edit, { maxLength: 4 })
      .map((edits) =>
        edits.reduce((text, { at, drop, text: put }) => text.slice(0, at) + put.join('') + text.slice(at + drop), GOOD),
      );
    let accepted = 0;
    const agrees = fc.property(line, (text) => {
      const match = EXPRESSION.exec(text);
      const parsed = parseAccessLine(text);
      if (match === null) return !parsed.ok;
      if (!parsed.ok) return parsed.reason.startsWith('time ');
      accepted++;
      const { ip, user, request, status, bytes, referer, userAgent } = parsed.entry;
      const size = match[7] === '-' ? '0' : match[7];
      expect([ip, user, request, status, bytes, referer, userAgent]).toEqual([
        ...[match[1], match[3], match[5], Number(match[6]), size, match[8], match[9]],
      ]);
      return true;
    });
    fc.assert(agrees, { seed, numRuns: 5_000 });
    expect(accepted).toBeGreaterThan(200);
  });
});
