import { existsSync, readFileSync } from 'node:fs';
import { FieldMapping } from './field-mapping.js';
import { FormatDecoder } from './line-format.js';

describe('the real log', () => {
  const data = new URL('../../../../../shared/data/', import.meta.url);
  const log = new URL('apache-access.log', data);
  const found = existsSync(log);
  if (!found && process.env.CI === 'true') throw new Error(`the real log is not there: ${log.pathname}`);
  if (!found) console.warn('the real log is not there; a generated one of the same shape stands in');

  test('every line gives what was computed independently: days, clients, statuses, methods, routes, bytes', () => {
    const { text, answers } = found
      ? {
          text: readFileSync(log, 'utf8'),
          answers: JSON.parse(readFileSync(new URL('apache-answers.json', data), 'utf8')),
        }
      : generatedLog();
    const sum = summarize(text.replace(/\n$/, '').split('\n'));
    expect(sum.malformed).toEqual(answers.malformed_lines);
    expect(sum.lines).toBe(answers.parsed);
    expect(sum.bytes).toBe(answers.bytes);
    expect(Object.fromEntries(sum.minute)).toEqual(answers.by_minute);
    expect(Object.fromEntries(sum.client)).toEqual(answers.by_client);
    expect(Object.fromEntries(sum.status)).toEqual(answers.by_status);
    expect(Object.fromEntries(sum.method)).toEqual(answers.by_method);
    for (const [route, count] of answers.top_routes) expect([route, sum.route.get(route)]).toEqual([route, count]);
  });
});

function summarize(lines: readonly string[]) {
  const decoder = new FormatDecoder('auto', 'import/access.log', FieldMapping.parse([], []));
  const counters = { minute: new Map(), client: new Map(), status: new Map(), method: new Map(), route: new Map() };
  const malformed: number[] = [];
  let bytes = 0;
  for (const [index, line] of lines.entries()) {
    const decoded = decoder.decode(line, `L${index + 1}`);
    if (!decoded.ok) {
      malformed.push(index + 1);
      continue;
    }
    const { subject, time, data } = JSON.parse(decoded.json);
    expect(Date.parse(time)).toBe(decoded.time);
    count(counters.minute, time.replace(/:\d\dZ$/, 'Z'));
    count(counters.client, subject);
    count(counters.status, String(data.status));
    count(counters.method, data.method);
    if (data.route !== undefined) count(counters.route, data.route);
    bytes += data.bytes;
  }
  return { ...counters, malformed, bytes, lines: lines.length - malformed.length };
}

function count(counter: Map<string, number>, key: string): void {
  counter.set(key, (counter.get(key) ?? 0) + 1);
}

/** 1,000 lines whose sums are known by construction; line 500 is cut off. */
function generatedLog() {
  const lines = Array.from({ length: 1_000 }, (_, i) => {
    const line = `192.0.2.${i % 4} - - [17/May/2015:10:0${i % 2}:03 +0000] "GET /p${i % 5}?n=${i} HTTP/1.1" ${i % 2 === 0 ? 200 : 404} 7 "-" "a"`;
    return i === 499 ? line.slice(0, -1) : line;
  });
  const answers = {
    malformed_lines: [500],
    parsed: 999,
    bytes: 6_993,
    by_minute: { '2015-05-17T10:00Z': 500, '2015-05-17T10:01Z': 499 },
    by_client: { '192.0.2.0': 250, '192.0.2.1': 250, '192.0.2.2': 250, '192.0.2.3': 249 },
    by_status: { '200': 500, '404': 499 },
    by_method: { GET: 999 },
    top_routes: [
      ['/p0', 200],
      ['/p4', 199],
    ] as [string, number][],
  };
  return { text: `${lines.join('\n')}\n`, answers };
}
