/**
 * Names of the counters in Redis, and what of one request goes into one call.
 *
 * One server (also behind sentinels): all windows and the credits of a request are one call, all or nothing. In a
 * cluster a call stays within a slot. Windows belong to keys or to identities that many keys share, an account stays
 * with its credits when the key changes its identity: no slot fits all of them, so a request is taken part by part, one
 * per window and account; when one does not fit, the parts before it are given back. In between others may be refused
 * what is given back a moment later; never is more let through.
 *
 * Slots are those of 1,024 tags, over which ids are spread: each tag has a mark with the epoch beside its counters, so a
 * shard that lost them cannot answer as if they had never been.
 */
import { crc32 } from 'node:zlib';
import type { Charge, TakeRequest } from '#domain/keys/counter-charge.js';

const BUCKETS = 1_024;

export interface Part {
  /** Tells the parts of a request apart, and decides the slot. */
  readonly tag: string;
  readonly request: TakeRequest;
}

export interface ChargePart {
  readonly tag: string;
  readonly charge: Charge;
}

export class CounterLayout {
  constructor(
    private readonly name: string,
    private readonly bySlot: boolean,
  ) {}

  /** Windows in their order, then the credits. */
  parts(request: TakeRequest): Part[] {
    if (!this.bySlot) return [{ tag: 'all', request }];
    const parts: Part[] = request.windows.map((window) => ({ tag: window.id, request: { windows: [window] } }));
    const { credits } = request;
    if (credits) parts.push({ tag: credits.account.id, request: { windows: [], credits } });
    return parts;
  }

  chargeParts(charge: Charge): ChargePart[] {
    if (!charge.w && !charge.c) return [];
    if (!this.bySlot) return [{ tag: 'all', charge }];
    const parts: ChargePart[] = (charge.w ?? []).map((taken) => ({ tag: taken[0], charge: { w: [taken] } }));
    if (charge.c) parts.push({ tag: charge.c[0], charge: { c: charge.c } });
    return parts;
  }

  /** Of one server: the same for all. What has the same can be asked for in one call. */
  slotOf(tag: string): string {
    return bucketOf(tag);
  }

  marker(tag: string, operation: string): string {
    return `${this.name}:o:{${bucketOf(tag)}}:${tag}:${operation}`;
  }

  window(id: string): string {
    return `${this.name}:w:{${bucketOf(id)}}:${id}`;
  }

  account(id: string): string {
    return `${this.name}:c:{${bucketOf(id)}}:${id}`;
  }

  answer(key: string): string {
    return `${this.name}:v:{${bucketOf(key)}}:${key}`;
  }

  /** In a cluster: holds the epoch, in the slot of the tag. */
  epochMark(tag: string): string {
    return this.#mark(bucketOf(tag));
  }

  get epochMarks(): string[] {
    return Array.from({ length: BUCKETS }, (_, n) => this.#mark(`b${n}`));
  }

  #mark(bucket: string): string {
    return `${this.name}:epoch:{${bucket}}`;
  }

  /** Matches all of them. */
  get pattern(): string {
    return `${this.name.replace(/[*?[\]\\]/g, '\\$&')}:*`;
  }

  /** Run of the server, end of its recovery and what it had kept. Not in a cluster, as is `changes`. */
  get run(): string {
    return `${this.name}:run`;
  }

  /** How many changes there were. */
  get changes(): string {
    return `${this.name}:changes`;
  }
}

/** Only the first braces of a key count for its slot: ids may hold some. */
function bucketOf(id: string): string {
  return `b${crc32(id) % BUCKETS}`;
}
