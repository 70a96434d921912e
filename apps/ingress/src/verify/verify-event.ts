import { encodeRow } from '#domain/events/usage-row.js';
import type { JsonObject } from '#domain/json.js';
import type { Charge } from '#domain/keys/counter-charge.js';
import type { Verdict } from '#domain/keys/verdict.js';
import type { VerifyRequest } from '#domain/keys/verify-request.js';
import { profileOf } from './key-profile.js';

const SHOWN_CHARS = 4;
const HASH_CHARS = 12;
/** Tags of the form `name=value` that become fields of the event. */
const TAG_FIELDS = new Set(['ip', 'method', 'route', 'path', 'status']);

export interface VerifyEvent {
  readonly id: string;
  readonly source: string;
  readonly time: number;
  readonly request: VerifyRequest;
  readonly hash: string;
  readonly verdict: Verdict;
  readonly charge: Charge | undefined;
}

/** The row of a verification, whatever its outcome, with its newline. The presented key is never in it. */
export function verifyRow({ id, source, time, request, hash, verdict, charge }: VerifyEvent): string {
  const { view, code, spent, unverified } = verdict;
  const data: JsonObject = { outcome: code };
  if (view) {
    data.keyId = view.key.id;
    if (view.identity) data.identityId = view.identity.id;
    data.apiId = view.key.apiId;
  } else {
    data.keyStart = request.key.slice(0, SHOWN_CHARS);
    data.keyHash = hash.slice(0, HASH_CHARS);
  }
  if (unverified) data.unverified = true;
  if (spent > 0) data.cost = spent;
  if (request.tags && request.tags.length > 0) addTags(data, request.tags);
  const subject = view ? profileOf(view).subject : typeof data.ip === 'string' ? data.ip : 'anonymous';
  return `${encodeRow({ id, source, type: 'request', subject, time, data, idHash: 0, fingerprint: 0 }, { charge })}\n`;
}

/** The ip a caller gives as a tag; '' when there is none. */
export function ipOf(tags: readonly string[] | undefined): string {
  return tags?.find((tag) => tag.startsWith('ip='))?.slice(3) ?? '';
}

function addTags(data: JsonObject, tags: readonly string[]): void {
  data.tags = [...tags];
  for (const tag of tags) {
    const at = tag.indexOf('=');
    const name = tag.slice(0, Math.max(at, 0));
    if (at < tag.length - 1 && TAG_FIELDS.has(name)) data[name] ??= tag.slice(at + 1);
  }
}
