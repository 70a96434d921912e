/** The thread that reads large ingest bodies. One body at a time; bytes are moved, not copied. */
import { parentPort, workerData } from 'node:worker_threads';
import { type IngestForm, readIngestBody } from '#domain/events/ingest-body.js';
import type { IngestSettings } from '../../ingress/src/events/ingest-settings.js';
import { timeBounds } from '../../ingress/src/events/ingest-settings.js';

const settings = workerData as IngestSettings;

interface Order {
  readonly call: number;
  readonly body: Uint8Array;
  readonly form: IngestForm;
  readonly named: boolean;
}

parentPort?.on('message', ({ call, body, form, named }: Order) => {
  const now = Date.now();
  const result = readIngestBody(
    Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    form,
    now,
    timeBounds(now, settings),
    settings,
    named,
  );
  if (result.kind !== 'frame') return parentPort?.postMessage({ call, result });
  const frame = new Uint8Array(result.frame); // a buffer of its own: Node's pooled ones cannot be moved
  parentPort?.postMessage({ call, result: { ...result, frame } }, [frame.buffer]);
});
