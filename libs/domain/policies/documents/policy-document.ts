/** A policy as a document: what it looks at, what it measures, when that is too much, and what follows. */
import { z } from 'zod';
import { compileCondition } from '../../conditions/condition.js';
import { EVENT_VARIABLES } from '../../conditions/event-variables.js';
import { requiredValues } from '../../conditions/required-values.js';
import { isOwnType } from '../../events/usage-event.js';
import {
  duration,
  eventCondition,
  faultText,
  type MeasureSpec,
  measureName,
  measureSchema,
} from '../measures/measure-schema.js';
import { whenVariables } from './when-variables.js';

const MAX_HOLD_DAYS = 3_650;
/** Of all tests: they run whenever the policy is saved. */
const MAX_TEST_EVENTS = 50_000;
const DATA_PATH = /^data\.[A-Za-z_][\w-]{0,63}(\.[A-Za-z_][\w-]{0,63}){0,7}$/;
const GROUPS = ['keyId', 'identityId', 'apiId', 'subject', 'ip'];

const match = eventCondition.superRefine((text, context) => {
  const compiled = compileCondition(text, EVENT_VARIABLES);
  if (!compiled.ok) return;
  const own = [...(requiredValues(compiled.tree.root, 'type') ?? [])].some(isOwnType);
  if (own) context.addIssue({ code: 'custom', message: 'types of keymeter itself cannot be matched' });
});

const group = z.string().refine((text) => GROUPS.includes(text) || DATA_PATH.test(text), {
  error: `must be one of ${GROUPS.join(', ')} or data.<field>`,
});

/** `window`: until the calendar window that was overrun ends. */
const hold = z.union([duration(MAX_HOLD_DAYS), z.literal('window')], {
  error: 'must be a duration such as "15m", or "window", the end of a calendar window',
});

/** `when`: the stage is reached as soon as this holds too, whatever hold lasts. */
const conditional = { when: z.string().optional() };

const limited = { ...conditional, limit: z.int().min(0).max(1_000_000_000), window: duration(31), for: hold };

const stageSchema = z.discriminatedUnion(
  'action',
  [
    /** `for`: how long nothing more is said. */
    z.strictObject({ action: z.literal('warn'), for: hold.default('1h'), ...conditional }),
    z.strictObject({ action: z.literal('slow'), ...limited }),
    z.strictObject({ action: z.literal('throttle'), ...limited }),
    z.strictObject({ action: z.literal('suspend'), for: hold, ...conditional }),
    z.strictObject({ action: z.literal('revoke'), ...conditional }),
  ],
  { error: 'needs an "action", one of warn, slow, throttle, suspend, revoke' },
);
export type Stage = z.output<typeof stageSchema>;

export const exceptionSchema = z
  .strictObject({
    /** Value of the first field of `per`: a key, an identity … */
    value: z.string().min(1).max(512).optional(),
    /** CEL over the event. */
    when: eventCondition.optional(),
    /** ISO 8601; the exception ends then, by event time. */
    until: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
    reason: z.string().max(300).optional(),
  })
  .refine(({ value, when }) => (value === undefined) !== (when === undefined), {
    error: 'needs either "value" or "when"',
  });

export type PolicyException = z.output<typeof exceptionSchema>;

const brake = z.strictObject({
  subjects: z.int().min(0).max(1_000_000).default(20),
  share: z.number().min(0).max(1).default(0.01),
  within: duration(31).default('10m'),
});

const givenEvent = z.strictObject({
  /** Time since the start of the test; without it right behind the event before. */
  at: duration(366, 0).optional(),
  repeat: z.int().min(1).max(100_000).default(1),
  every: duration(366, 0).default('1s'),
  type: z.string().default('request'),
  subject: z.string().optional(),
  /** Texts may hold `{n}`, the number of the repetition from 1. */
  data: z.record(z.string(), z.json()).default({}),
});

const expectedDecision = z.strictObject({
  subject: z.string(),
  action: z.enum(['warn', 'slow', 'throttle', 'suspend', 'revoke']),
  at: duration(366, 0).optional(),
});

const testCase = z.strictObject({
  name: z.string().min(1).max(200),
  given: z.array(givenEvent).max(1_000),
  expect: z.array(expectedDecision).max(1_000),
});
export type PolicyTestCase = z.output<typeof testCase>;

export const MODES = ['off', 'shadow', 'staged', 'on'] as const;

const fields = z.strictObject({
  kind: z.literal('Policy'),
  apiVersion: z.literal('keymeter/v1'),
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, {
    error: 'must be 1 to 64 of a-z, 0-9, "-" and "_", beginning with a letter or digit',
  }),
  owner: z.string().max(200).optional(),
  description: z.string().max(2_000).optional(),
  mode: z.enum(MODES).default('shadow'),
  /** Of subjects, for `staged`. */
  percent: z.number().gt(0).max(100).optional(),
  match,
  per: z.union([group.transform((it) => [it]), z.array(group).min(1).max(4)]),
  measures: z
    .record(measureName, measureSchema)
    .refine((it) => Object.keys(it).length > 0 && Object.keys(it).length <= 16, { error: 'must be 1 to 16 measures' }),
  /** CEL over the measures and the event. */
  when: z.string(),
  // biome-ignore lint/suspicious/noThenProperty: a list is no function, so this is no promise to anyone
  then: z.array(stageSchema).min(1).max(8),
  /** Good behaviour that takes a subject one stage down. */
  decay: duration(366).default('1d'),
  /** After a hold has ended nothing is decided for so long. */
  coolDown: duration(366, 0).default('0s'),
  except: z.array(exceptionSchema).max(1_000).default([]),
  brake: brake.prefault({}),
  /** Permanent actions may follow from events that were accepted an hour or more after they happened. */
  appliesToLate: z.boolean().default(false),
  tests: z.array(testCase).max(100).default([]),
});

export const policyDocumentSchema = fields.superRefine((document, context) => {
  const refuseAt = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  if ((document.mode === 'staged') !== (document.percent !== undefined)) {
    refuseAt(['percent'], 'is for mode staged, which needs it');
  }
  for (const [name, spec] of Object.entries(document.measures)) {
    if (Object.hasOwn(EVENT_VARIABLES, name)) refuseAt(['measures', name], 'is the name of a field of the event');
    if (spec.aggregate !== 'baseline') continue;
    const of = document.measures[spec.of];
    const isFit = (of?.aggregate === 'count' || of?.aggregate === 'sum') && typeof of.window === 'string';
    if (!isFit) refuseAt(['measures', name, 'of'], 'must name a count or a sum over a sliding window');
  }
  const variables = whenVariables(Object.keys(document.measures));
  const check = (text: string, path: (string | number)[]) => {
    const when = compileCondition(text, variables);
    if (!when.ok) refuseAt(path, faultText(when.fault));
  };
  check(document.when, ['when']);
  document.then.forEach((stage, n) => {
    if (stage.when !== undefined) check(stage.when, ['then', n, 'when']);
    if (stage.action !== 'revoke' && stage.for === 'window' && !hasCalendar(document.measures)) {
      refuseAt(['then', n, 'for'], 'is "window", and no measure has a calendar window');
    }
  });
  checkLadder(document.then, refuseAt);
  const events = document.tests.flatMap(({ given }) => given).reduce((sum, { repeat }) => sum + repeat, 0);
  if (events > MAX_TEST_EVENTS) refuseAt(['tests'], `send more than ${MAX_TEST_EVENTS} events`);
});
export type PolicyDocument = z.output<typeof policyDocumentSchema>;

function hasCalendar(measures: Readonly<Record<string, MeasureSpec>>): boolean {
  return Object.values(measures).some(
    (spec) => spec.aggregate !== 'baseline' && typeof spec.window === 'object' && 'calendar' in spec.window,
  );
}

const SEVERITY = { warn: 0, slow: 1, throttle: 2, suspend: 3, revoke: 4 } as const;

function checkLadder(stages: readonly Stage[], refuseAt: (path: (string | number)[], message: string) => void): void {
  stages.forEach(({ action }, n) => {
    const before = stages[n - 1];
    if (before && SEVERITY[action] < SEVERITY[before.action]) {
      refuseAt(['then', n, 'action'], `is milder than the stage before, ${before.action}`);
    }
  });
}
