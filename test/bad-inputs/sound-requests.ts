/**
 * For each kind of request in the table, the same request without a defect, and requests that stand exactly on the
 * limits. If one of these were refused, the cases beside it would prove nothing.
 */
import type { BadInput, BadRequest } from './bad-input.js';

const EVENT = {
  specversion: '1.0',
  id: '{{uuid}}',
  source: 'bad-inputs/sound',
  type: 'sound',
  subject: 's1',
  time: '{{now}}',
  data: { tokens: 1 },
};
const SINGLE = { 'Content-Type': 'application/cloudevents+json' };
const BATCH = { 'Content-Type': 'application/cloudevents-batch+json' };
const LINE = '203.0.113.9 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8"\n';
const POLICY = {
  name: 'p_sound',
  match: { type: 'request' },
  groupBy: 'keyId',
  window: '1m',
  aggregate: 'count',
  threshold: 100,
  action: { type: 'throttle', for: '10m' },
};

const verify = { method: 'POST', path: '/v2/keys.verifyKey' } as const;
const createKey = { method: 'POST', path: '/v2/keys.createKey' } as const;
const meter = {
  method: 'GET',
  path: '/api/v1/meters/{{meter}}/query?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
} as const;
const ingest = { method: 'POST', path: '/api/v1/events' } as const;

export interface Sound {
  readonly request: BadRequest;
  readonly status: readonly number[];
}

const sound = (request: BadRequest, ...status: number[]): Sound => ({ request, status });

/** By method and path without its query; the first of each is the plain one. */
export const SOUND_REQUESTS: Readonly<Record<string, readonly Sound[]>> = {
  'POST /v2/keys.verifyKey': [
    sound({ ...verify, body: { key: '{{key}}' } }, 200),
    sound(
      { ...verify, body: { key: '{{key}}', credits: { cost: 0 }, permissions: 'docs.read AND (docs.write)' } },
      200,
    ),
    sound({ ...verify, body: {}, generate: { ...repeat('a', 512), into: 'body.key' } }, 200),
    sound(
      { ...verify, body: { key: '{{key}}' }, generate: { ...repeat('', 0), into: 'body.tags', item: 't', count: 20 } },
      200,
    ),
    sound(
      { ...verify, body: { key: '{{key}}', ratelimits: [{ name: 'adhoc', cost: 1, limit: 5, duration: 1000 }] } },
      200,
    ),
    sound(
      { ...verify, body: { key: '{{key}}' }, headers: { 'Idempotency-Key': '22222222-2222-4222-8222-222222222222' } },
      200,
    ),
  ],
  'POST /v2/keys.createKey': [
    sound({ ...createKey, body: { apiId: '{{apiId}}', name: 'n', prefix: 'abcdefghijklmnop', byteLength: 16 } }, 200),
    sound({ ...createKey, body: { apiId: '{{apiId}}', byteLength: 255, externalId: 'user_1.a-b' } }, 200),
  ],
  'POST /v2/keys.getKey': [sound({ method: 'POST', path: '/v2/keys.getKey', body: { keyId: '{{keyId}}' } }, 200)],
  'POST /v2/keys.updateCredits': [
    sound(
      {
        method: 'POST',
        path: '/v2/keys.updateCredits',
        body: { keyId: '{{keyId}}', operation: 'increment', value: 5 },
      },
      200,
    ),
  ],
  'POST /v2/apis.listKeys': [
    sound({ method: 'POST', path: '/v2/apis.listKeys', body: { apiId: '{{apiId}}', limit: 10 } }, 200),
  ],
  'POST /v2/identities.createIdentity': [
    sound({ method: 'POST', path: '/v2/identities.createIdentity', body: { externalId: 'sound_1' } }, 200),
  ],
  'POST /api/v1/events': [
    sound({ ...ingest, headers: SINGLE, body: EVENT }, 204),
    sound({ ...ingest, headers: BATCH, body: [EVENT, EVENT] }, 204),
    sound(
      {
        ...ingest,
        headers: SINGLE,
        body: { ...EVENT, data: { blob: '' } },
        generate: { ...repeat('z', 1_000_000), into: 'body.data.blob' },
      },
      204,
    ),
    sound({ ...ingest, headers: SINGLE, body: { ...EVENT, time: '2016-12-31T23:59:59+01:00' } }, 204),
    sound({ ...ingest, headers: SINGLE, body: { ...EVENT, time: '1970-01-01T00:00:00Z' } }, 204),
  ],
  'GET /api/v1/events': [sound({ method: 'GET', path: '/api/v1/events' }, 200)],
  'POST /api/v1/meters': [
    sound(
      {
        method: 'POST',
        path: '/api/v1/meters',
        body: {
          slug: 'm_sound',
          eventType: 'request',
          aggregation: 'SUM',
          valueProperty: '$.tokens',
          groupBy: { x: '$.x' },
        },
      },
      200,
      201,
    ),
  ],
  'GET /api/v1/meters/{{meter}}/query': [
    sound(meter, 200),
    sound(
      { ...meter, path: `${meter.path}&windowSize=DAY&windowTimeZone=Europe/Berlin&groupBy=method&groupBy=subject` },
      200,
    ),
    sound({ ...meter, headers: { Accept: 'text/csv' } }, 200),
  ],
  'POST /api/v1/policies': [sound({ method: 'POST', path: '/api/v1/policies', body: POLICY }, 200, 201)],
  'CLI keymeter import access.log': [sound({ method: 'CLI', path: 'keymeter import access.log', raw: LINE }, 0)],
  'START standalone': [sound({ method: 'START', path: 'standalone', env: { KEYMETER_INGEST_MAX_EVENTS: '100' } }, 0)],
  'RAW ingress': [
    sound({ method: 'RAW', path: 'ingress', raw: 'GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n' }, 200),
    sound(
      {
        method: 'RAW',
        path: 'ingress',
        raw: 'POST /v2/keys.verifyKey HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {{rootKey}}\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"key":"a"}',
      },
      200,
    ),
  ],
};

/** Requests whose method or path is the defect: what they would be without it. */
const DEFECT_IN_TARGET: Readonly<Record<string, string>> = {
  'GET /v2/keys.verifyKey': 'POST /v2/keys.verifyKey',
  'GET /api/v1/meters/no_such_meter/query': 'GET /api/v1/meters/{{meter}}/query',
  'GET /api/v1/meters/..%2f..%2fhealth/query': 'GET /api/v1/meters/{{meter}}/query',
  'DELETE /api/v1/meters/{{meter}}/query': 'GET /api/v1/meters/{{meter}}/query',
  'GET /wp-admin.php': 'GET /api/v1/events',
  'CLI keymeter import access.log.gz': 'CLI keymeter import access.log',
  'CLI keymeter import nowhere.log': 'CLI keymeter import access.log',
};

/** The key in SOUND_REQUESTS for a case of the table. */
export function soundKindOf({ request }: Pick<BadInput, 'request'>): string {
  const target = `${request.method} ${request.path.split('?')[0]}`;
  return DEFECT_IN_TARGET[target] ?? target;
}

function repeat(text: string, times: number) {
  return { prefix: '', repeat: text, times, suffix: '' };
}
