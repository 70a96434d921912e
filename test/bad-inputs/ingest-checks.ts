import type { CheckTable } from './checks.js';
import type { EventDocument, Fixture } from './fixture.js';

const MAX_DECIDE_MS = 100;
const TIMES_DECIDED = 5;
const MINUTE_MS = 60_000;

/** Sentences about what is counted, once the pipeline is drained. */
export const ingestChecks: CheckTable = [
  [
    /^one event with outcome NOT_FOUND is recorded without the presented key$/,
    async ({ fixture }) => {
      const before = await notFoundEvents(fixture);
      return async () => {
        const known = new Set(before.map(({ event }) => event.id));
        const added = (await notFoundEvents(fixture)).filter(({ event }) => !known.has(event.id));
        expect(added).toHaveLength(1);
        expect(JSON.stringify(added)).not.toContain(fixture.text('keyWithWrongChecksum'));
      };
    },
  ],
  [
    /^if accepted, it is counted in the minute (\S+) or (\S+), once$/,
    async ({ fixture }, ...minutes) => {
      const count = async () => {
        const totals = minutes.map((minute) => fixture.total('bad_input_tokens', oneMinute(minute)));
        return (await Promise.all(totals)).reduce((sum, total) => sum + total, 0);
      };
      const before = await count();
      return async ({ status }) => {
        await fixture.drained();
        expect((await count()) - before).toBe(status === 204 ? 1 : 0);
      };
    },
  ],
  [
    /^after the pipeline is drained none of (.+) is counted or dead-lettered$/,
    async ({ fixture }, ids) =>
      async () => {
        await fixture.drained();
        const letters = await fixture.deadLetters();
        for (const id of (ids as string).split(', ')) {
          expect(await fixture.events({ id: { $eq: id } })).toEqual([]);
          expect(letters.filter((letter) => letter.id === id)).toEqual([]);
        }
      },
  ],
  [
    /^\((.+), (.+)\) counts once$/,
    async ({ fixture }, source, id) =>
      async () => {
        await fixture.drained();
        const stored = await fixture.events({ source: { $eq: source }, id: { $eq: id } });
        expect(stored).toHaveLength(1);
        expect(await fixture.total('bad_input_tokens', oneMinute(stored[0]?.event.time.slice(0, 16)))).toBe(1);
      },
  ],
  [
    /^tokens of (\S+) sum to 1 and one dead letter names the conflict$/,
    async ({ fixture }, id) => {
      await fixture.drained();
      const before = await fixture.total('bad_input_tokens', 'subject=s1');
      return async () => {
        await fixture.drained();
        expect((await fixture.total('bad_input_tokens', 'subject=s1')) - before).toBe(1);
        const letters = (await fixture.deadLetters()).filter((letter) => letter.id === id);
        expect(letters).toMatchObject([{ source: 'bad-inputs', reason: 'conflict' }]);
      };
    },
  ],
  [
    /^the events table still answers a count$/,
    async ({ fixture }) =>
      async () => {
        await fixture.drained();
        expect(await fixture.total('bad_input_requests', '')).toBeGreaterThan(0);
      },
  ],
  [
    /^(\w+) still has aggregation (\w+)$/,
    async ({ fixture }, slug, aggregation) =>
      async () => {
        expect(await fixture.read('GET', `/api/v1/meters/${slug}`)).toMatchObject({ slug, aggregation });
      },
  ],
  [
    /^if 200, the sum over the windows equals the plain count of events in \[from, to\)$/,
    async ({ fixture }) => {
      await ingestAt(fixture, ['00:00:29', '00:00:30', '00:59:59', '01:00:29', '01:00:30']);
      return async ({ status, text }) => {
        if (status !== 200) return;
        const range = { $and: [{ $gte: '2026-01-01T00:00:30Z' }, { $lt: '2026-01-01T01:00:30Z' }] };
        const plain = await fixture.events({ type: { $eq: 'request' }, time: range });
        const { data } = JSON.parse(text) as { data: { value: number }[] };
        expect(plain.length).toBeGreaterThanOrEqual(3);
        expect(data.reduce((sum, row) => sum + row.value, 0)).toBe(plain.length);
      };
    },
  ],
  [
    /^an event whose route is 50 a and one b is decided in under 100 ms$/,
    async ({ fixture }) =>
      async () => {
        const times: number[] = [];
        for (let i = 0; i < TIMES_DECIDED; i++) {
          const route = `${'a'.repeat(50)}b`;
          const answer = await ingest(fixture, { route, n: i }, { Prefer: 'return=representation' });
          expect(answer.text).toContain('"status":"accepted"');
          times.push(answer.tookMs);
        }
        // The quickest of some: the others may have waited for the machine, not for the decision.
        expect(Math.min(...times)).toBeLessThan(MAX_DECIDE_MS);
      },
  ],
];

async function notFoundEvents(fixture: Fixture): Promise<EventDocument[]> {
  await fixture.drained();
  const events = await fixture.events({ type: { $eq: 'request' } });
  return events.filter(({ event }) => event.data?.outcome === 'NOT_FOUND');
}

function oneMinute(minute: string | undefined): string {
  const from = new Date(`${minute}:00Z`);
  return `from=${from.toISOString()}&to=${new Date(from.getTime() + MINUTE_MS).toISOString()}`;
}

async function ingestAt(fixture: Fixture, times: readonly string[]): Promise<void> {
  for (const time of times) expect((await ingest(fixture, {}, {}, `2026-01-01T${time}Z`)).status).toBe(204);
  await fixture.drained();
}

function ingest(fixture: Fixture, data: object, headers: Record<string, string>, time = new Date().toISOString()) {
  const event = {
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: 'bad-inputs',
    type: 'request',
    subject: 's1',
    time,
    data,
  };
  const typed = { 'Content-Type': 'application/cloudevents+json', ...headers };
  return fixture.call({ method: 'POST', path: '/api/v1/events', headers: typed, body: JSON.stringify(event) });
}
