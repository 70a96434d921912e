/** What a policy document measures, as operators write it. Durations as in `90s`, `1h`, `7d`. */
import { z } from 'zod';
import { compileCondition, compileExpression } from '../../conditions/condition.js';
import type { ConditionFault } from '../../conditions/condition-fault.js';
import { EVENT_VARIABLES } from '../../conditions/event-variables.js';
import { canonicalZone } from '../../time/zone-offset.js';
import { parseDuration } from '../duration.js';

const DAY_MS = 86_400_000;
/** Of windows: what they hold is kept in memory. */
const MAX_WINDOW_DAYS = 31;
/** Of what remembers times and values only. */
const MAX_MEMORY_DAYS = 366;
const MAX_NAME = 40;

export function duration(maxDays: number, leastMs = 1_000) {
  return z.string().refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= leastMs && ms <= maxDays * DAY_MS;
    },
    { error: `must be a duration from 1s to ${maxDays}d such as "90s", "15m", "2h" or "1d"` },
  );
}

export function faultText({ at, reason }: ConditionFault): string {
  return `${reason} (character ${at + 1})`;
}

/** CEL over the event, true or false. */
export const eventCondition = z.string().superRefine((text, context) => {
  const compiled = compileCondition(text, EVENT_VARIABLES);
  if (!compiled.ok) context.addIssue({ code: 'custom', message: faultText(compiled.fault) });
});

/** CEL over the event, any value. */
const eventExpression = z.string().superRefine((text, context) => {
  const compiled = compileExpression(text, EVENT_VARIABLES);
  if (!compiled.ok) context.addIssue({ code: 'custom', message: faultText(compiled.fault) });
});

const measureWindow = z.union(
  [
    duration(MAX_WINDOW_DAYS),
    z.strictObject({
      calendar: z.enum(['minute', 'hour', 'day', 'month']),
      timeZone: z
        .string()
        .refine((zone) => canonicalZone(zone) !== undefined, {
          error: 'must be an IANA time zone such as "UTC" or "Europe/Berlin"',
        })
        .default('UTC'),
    }),
    z.strictObject({ session: duration(MAX_WINDOW_DAYS) }),
  ],
  {
    error:
      'must be a duration such as "10m", {"calendar": "day", "timeZone": "Europe/Berlin"} or {"session": "30m"}, the pause that ends one',
  },
);
export type MeasureWindow = z.output<typeof measureWindow>;

const where = eventCondition.optional();
const windowed = { window: measureWindow, where };

export const measureSchema = z.discriminatedUnion(
  'aggregate',
  [
    z.strictObject({ aggregate: z.literal('count'), ...windowed }),
    z.strictObject({ aggregate: z.literal('sum'), of: eventExpression, ...windowed }),
    z.strictObject({ aggregate: z.literal('avg'), of: eventExpression, ...windowed }),
    z.strictObject({ aggregate: z.literal('max'), of: eventExpression, ...windowed }),
    z.strictObject({ aggregate: z.literal('unique'), of: eventExpression, ...windowed }),
    /** 1 where this event's value was not seen in the window before it, else 0. */
    z.strictObject({ aggregate: z.literal('fresh'), of: eventExpression, window: duration(MAX_MEMORY_DAYS), where }),
    z.strictObject({
      aggregate: z.literal('percentile'),
      of: eventExpression,
      percentile: z.number().gt(0).max(100),
      ...windowed,
    }),
    /** Part of the events for which `of` holds, 0 to 1. */
    z.strictObject({ aggregate: z.literal('share'), of: eventCondition, ...windowed }),
    /** Seconds from the event before to this one; 0 for a first one. `window`: how long an event is remembered. */
    z.strictObject({ aggregate: z.literal('quiet'), window: duration(MAX_MEMORY_DAYS), where }),
    /** What another measure usually is at this hour of the week. */
    z.strictObject({
      aggregate: z.literal('baseline'),
      of: z.string(),
      warmUp: duration(90, 3_600_000).default('14d'),
      floor: z.number().min(0).default(0),
    }),
  ],
  {
    error: 'needs an "aggregate", one of count, sum, avg, max, unique, fresh, percentile, share, quiet, baseline',
  },
);
export type MeasureSpec = z.output<typeof measureSchema>;

export const measureName = z.string().regex(new RegExp(`^[a-z][A-Za-z0-9_]{0,${MAX_NAME - 1}}$`), {
  error: `must be 1 to ${MAX_NAME} letters, digits and "_", beginning with a small letter`,
});
