import { type LoadPlan, requestText, SLOT } from '../load/load-plan.js';
import type { KeymeterServer } from '../servers/keymeter-server.js';

/** Requests that ingest `batch` new events each, of about 230 bytes. */
export function eventLoads(server: KeymeterServer, batch: number): Pick<LoadPlan, 'url' | 'requests' | 'expected'> {
  const time = new Date().toISOString();
  const events = Array.from({ length: batch }, (_, i) => ({
    specversion: '1.0',
    id: `${SLOT}-${i}`,
    source: 'bench',
    type: 'request',
    subject: `customer-${i % 50}`,
    time,
    data: { method: 'GET', route: `/v1/items/${i % 20}`, status: 200, bytes: 1_000 + i, outcome: 'LOGGED' },
  }));
  const single = batch === 1;
  const request = requestText({
    path: '/api/v1/events',
    rootKey: server.rootKey,
    contentType: single ? 'application/cloudevents+json' : 'application/cloudevents-batch+json',
    body: JSON.stringify(single ? events[0] : events),
  });
  return { url: server.url, requests: [request], expected: 'HTTP/1.1 204' };
}
