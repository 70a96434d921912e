/** Runs the tests that a policy document carries: the very run of the live app over the given events. */
import { type PlacedEvent, placedEvent } from '../../events/usage-event.js';
import type { Json, JsonObject } from '../../json.js';
import { durationMs } from '../duration.js';
import type { Decision } from './document-decision.js';
import { DocumentRun } from './document-run.js';
import type { PolicyDocument, PolicyTestCase } from './policy-document.js';
import { draftOf } from './policy-draft.js';

/** A Monday, 00:00 UTC: tests that name hours of the week count from it. */
export const TEST_START = Date.UTC(2026, 0, 5);

export interface TestOutcome {
  readonly name: string;
  readonly passed: boolean;
  /** Lines as `suspend k1 at 3s`. */
  readonly expected: readonly string[];
  readonly found: readonly string[];
}

export function runPolicyTests(document: PolicyDocument): TestOutcome[] {
  return document.tests.map((test) => runTest(document, test));
}

/** A policy shows what it does by at least one example that it acts on, and one that it leaves alone. */
export function missingExamples({ tests }: PolicyDocument): string | undefined {
  const fires = tests.some(({ expect }) => expect.length > 0);
  const isSilent = tests.some(({ expect, given }) => expect.length === 0 && given.length > 0);
  if (fires && isSilent) return undefined;
  if (!fires) return 'has no test in which it acts: it can be in mode off only';
  return 'has no test in which it stays silent: it can be in mode off only';
}

function runTest(document: PolicyDocument, test: PolicyTestCase): TestOutcome {
  const policy = draftOf({ ...document, mode: 'on' });
  const run = new DocumentRun(policy);
  const decisions: Decision[] = [];
  for (const event of eventsOf(test)) {
    const decision = run.apply(event);
    if (decision) decisions.push(decision);
  }
  const expected = test.expect.map(({ action, subject, at }) => line(action, subject, at && durationMs(at)));
  const found = decisions.map(({ step, target, begin }, n) => {
    const isTimed = test.expect[n]?.at !== undefined || test.expect.length === 0;
    return line(step, target.value, isTimed ? begin - TEST_START : undefined);
  });
  const passed = expected.length === found.length && expected.every((text, n) => text === found[n]);
  return { name: test.name, passed, expected, found };
}

function line(action: string, subject: string, at: number | '' | undefined): string {
  return at === undefined || at === '' ? `${action} ${subject}` : `${action} ${subject} at ${at / 1000}s`;
}

function* eventsOf({ given }: PolicyTestCase): Generator<PlacedEvent> {
  let time = TEST_START;
  let offset = 0;
  for (const { at, repeat, every, type, subject, data } of given) {
    if (at !== undefined) time = TEST_START + durationMs(at);
    for (let n = 1; n <= repeat; n++) {
      const filled = fill(data as Json, n) as JsonObject;
      const event = {
        id: String(offset),
        source: 'test',
        type,
        subject: subject === undefined ? String(filled.keyId ?? 'test') : subject.replaceAll('{n}', String(n)),
        time,
        data: filled,
        idHash: 0,
        fingerprint: 0,
      };
      yield placedEvent(event, { partition: 0, offset, index: 0 }, time);
      offset++;
      time += durationMs(every);
    }
  }
}

function fill(value: Json, n: number): Json {
  if (typeof value === 'string') return value.replaceAll('{n}', String(n));
  if (Array.isArray(value)) return value.map((item) => fill(item, n));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item as Json, n)]));
}
