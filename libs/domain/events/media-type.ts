import type { IngestForm } from './ingest-body.js';

const FORMS: Readonly<Record<string, IngestForm>> = {
  'application/cloudevents+json': 'single',
  'application/cloudevents-batch+json': 'batch',
  'application/json': 'either',
};

export const INGEST_MEDIA_TYPES = Object.keys(FORMS);

/** What a Content-Type says of the body; parameters such as charset are ignored. Undefined: not taken. */
export function ingestForm(contentType: string | undefined): IngestForm | undefined {
  return FORMS[(contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''];
}
