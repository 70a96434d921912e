/** Parameters of both event lists of the metering protocol. */
import { z } from 'zod';
import { stringFilter, timeFilter } from '#domain/meters/string-filter.js';
import { instant } from '#domain/time/instant.js';
import { DAY_MS } from '#domain/time/time-window.js';
import type { EventListing } from '#ports/usage-reader.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { parseEventCursor } from './list-cursor.js';
import { jsonParameter, parseParameters, type RawQuery } from './request-query.js';

const OLDEST_MS = 32 * DAY_MS;
const limit = z.coerce.number().int().min(1).max(100).default(100);
const text = z.string().min(1).max(1024).optional();

export const listV1 = z.object({
  from: instant.optional(),
  to: instant.optional(),
  ingestedAtFrom: instant.optional(),
  ingestedAtTo: instant.optional(),
  id: text,
  subject: text,
  customerId: z.union([z.string(), z.array(z.string())]).optional(),
  limit,
  order: z.enum(['asc', 'desc']).default('desc'),
  cursor: z.string().optional(),
});

export function parseListV1(raw: RawQuery, now: number): EventListing {
  const asked = parseParameters(listV1, raw);
  if (asked.customerId !== undefined) throw invalidInput('customerId: unknown customer');
  const oldest = now - OLDEST_MS;
  const { from = oldest, to, ingestedAtFrom, ingestedAtTo } = asked;
  checkRange('from', 'to', from, to, oldest);
  checkRange('ingestedAtFrom', 'ingestedAtTo', ingestedAtFrom, ingestedAtTo, oldest);
  const times = [
    { attribute: 'time' as const, from, to },
    { attribute: 'acceptedAt' as const, from: ingestedAtFrom, to: ingestedAtTo },
  ];
  return {
    strings: asked.subject === undefined ? [] : [{ attribute: 'subject', filter: { $eq: asked.subject } }],
    times: times.flatMap(({ attribute, from: first, to: end }) => [
      ...(first === undefined ? [] : [{ attribute, filter: { $gte: first } }]),
      ...(end === undefined ? [] : [{ attribute, filter: { $lt: end } }]),
    ]),
    idContains: asked.id,
    newestFirst: asked.order === 'desc',
    after: asked.cursor === undefined ? undefined : parseEventCursor(asked.cursor),
    limit: asked.limit,
  };
}

function checkRange(
  first: string,
  end: string,
  from: number | undefined,
  to: number | undefined,
  oldest: number,
): void {
  if (from !== undefined && from < oldest) throw invalidInput(`${first}: may not be older than 32 days`);
  if (from !== undefined && to !== undefined && to < from) throw invalidInput(`${end}: must not be before ${first}`);
}

const filterV2 = z.strictObject({
  id: stringFilter.optional(),
  source: stringFilter.optional(),
  subject: stringFilter.optional(),
  type: stringFilter.optional(),
  time: timeFilter.optional(),
  ingestedAt: timeFilter.optional(),
  customerId: z.strictObject({ $in: z.array(z.string()).min(1).max(100) }).optional(),
});
export const listV2 = z.object({ cursor: z.string().optional(), limit, filter: filterV2.optional() });
const STRINGS = ['id', 'source', 'subject', 'type'] as const;

export function parseListV2(raw: RawQuery): EventListing {
  const {
    cursor,
    limit: rows,
    filter = {},
  } = parseParameters(listV2, { ...raw, filter: jsonParameter(raw, 'filter') });
  if (filter.customerId) throw invalidInput('filter.customerId: unknown customer');
  return {
    strings: STRINGS.flatMap((attribute) => {
      const condition = filter[attribute];
      return condition ? [{ attribute, filter: condition }] : [];
    }),
    times: [
      ...(filter.time ? [{ attribute: 'time' as const, filter: filter.time }] : []),
      ...(filter.ingestedAt ? [{ attribute: 'acceptedAt' as const, filter: filter.ingestedAt }] : []),
    ],
    newestFirst: true,
    after: cursor === undefined ? undefined : parseEventCursor(cursor),
    limit: rows,
  };
}
