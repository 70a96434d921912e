/**
 * The ready policies on the real access log, by address and with outcomes as a log has them: whom they hit and when is
 * what an independent computation says. By their own thresholds nobody is hit, so they are lowered step by step.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessEventData } from '#domain/access-log/access-event.js';
import { parseAccessLine } from '#domain/access-log/access-line.js';
import { type PlacedEvent, placedEvent } from '#domain/events/usage-event.js';
import { DocumentRun } from '#domain/policies/documents/document-run.js';
import { draftOf } from '#domain/policies/documents/policy-draft.js';
import { readPolicyFile } from '#domain/policies/documents/policy-file.js';
import { type Hit, hitsOf, type Rule } from './policy-quality/independent-ladder.js';
import { accessLog } from './real-log/access-log.js';
import { drawSeed, randomFrom } from './support/seed.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const { text } = accessLog(randomFrom(drawSeed('policies on the log')));
const events = [...placedEvents(text)];

interface Case {
  readonly policy: string;
  /** Replaces the policy's own `when`. */
  readonly when: string;
  readonly rule: Rule;
}

const everything = () => true;
const gets: Rule['counts'] = ({ method, route }) => method === 'GET' && route !== undefined;
const routes = (requests: readonly { readonly route?: string }[]) => new Set(requests.map(({ route }) => route)).size;

function burst(most: number): Case {
  const isOver: Rule['isOver'] = (within) => within(10_000).length > most;
  const rule = { counts: everything, isOver, holds: [MINUTE, 10 * MINUTE], decayMs: HOUR };
  return { policy: 'burst', when: `calls > ${most}`, rule };
}

function scraping(hourly: number, daily: number): Case {
  const isOver: Rule['isOver'] = (within) => routes(within(HOUR)) > hourly || routes(within(DAY)) > daily;
  const rule = { counts: gets, isOver, holds: [HOUR, DAY], decayMs: DAY };
  return { policy: 'scraping', when: `routes > ${hourly} || daily > ${daily}`, rule };
}

function errorStorm(most: number): Case {
  const isOver: Rule['isOver'] = (within) => {
    const calls = within(5 * MINUTE);
    return calls.length > most && calls.filter(({ status }) => Number(status) >= 400).length > calls.length / 2;
  };
  const rule = { counts: everything, isOver, holds: [10 * MINUTE, 10 * MINUTE], decayMs: DAY };
  return { policy: 'error-storm', when: `calls > ${most} && failed > 0.5`, rule };
}

const CASES: readonly Case[] = [
  burst(200),
  burst(5),
  scraping(500, 2_000),
  scraping(30, 60),
  scraping(10, 15),
  errorStorm(100),
  errorStorm(3),
];

test.each(CASES)('$policy with $when: whom it hits, when and how hard', ({ policy, when, rule }) => {
  const expected = hitsOf(text, rule);
  expect(decided(policy, when)).toEqual(expected);
  process.stdout.write(
    `${policy}, ${when}: ${expected.length} decisions, ${new Set(expected.map(({ ip }) => ip)).size} addresses\n`,
  );
});

test('sudden-change leaves everybody alone: nobody has been known for two weeks', () => {
  expect(decided('sudden-change')).toEqual([]);
});

function decided(policy: string, when?: string): Hit[] {
  const file = readFileSync(join(import.meta.dirname, '../policies', `${policy}.yaml`), 'utf8');
  const byAddress = file
    .replace(/^per: .*$/m, 'per: ip')
    .replace('outcome == "VALID"', 'outcome == "LOGGED"')
    .replace(/^tests:[\s\S]*/m, '');
  const [read] = readPolicyFile(
    when === undefined ? byAddress : byAddress.replace(/^when: .*$/m, `when: ${when}`),
  ).policies;
  if (!read) throw new Error(`${policy}.yaml holds no policy`);
  const run = new DocumentRun(draftOf(read.document));
  return events.flatMap((event) => {
    const decision = run.apply(event);
    return decision ? [{ ip: decision.target.value, line: event.offset, stage: decision.stage }] : [];
  });
}

/** An event's offset is the number of its line. */
function* placedEvents(log: string): Generator<PlacedEvent> {
  for (const [index, line] of log.split('\n').entries()) {
    const parsed = parseAccessLine(line);
    if (!parsed.ok) continue;
    const { ip: subject, time } = parsed.entry;
    const event = { id: `line-${index + 1}`, source: 'log', type: 'request', subject, time };
    const data = accessEventData(parsed.entry);
    yield placedEvent(
      { ...event, data, idHash: 0, fingerprint: 0 },
      { partition: 0, offset: index + 1, index: 0 },
      time,
    );
  }
}
