import { identityHash } from '#domain/events/hash53.js';
import { encodeRow } from '#domain/events/usage-row.js';
import type { JsonObject } from '#domain/json.js';
import { encodeFrame } from '#domain/log/frame.js';

export interface TestEvent {
  id: string;
  source?: string;
  type?: string;
  subject?: string;
  time: number;
  data?: JsonObject | null;
  fingerprint?: number;
}

/** A log record that holds these events, as ingress would write it. */
export function frameOf(events: readonly TestEvent[], acceptedAt: number): Buffer {
  const rows = events.map((event) => {
    const { id, source = 'test', type = 'request', subject = 's', time, data = null, fingerprint = 1 } = event;
    return `${encodeRow({ id, source, type, subject, time, data, fingerprint, idHash: identityHash(source, id) })}\n`;
  });
  return encodeFrame(rows.join(''), events.length, acceptedAt);
}
