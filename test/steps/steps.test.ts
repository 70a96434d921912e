/** Nothing that the writer asks of its ports is left out of the list of steps, and nothing is listed that it does not ask. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_STEPS, POINTS, STEPS } from './steps.js';

const ROOT = join(import.meta.dirname, '../..');
const PORTS = [
  ['OffsetStore', 'libs/ports/offset-store.ts', 'abstract class OffsetStore'],
  ['UsageStore', 'libs/ports/usage-store.ts', 'abstract class UsageStore'],
  ['EventLogReader', 'libs/ports/event-log.ts', 'abstract class EventLogReader'],
] as const;
/** What the writer calls its ports. */
const CALLED: Readonly<Record<string, string>> = {
  store: 'UsageStore',
  offsets: 'OffsetStore',
  reader: 'EventLogReader',
};

const source = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const isListed = (call: string) => STEPS.some((step) => step.call === call) || call in NO_STEPS;

test.each(PORTS)('every method of %s has a step, or a reason why it is none', (port, path, begin) => {
  const [, body = ''] = source(path).split(begin);
  const methods = [...body.matchAll(/^ {2}abstract (\w+)\(/gm)].map(([, method]) => `${port}.${method}`);
  expect(methods.length).toBeGreaterThan(3);
  expect(methods.filter((call) => !isListed(call))).toEqual([]);
});

test('every call that the writer makes of its ports has a step', () => {
  const calls = [...source('apps/consumer/src/usage-writer.ts').matchAll(/\b(store|offsets|reader)\.(\w+)\(/g)].map(
    ([, port = '', method]) => `${CALLED[port]}.${method}`,
  );
  expect(new Set(calls).size).toBeGreaterThan(8);
  expect(calls.filter((call) => !isListed(call))).toEqual([]);
});

test('every point has a name of its own, and every step that sends rows is struck while they are on their way', () => {
  const names = POINTS.map(({ step: { phase, name }, when }) => `${phase} ${when} ${name}`);
  expect(new Set(names).size).toBe(names.length);
  const sending = STEPS.filter(({ sends }) => sends);
  expect(POINTS.filter(({ when }) => when === 'sent').map(({ step }) => step)).toEqual(sending);
});
