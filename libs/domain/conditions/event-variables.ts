/** What a condition may say about an event: its attributes, the columns usage is grouped by, and its data. */

import { type DimensionField, dimensionOf } from '../events/event-dimension.js';
import { DIMENSION_FIELDS, fieldOf, type UsageEvent } from '../events/usage-event.js';
import { numberOf, type Term, type Variables } from './condition-value.js';

/** A column is a text, '' where the event has none; `status` is a number, as are bytes, latencyMs and cost. */
export const EVENT_VARIABLES: Variables<UsageEvent> = {
  type: { type: 'string', read: (event) => event.type },
  subject: { type: 'string', read: (event) => event.subject },
  source: { type: 'string', read: (event) => event.source },
  id: { type: 'string', read: (event) => event.id },
  /** Epoch ms. */
  time: { type: 'number', read: (event) => event.time },
  keyId: column(DIMENSION_FIELDS.key_id),
  identityId: column(DIMENSION_FIELDS.identity_id),
  apiId: column(DIMENSION_FIELDS.api_id),
  outcome: column(DIMENSION_FIELDS.outcome),
  method: column(DIMENSION_FIELDS.method),
  route: column(DIMENSION_FIELDS.route),
  ip: column(DIMENSION_FIELDS.ip),
  status: {
    type: 'number',
    read: (event) => numberOf(event.dimension ? event.dimension(DIMENSION_FIELDS.status) : fieldOf(event, 'status')),
  },
  bytes: amount('bytes'),
  latencyMs: amount('latencyMs'),
  cost: amount('cost'),
  data: { type: 'map', read: (event) => event.data ?? undefined },
};

function column(field: DimensionField): Term<UsageEvent> {
  return { type: 'string', read: (event) => dimensionOf(event, field) };
}

function amount(field: string): Term<UsageEvent> {
  return { type: 'number', read: (event) => numberOf(fieldOf(event, field)) };
}
