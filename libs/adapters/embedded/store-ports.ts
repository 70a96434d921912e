/** Which embedded store stands behind each port of keys, events, policies, meters and webhooks. */

import { Counters } from '#ports/counters.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EnforcementSwitch } from '#ports/enforcement-switch.js';
import { EventLogWriter } from '#ports/event-log.js';
import { KeyStore } from '#ports/key-store.js';
import { MeterStore } from '#ports/meter-store.js';
import { PolicyStore } from '#ports/policy-store.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import type { provided } from '#runtime/provided.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import type { EmbeddedStores } from './embedded-stores.js';

export function storePorts(stores: EmbeddedStores): Parameters<typeof provided>[0] {
  return [
    [NodeIdentity, new NodeIdentity(stores.log.identity.logId)],
    [KeyStore, stores.keys],
    [Counters, stores.counters],
    [EventLogWriter, stores.log],
    [UsageRecorder, stores.recorder],
    [EnforcementStore, stores.enforcements],
    [EnforcementOutbox, stores.enforcements],
    [EnforcementSwitch, stores.enforcements],
    [PolicyStore, stores.policies],
    [MeterStore, stores.meters],
    [WebhookEndpointStore, stores.webhooks],
    [WebhookDeliveryStore, stores.webhookDeliveries],
  ];
}
