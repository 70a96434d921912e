/**
 * Names of the counters in Redis, and what of one request goes into one call.
 *
 * One server (also behind sentinels): all windows and the credits of a request are one call, all or nothing. In a
 * cluster a call stays within a slot. Windows belong to keys or to identities that many keys share, an account stays
 * with its credits when the key changes its identity: no tag fits all of them, so each window and each account has its
 * own, and a request is taken part by part; when one does not fit, the parts before it are given back. In between
 * others may be refused what is given back a moment later; never is more let through.
 */
import type { Charge, TakeRequest } from '#domain/keys/counter-charge.js';

export interface Part {
  /** Hash tag of the part's keys; of no meaning on one server. */
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
    const parts: Part[] = request.windows.map((window) => ({ tag: tagOf(window.id), request: { windows: [window] } }));
    const { credits } = request;
    if (credits) parts.push({ tag: tagOf(credits.account.id), request: { windows: [], credits } });
    return parts;
  }

  chargeParts(charge: Charge): ChargePart[] {
    if (!charge.w && !charge.c) return [];
    if (!this.bySlot) return [{ tag: 'all', charge }];
    const parts: ChargePart[] = (charge.w ?? []).map((taken) => ({ tag: tagOf(taken[0]), charge: { w: [taken] } }));
    if (charge.c) parts.push({ tag: tagOf(charge.c[0]), charge: { c: charge.c } });
    return parts;
  }

  marker(tag: string, operation: string): string {
    return `${this.name}:o:{${tag}}:${operation}`;
  }

  window(id: string): string {
    return `${this.name}:w:{${tagOf(id)}}`;
  }

  account(id: string): string {
    return `${this.name}:c:{${tagOf(id)}}`;
  }

  answer(key: string): string {
    return `${this.name}:v:{${tagOf(key)}}`;
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

/** Ids hold names that users chose; braces would end the tag. */
function tagOf(id: string): string {
  return /[{}%]/.test(id) ? id.replace(/[{}%]/g, (char) => `%${char.charCodeAt(0).toString(16)}`) : id;
}
