import fc from 'fast-check';
import { accessEventData, eventText, flatText } from './access-event.js';
import type { AccessEntry } from './access-line.js';

const ENTRY: AccessEntry = {
  ip: '192.0.2.1',
  user: '-',
  time: 0,
  request: 'GET /a?b=1 HTTP/1.1',
  status: 200,
  bytes: '12',
  referer: '-',
  userAgent: '-',
};

describe('accessEventData', () => {
  test('the route is the path without its query; what the log does not know is left out', () => {
    const data = {
      outcome: 'LOGGED',
      method: 'GET',
      status: 200,
      bytes: 12,
      ip: '192.0.2.1',
      route: '/a',
      path: '/a?b=1',
    };
    expect(accessEventData(ENTRY)).toEqual(data);
  });

  test('a request that is only a word has a method and no route', () => {
    const data = accessEventData({ ...ENTRY, request: '-' });
    expect(data.method).toBe('-');
    expect(data).not.toHaveProperty('route');
    expect(data).not.toHaveProperty('path');
  });

  test('a request without protocol keeps its path', () => {
    expect(accessEventData({ ...ENTRY, request: 'GET /a' }).route).toBe('/a');
  });

  test('a size beyond exact numbers keeps its digits', () => {
    expect(accessEventData({ ...ENTRY, bytes: '9007199254740993' }).bytes).toBe('9007199254740993');
  });
});

describe('eventText', () => {
  test('any text survives the way through JSON, lone surrogates as JSON.stringify writes them', () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.info(`seed ${seed}`);
    const text = fc.string({ unit: 'binary' });
    const agrees = fc.property(text, text, text, (subject, request, userAgent) => {
      const data = accessEventData({ ...ENTRY, request, userAgent });
      const event = { id: 'L1', source: 's', type: 'request', subject, time: '2026-01-01T00:00:00Z' };
      expect(eventText({ ...event, data: flatText(data) })).toBe(
        JSON.stringify({ specversion: '1.0', ...event, data }),
      );
    });
    fc.assert(agrees, { seed, numRuns: 1_000 });
    const data = accessEventData({ ...ENTRY, userAgent: 'a\ud800b' });
    expect(flatText(data)).toBe(JSON.stringify(data));
  });
});
