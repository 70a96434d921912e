/**
 * Writes docs/openapi.json from what the server is made of: routes and rights from the controllers' metadata, bodies
 * and parameters from their zod schemas. `node scripts/openapi.mjs --check` fails where the file is not up to date.
 */
import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { prepare, root } from './prepare.mjs';

if (!process.argv.includes('--built')) prepare();
const load = (path) => import(new URL(`dist/${path}.js`, `file://${root}/`));
const { OPERATIONS } = await load('apps/ingress/src/keys/operations');
const { verifyRequestSchema } = await load('libs/domain/keys/verify-request');
const { authorizeQuerySchema } = await load('apps/ingress/src/authorize/authorize-request');
const { VERIFY_CODES } = await load('libs/domain/keys/verdict');
const { policySchema } = await load('libs/domain/policies/policy');
const { MetersController, meterListing } = await load('apps/query/src/meters.controller');
const { MeterQueryController, timeRange } = await load('apps/query/src/meter-query.controller');
const { meterQuery } = await load('apps/query/src/meter-query-request');
const { EventsController } = await load('apps/query/src/events.controller');
const { listV1, listV2 } = await load('apps/query/src/event-request');
const { DeadLettersController } = await load('apps/query/src/dead-letters/dead-letters.controller');
const { deadLetterListing } = await load('apps/query/src/dead-letters/dead-letter-request');
const { ReconciliationController, reconciliationQuery } = await load('apps/query/src/reconciliation.controller');
const { PartitionsController } = await load('apps/query/src/partitions.controller');
const { BacktestsController } = await load('apps/policy/src/backtest/backtests.controller');
const { PoliciesController } = await load('apps/policy/src/policies/policies.controller');
const { PolicyVersionsController, differenceSchema } = await load(
  'apps/policy/src/policies/policy-versions.controller',
);
const { PolicyExceptionsController, exceptionQuerySchema } = await load(
  'apps/policy/src/policies/policy-exceptions.controller',
);
const { PolicyProposalsController } = await load('apps/policy/src/policies/policy-proposals.controller');
const { HolderController } = await load('apps/policy/src/enforcement/holder.controller');
const { EnforcementsController } = await load('apps/policy/src/enforcement/enforcements.controller');
const { enforcementQuerySchema, explanationQuerySchema } = await load('apps/policy/src/enforcement/enforcement-query');
const { EnforcementPauseController } = await load('apps/policy/src/enforcement/enforcement-pause.controller');
const { AuditController } = await load('apps/policy/src/audit/audit.controller');
const { auditQuerySchema } = await load('apps/policy/src/audit/audit-query');
const { WebhooksController } = await load('apps/policy/src/webhooks/webhooks.controller');
const { deliveryQuerySchema } = await load('apps/policy/src/webhooks/webhook-request');
const { HealthController } = await load('libs/runtime/http/health.controller');
const { MetricsController } = await load('libs/runtime/http/metrics.controller');

const METHODS = ['get', 'post', 'put', 'delete', 'patch'];
const BODY = '3'; // Nest's RouteParamtypes.BODY, the kind in `<kind>:<index>` of a parameter's metadata

/** What a handler reads from query string or body without a decorator's schema. */
const QUERIES = {
  'MetersController.list': meterListing,
  'MeterQueryController.query': meterQuery,
  'MeterQueryController.subjects': timeRange,
  'MeterQueryController.groupByValues': timeRange,
  'EventsController.list': listV1,
  'EventsController.listV2': listV2,
  'DeadLettersController.list': deadLetterListing,
  'EnforcementsController.list': enforcementQuerySchema,
  'EnforcementsController.derive': explanationQuerySchema,
  'PolicyVersionsController.difference': differenceSchema,
  'PolicyExceptionsController.remove': exceptionQuerySchema,
  'ReconciliationController.read': reconciliationQuery,
  'AuditController.verify': auditQuerySchema,
  'WebhooksController.listDeliveries': deliveryQuerySchema,
};
const BODIES = { 'MeterQueryController.queryPost': meterQuery };
const WAITS = /^(MeterQueryController|EventsController)\.|^DeadLettersController\.list/;
const CSV = /^MeterQueryController\.query/;
/** Parameters that carry JSON. */
const JSON_PARAMETERS = new Set(['filter', 'advancedMeterGroupByFilters']);
const SUMMARIES = {
  'MetersController.create': 'Create a meter',
  'MetersController.list': 'List meters',
  'MetersController.find': 'Read a meter',
  'MetersController.update': 'Change name, description, groups and metadata of a meter',
  'MetersController.remove': 'Delete a meter',
  'MeterQueryController.query': 'Query usage',
  'MeterQueryController.queryPost': 'Query usage by a body',
  'MeterQueryController.groupByValues': 'List the values of a group',
  'MeterQueryController.subjects': 'List the subjects',
  'EventsController.list': 'List events',
  'EventsController.listV2': 'List events page by page, with filters',
  'DeadLettersController.list': 'List what could not be counted',
  'DeadLettersController.find': 'Read a dead letter',
  'DeadLettersController.replay': 'Send a dead letter again, as it is or corrected',
  'DeadLettersController.drop': 'Drop a dead letter, with the reason',
  'ReconciliationController.read': 'Whether everything in the log is counted, a duplicate, a conflict or a dead letter',
  'PartitionsController.read': 'How many partitions the event log has',
  'PartitionsController.raise': 'Raise the number of partitions of the event log',
  'PoliciesController.create': 'Create a policy',
  'PoliciesController.list': 'List policies',
  'PoliciesController.find': 'Read a policy',
  'PoliciesController.replace': 'Replace a policy by a new version',
  'PoliciesController.remove': 'Delete a policy',
  'PolicyVersionsController.list': 'List the versions of a policy: who put them, and when',
  'PolicyVersionsController.find': 'Read a version of a policy, with its text as it was written',
  'PolicyVersionsController.difference': 'What differs between two versions of a policy',
  'PolicyExceptionsController.list': 'List whom a policy document leaves alone',
  'PolicyExceptionsController.add': 'Leave somebody alone, and lift what the policy holds on them',
  'PolicyExceptionsController.remove': 'Leave somebody alone no more',
  'PolicyProposalsController.list': 'List what waits for a second person',
  'PolicyProposalsController.find': 'Read the proposal of a policy: what it would change',
  'PolicyProposalsController.approve': 'Put a proposal in force, as another person than its author',
  'PolicyProposalsController.reject': 'Reject a proposal, with the reason',
  'BacktestsController.start': 'Start a backtest: what a policy would have done over stored events',
  'BacktestsController.list': 'List the latest backtests of this process',
  'BacktestsController.find': 'Read progress and report of a backtest',
  'BacktestsController.cancel': 'Cancel a backtest',
  'EnforcementsController.list': 'List enforcements',
  'EnforcementsController.explain': 'Explain an enforcement',
  'EnforcementsController.derive': 'Explain an enforcement by making it again from the stored events',
  'EnforcementsController.liftMany': 'Lift every enforcement that holds now and passes the filters',
  'EnforcementsController.lift': 'Lift an enforcement',
  'HolderController.explain': 'Explain to the holder of a key what holds it',
  'EnforcementPauseController.read': 'Whether all enforcement is paused',
  'EnforcementPauseController.pause': 'Pause all enforcement',
  'EnforcementPauseController.resume': 'Let enforcement act again',
  'AuditController.verify': 'Whether the audit trail is as it was written, or where it is broken first',
  'AuditController.head': 'The heads of the audit trail, to be kept elsewhere',
  'WebhooksController.create': 'Create a webhook; its secret is shown this once',
  'WebhooksController.list': 'List webhooks',
  'WebhooksController.find': 'Read a webhook, with how many messages wait, were delivered and are dead',
  'WebhooksController.change': 'Change a webhook, disable or enable it',
  'WebhooksController.remove': 'Delete a webhook and what waits for it',
  'WebhooksController.rotate': 'Replace the secret of a webhook; the old one signs too until the overlap is over',
  'WebhooksController.test': 'Send a test message to a webhook',
  'WebhooksController.listDeliveries': 'List deliveries of a webhook by state',
  'WebhooksController.replay': 'Send one delivery again, or all that were given up since a time',
  'HealthController.live': 'Whether the process answers',
  'HealthController.ready': 'Whether everything works',
  'MetricsController.metrics': "Metrics in Prometheus' text format",
};

function jsonSchema(schema) {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

const json = (schema) => ({ 'application/json': { schema } });
const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const SCHEMAS = {
  'PolicyProposalsController.list': {
    type: 'object',
    properties: { items: { type: 'array', items: ref('PolicyProposal') } },
  },
  'PolicyProposalsController.find': ref('PolicyProposal'),
  'PolicyProposalsController.approve': ref('SavedPolicy'),
};
const secured = [{ rootKey: [] }];
const keyErrors = { default: { description: 'Refused.', content: json(ref('KeyError')) } };
const problems = {
  default: { description: 'Refused.', content: { 'application/problem+json': { schema: ref('Problem') } } },
};

function queryParameters(schema) {
  const { properties = {}, required = [] } = jsonSchema(schema);
  return Object.entries(properties).map(([name, property]) => {
    const common = { name, in: 'query', required: required.includes(name) };
    if (JSON_PARAMETERS.has(name)) return { ...common, content: json(property) };
    const deep = name === 'filterGroupBy' ? { style: 'deepObject', explode: true } : {};
    return { ...common, ...deep, schema: property };
  });
}

function controllerRoutes(controller) {
  const prefix = Reflect.getMetadata('path', controller);
  return Object.getOwnPropertyNames(controller.prototype).flatMap((handler) => {
    const target = controller.prototype[handler];
    const method = Reflect.getMetadata('method', target);
    if (method === undefined) return [];
    const path = `/${prefix}/${Reflect.getMetadata('path', target)}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
    return [[path, METHODS[method], controllerOperation(controller, handler, path, METHODS[method])]];
  });
}

function controllerOperation(controller, handler, path, method) {
  const operationId = `${controller.name}.${handler}`;
  const target = controller.prototype[handler];
  const right = Reflect.getMetadata('keymeter:required-right', target);
  const status = Reflect.getMetadata('__httpCode__', target) ?? (method === 'post' ? 201 : 200);
  const body = BODIES[operationId] ?? bodySchema(controller, handler);
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(QUERIES[operationId] ? queryParameters(QUERIES[operationId]) : []),
    ...(WAITS.test(operationId) ? [{ $ref: '#/components/parameters/waitFor' }] : []),
  ];
  if (SUMMARIES[operationId] === undefined) throw new Error(`${operationId} has no summary`);
  return {
    operationId,
    summary: SUMMARIES[operationId],
    ...(right
      ? { description: `Right: \`${right.resource}.*.${right.action}\`.`, security: secured }
      : { security: [] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: json(jsonSchema(body)) } } : {}),
    responses: {
      [status]: answer(operationId, status),
      ...proposed(operationId),
      ...unready(operationId),
      ...(right ? problems : {}),
    },
  };
}

function bodySchema(controller, handler) {
  const args = Reflect.getMetadata('__routeArguments__', controller, handler) ?? {};
  return Object.entries(args).find(([kind]) => kind.startsWith(`${BODY}:`))?.[1].schema;
}

function answer(operationId, status) {
  if (status === 204) return { description: 'Done.' };
  if (operationId === 'MetricsController.metrics')
    return { description: 'Metrics.', content: { 'text/plain': { schema: { type: 'string' } } } };
  const saved = /^PoliciesController\.(create|replace)/.test(operationId) ? ref('SavedPolicy') : ref('Policy');
  const schema = SCHEMAS[operationId] ?? (/^PoliciesController\.(?!list)/.test(operationId) ? saved : {});
  const csv = CSV.test(operationId) ? { 'text/csv': { schema: { type: 'string' } } } : {};
  const headers = WAITS.test(operationId)
    ? { headers: { 'KeyMeter-Complete-Until': { $ref: '#/components/headers/CompleteUntil' } } }
    : {};
  return { description: 'Done.', ...headers, content: { ...json(schema), ...csv } };
}

/** Where KEYMETER_POLICY_APPROVAL asks for a second person. */
function proposed(operationId) {
  return /^(PoliciesController\.(create|replace)|PolicyExceptionsController\.(add|remove))$/.test(operationId)
    ? { 202: { description: 'Proposed: it waits for a second person.', content: json(ref('PolicyProposal')) } }
    : {};
}

function unready(operationId) {
  return operationId === 'HealthController.ready'
    ? { 503: { description: 'Not ready, with the reasons.', content: json({}) } }
    : {};
}

function keyOperation({ name, schema }) {
  return [
    `/v2/${name}`,
    'post',
    {
      operationId: name,
      security: secured,
      requestBody: { required: true, content: json(jsonSchema(schema)) },
      responses: {
        200: { description: 'Done.', content: json(name === 'keys.verifyKey' ? ref('Verified') : ref('KeyAnswer')) },
        ...keyErrors,
      },
    },
  ];
}

function verifyOperation() {
  const [path, method, operation] = keyOperation({ name: 'keys.verifyKey', schema: verifyRequestSchema });
  const parameters = [
    {
      name: 'Idempotency-Key',
      in: 'header',
      description: 'Repeats within two minutes charge once and get the same answer.',
      schema: { type: 'string', maxLength: 255 },
    },
  ];
  return [path, method, { ...operation, description: 'Right: `api.<id or *>.verify_key`.', parameters }];
}

const limitFields = {
  RateLimit: {
    description: 'What is left of each limit, draft-ietf-httpapi-ratelimit-headers.',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': { description: 'Each limit and its window.', schema: { type: 'string' } },
};
const refusedBy = (description) => ({
  description,
  headers: limitFields,
  content: { 'application/problem+json': { schema: ref('Problem') } },
});
const authorize = [
  '/api/v1/authorize',
  'get',
  {
    operationId: 'authorize',
    summary: 'Verify the key of a request that a gateway holds back; the verdict is the status',
    description:
      'Right: `api.<id or *>.verify_key`, of the root key in `KeyMeter-Root-Key`. The key is that of the request: `Authorization: Bearer` or `X-API-Key`. Any method does, and anything may follow in the path.',
    security: [],
    parameters: [
      { name: 'KeyMeter-Root-Key', in: 'header', required: true, schema: { type: 'string' } },
      ...['X-API-Key', 'X-Forwarded-For', 'X-Forwarded-Method', 'X-Forwarded-Uri'].map((name) => ({
        name,
        in: 'header',
        schema: { type: 'string' },
      })),
      ...queryParameters(authorizeQuerySchema),
    ],
    responses: {
      200: {
        description: 'The key may do this.',
        headers: {
          ...limitFields,
          'KeyMeter-Key-Id': { schema: { type: 'string' } },
          'KeyMeter-External-Id': { description: 'Percent-encoded.', schema: { type: 'string' } },
        },
      },
      401: refusedBy('No key, an unknown one, or one that has run out.'),
      403: refusedBy('Disabled, revoked by a policy, or without the permission.'),
      429: refusedBy('A limit, the credits or a policy: `quota-exceeded` or `abnormal-usage-detected`.'),
      503: refusedBy('Cannot be decided now: `temporary-reduced-capacity`.'),
    },
  },
];

const liveness = [
  '/v2/liveness',
  'get',
  {
    operationId: 'liveness',
    security: [],
    responses: { 200: { description: 'The process answers.', content: json(ref('KeyAnswer')) } },
  },
];

const ingest = [
  '/api/v1/events',
  'post',
  {
    operationId: 'ingestEvents',
    summary: 'Take CloudEvents; durable when answered',
    description: 'Right: `event.*.publish_event`. One bad event refuses the batch.',
    security: secured,
    parameters: [
      {
        name: 'Prefer',
        in: 'header',
        description:
          '`return=representation` answers the fate of each event, `keymeter-counts` their numbers, both once they ' +
          'are decided; `respond-async` answers as soon as the events are durable and says where to ask for the numbers.',
        schema: { type: 'string' },
      },
    ],
    requestBody: {
      required: true,
      content: {
        'application/cloudevents+json': { schema: ref('Event') },
        'application/cloudevents-batch+json': { schema: { type: 'array', items: ref('Event') } },
        'application/json': { schema: { oneOf: [ref('Event'), { type: 'array', items: ref('Event') }] } },
      },
    },
    responses: {
      200: {
        description: 'Durable, with fates or counts as preferred.',
        headers: { 'KeyMeter-Position': { $ref: '#/components/headers/Position' } },
        content: json({}),
      },
      202: {
        description: 'Durable, as preferred by `respond-async`.',
        headers: {
          'KeyMeter-Position': { $ref: '#/components/headers/Position' },
          Location: { description: 'Path of the outcome.', schema: { type: 'string' } },
        },
      },
      204: { description: 'Durable.', headers: { 'KeyMeter-Position': { $ref: '#/components/headers/Position' } } },
      ...problems,
    },
  },
];

const count = { type: 'integer', minimum: 0 };
const outcome = [
  '/api/v1/events/outcomes/:partition/:offset',
  'get',
  {
    operationId: 'ingestOutcome',
    summary: 'What became of an ingest answered 202',
    description:
      'Right: `event.*.publish_event`. Waits up to ten seconds for the decision. The newest 100,000 or so requests ' +
      'are remembered, until the process ends.',
    security: secured,
    parameters: [
      ...['partition', 'offset'].map((name) => ({ name, in: 'path', required: true, schema: count })),
      {
        name: 'Prefer',
        in: 'header',
        description: '`wait=N` waits at most N seconds.',
        schema: { type: 'string' },
      },
    ],
    responses: {
      200: {
        description: 'How many events met each fate.',
        content: json({
          type: 'object',
          required: ['accepted', 'duplicate', 'conflict', 'undecodable'],
          properties: { accepted: count, duplicate: count, conflict: count, undecodable: count },
        }),
      },
      202: {
        description: 'Not decided yet.',
        headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'string' } } },
      },
      ...problems,
    },
  },
];

const rowOutcome = [
  '/api/v1/events/outcomes',
  'get',
  {
    ...outcome[2],
    operationId: 'ingestOutcomeOfRows',
    summary: 'What became of an ingest answered 202, in a cluster',
    description:
      'Right: `event.*.publish_event`. Any ingress and any query process answers, as long as the log holds the events. ' +
      'Waits up to ten seconds for the decision.',
    parameters: [
      {
        name: 'rows',
        in: 'query',
        required: true,
        description: 'Places of the events in the log, as the `Location` of the answer names them.',
        schema: { type: 'string', examples: ['0:17:0-12,5:8:3-3'] },
      },
      ...outcome[2].parameters.filter(({ name }) => name === 'Prefer'),
    ],
  },
];

const text = { type: 'string' };
const meta = { type: 'object', required: ['requestId'], properties: { requestId: text } };
const fieldError = { type: 'object', properties: { location: text, message: text, fix: text } };
const components = {
  securitySchemes: { rootKey: { type: 'http', scheme: 'bearer', description: 'A root key.' } },
  parameters: {
    waitFor: {
      name: 'waitFor',
      in: 'query',
      description: 'Answer when everything below this position is counted; 503 after ten seconds.',
      schema: { type: 'string', examples: ['0:1234'] },
    },
  },
  headers: {
    Position: { description: 'To be given as waitFor.', schema: text },
    CompleteUntil: {
      description: 'How far the answer is complete: next offsets, and the time of acceptance.',
      schema: text,
    },
  },
  schemas: {
    KeyAnswer: { type: 'object', required: ['meta'], properties: { meta, data: {}, pagination: { type: 'object' } } },
    Verified: {
      type: 'object',
      required: ['meta', 'data'],
      properties: {
        meta,
        data: {
          type: 'object',
          required: ['valid', 'code'],
          properties: {
            valid: { type: 'boolean' },
            code: { enum: VERIFY_CODES },
            keyId: text,
            credits: { type: 'integer' },
            unverified: {
              type: 'boolean',
              description:
                'True: Redis was away, and `KEYMETER_ON_STORE_OUTAGE=allow` let the last known state of the key decide, without limits and credits.',
            },
            enforcement: { type: 'object' },
          },
        },
      },
    },
    KeyError: {
      type: 'object',
      required: ['meta', 'error'],
      properties: {
        meta,
        error: {
          type: 'object',
          required: ['title', 'detail', 'status', 'type'],
          properties: {
            title: text,
            detail: text,
            status: { type: 'integer' },
            type: text,
            errors: { type: 'array', items: fieldError },
          },
        },
      },
    },
    Problem: {
      type: 'object',
      description: 'RFC 9457; docs/errors.md lists the codes.',
      required: ['type', 'title', 'status', 'detail', 'instance', 'extensions'],
      properties: {
        type: text,
        title: text,
        status: { type: 'integer' },
        detail: text,
        instance: text,
        extensions: {
          type: 'object',
          required: ['code'],
          properties: { code: text, validationErrors: { type: 'array' } },
        },
      },
    },
    Event: {
      type: 'object',
      description: 'CloudEvents 1.0 in JSON.',
      required: ['specversion', 'id', 'source', 'type', 'subject'],
      properties: {
        specversion: { const: '1.0' },
        id: { type: 'string', minLength: 1, maxLength: 1024 },
        source: { type: 'string', minLength: 1, maxLength: 1024 },
        type: { type: 'string', minLength: 1, maxLength: 1024 },
        subject: { type: 'string', minLength: 1, maxLength: 1024 },
        time: { type: ['string', 'null'], format: 'date-time', description: 'Acceptance where absent.' },
        data: { type: ['object', 'null'] },
      },
    },
    Policy: jsonSchema(policySchema),
    SavedPolicy: {
      description: 'The policy, and what it costs and meets; without a checkup where nothing was changed.',
      allOf: [ref('Policy'), { type: 'object', properties: { checkup: ref('PolicyCheckup') } }],
    },
    PolicyProposal: {
      type: 'object',
      description: 'A version that waits for a second person; stale where the policy has changed since.',
      required: ['status', 'policyId', 'name', 'mode', 'version', 'digest', 'proposedAt', 'expiresAt', 'changes'],
      properties: {
        status: { enum: ['waiting', 'stale'] },
        policyId: text,
        name: text,
        mode: text,
        version: { ...count, description: 'That it would have.' },
        digest: { ...text, description: 'SHA-256 over all that would come in force; who approves names it.' },
        author: { type: 'object', properties: { id: text, name: text } },
        reason: text,
        text: { ...text, description: 'As it was written, where that is YAML.' },
        proposedAt: { ...count, description: 'Epoch ms.' },
        expiresAt: { ...count, description: 'Epoch ms.' },
        changes: {
          type: 'array',
          description: 'Beside the version in force; of a new policy every field.',
          items: { type: 'object', required: ['path'], properties: { path: text, from: {}, to: {} } },
        },
        checkup: ref('PolicyCheckup'),
      },
    },
    PolicyCheckup: {
      type: 'object',
      required: ['bytesPerKey', 'sample', 'eventsPerSecond', 'conflicts'],
      properties: {
        bytesPerKey: { ...count, description: 'State for each key, or whatever the policy is per.' },
        sample: {
          type: ['object', 'null'],
          description:
            'The newest events of the last day that have a type which can match; null where the store is away.',
          properties: { events: count, matched: count, keys: count, decisions: count },
        },
        eventsPerSecond: {
          type: ['integer', 'null'],
          description: 'Of one core over the sample; null for too small a one.',
        },
        conflicts: {
          type: 'array',
          description: 'Policies that could hold one key at the same time as this one.',
          items: { type: 'object', properties: { first: text, second: text, per: text } },
        },
      },
    },
  },
};

const controllers = [
  MetersController,
  MeterQueryController,
  EventsController,
  DeadLettersController,
  ReconciliationController,
  PartitionsController,
  PoliciesController,
  PolicyVersionsController,
  PolicyExceptionsController,
  PolicyProposalsController,
  BacktestsController,
  EnforcementsController,
  HolderController,
  EnforcementPauseController,
  AuditController,
  WebhooksController,
  HealthController,
  MetricsController,
];
const routes = [
  ...OPERATIONS.map(keyOperation),
  verifyOperation(),
  authorize,
  liveness,
  ingest,
  outcome,
  rowOutcome,
  ...controllers.flatMap(controllerRoutes),
];
const paths = {};
for (const [path, method, operation] of routes.sort(([a], [b]) => (a < b ? -1 : 1))) {
  const template = path.replace(/:(\w+)/g, '{$1}');
  paths[template] = { ...paths[template], [method]: operation };
}
const { version, description } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const document = {
  openapi: '3.1.0',
  info: { title: 'keymeter', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  servers: [{ url: 'http://127.0.0.1:8080' }],
  paths,
  components,
};
const written = `${JSON.stringify(document, null, 2)}\n`;
const file = `${root}/docs/openapi.json`;
if (!process.argv.includes('--check')) writeFileSync(file, written);
else if (readFileSync(file, 'utf8') !== written) {
  process.stderr.write('docs/openapi.json is not up to date: run node scripts/openapi.mjs\n');
  process.exitCode = 1;
}
