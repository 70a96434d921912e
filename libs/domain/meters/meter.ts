/** Meters: what to count of which events, and the properties that usage can be grouped by. */
import { z } from 'zod';
import { DIMENSION_FIELDS } from '../events/usage-event.js';
import { instant } from '../time/instant.js';
import { parseJsonPath } from './json-path.js';

export const AGGREGATIONS = ['SUM', 'COUNT', 'AVG', 'MIN', 'MAX', 'UNIQUE_COUNT', 'LATEST'] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

export const SLUG_PATTERN = /^[a-z0-9]+(?:_[a-z0-9]+)*$/;
const GROUP_KEY_PATTERN = /^[a-zA-Z_][0-9a-zA-Z_]*$/;
/** Names that an object literal answers for itself, or that rows of an answer use already. */
const RESERVED_GROUP_KEYS = new Set(['__proto__', 'constructor', 'prototype', 'subject', 'customer_id']);
const MAX_GROUP_KEYS = 32;
const MAX_LABELS = 50;

const path = z.string().superRefine((text, context) => {
  const parsed = parseJsonPath(text);
  if (!parsed.ok) context.addIssue({ code: 'custom', message: `the JSON path ${parsed.reason}` });
});
const groupKey = z
  .string()
  .max(64)
  .regex(GROUP_KEY_PATTERN, `a groupBy name must match ${GROUP_KEY_PATTERN.source}`)
  .refine((key) => !RESERVED_GROUP_KEYS.has(key), 'this groupBy name is reserved');
const groupBy = z
  .record(groupKey, path)
  .refine((keys) => Object.keys(keys).length <= MAX_GROUP_KEYS, `groupBy takes at most ${MAX_GROUP_KEYS} names`);
const metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `metadata takes at most ${MAX_LABELS} names`);

const name = z.string().min(1).max(256);
const description = z.string().max(1024);

/** What a client may change later; an absent member is cleared. Unknown members are ignored, as the protocol has it. */
export const meterChange = z.object({
  name: name.nullish(),
  description: description.nullish(),
  groupBy: groupBy.nullish(),
  metadata: metadata.nullish(),
});
export type MeterChange = z.infer<typeof meterChange>;

export const meterDefinition = meterChange
  .extend({
    slug: z.string().min(1).max(64).regex(SLUG_PATTERN, `slug must match ${SLUG_PATTERN.source}`),
    aggregation: z.enum(AGGREGATIONS),
    eventType: z.string().min(1).max(256),
    eventFrom: instant.nullish(),
    valueProperty: path.nullish(),
  })
  .superRefine(({ aggregation, valueProperty, groupBy: keys }, context) => {
    const problem = valueProblem(aggregation, valueProperty ?? undefined);
    if (problem) context.addIssue({ code: 'custom', path: ['valueProperty'], message: problem });
    for (const [key, at] of Object.entries(keys ?? {})) {
      if (at !== valueProperty) continue;
      context.addIssue({ code: 'custom', path: ['groupBy', key], message: 'must differ from valueProperty' });
    }
  });
export type MeterDefinition = z.infer<typeof meterDefinition>;

function valueProblem(aggregation: Aggregation, valueProperty: string | undefined): string | undefined {
  if (aggregation === 'COUNT' && valueProperty !== undefined) return 'valueProperty is not allowed with COUNT';
  if (aggregation !== 'COUNT' && valueProperty === undefined) return `valueProperty is required with ${aggregation}`;
  return undefined;
}

/** A meter as it is stored; times in epoch ms. */
export interface Meter {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly description?: string;
  readonly aggregation: Aggregation;
  readonly eventType: string;
  readonly eventFrom?: number;
  readonly valueProperty?: string;
  readonly groupBy: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt?: number;
}

export function createMeter(definition: MeterDefinition, id: string, now: number): Meter {
  const { slug, aggregation, eventType, eventFrom, valueProperty } = definition;
  return {
    id,
    slug,
    ...changeable(definition, slug),
    aggregation,
    eventType,
    eventFrom: eventFrom ?? undefined,
    valueProperty: valueProperty ?? undefined,
    createdAt: now,
    updatedAt: now,
  };
}

export function changeMeter(meter: Meter, change: MeterChange, now: number): Meter {
  return { ...meter, ...changeable(change, meter.slug), updatedAt: now };
}

function changeable(change: MeterChange, slug: string) {
  return {
    name: change.name ?? slug,
    description: change.description ?? undefined,
    groupBy: change.groupBy ?? {},
    metadata: change.metadata ?? undefined,
  };
}

const REQUEST_GROUPS = Object.fromEntries(Object.values(DIMENSION_FIELDS).map((field) => [field, `$.${field}`]));

/** There from the start, over verified requests and imported access logs alike. */
export const BUILT_IN_METERS: readonly MeterDefinition[] = [
  {
    slug: 'requests',
    name: 'Requests',
    description: 'Requests, verified or imported from an access log.',
    aggregation: 'COUNT',
    eventType: 'request',
    groupBy: REQUEST_GROUPS,
  },
  {
    slug: 'bytes',
    name: 'Bytes',
    description: 'Bytes of the answers to requests.',
    aggregation: 'SUM',
    eventType: 'request',
    valueProperty: '$.bytes',
    groupBy: REQUEST_GROUPS,
  },
];
