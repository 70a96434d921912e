/**
 * Four weeks of traffic with a known truth, from a seed: customers who do what customers do, some of whom look odd, and
 * a few who do what policies are there to find. Who does what is written down as it is made.
 */
import { type PlacedEvent, placedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import { randomFrom } from '../support/seed.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const START = Date.UTC(2026, 5, 1);
const DAYS = 28;
const CUSTOMERS = 120;
const ROUTES = 40;

export type Behaviour =
  | 'burst'
  | 'scraping'
  | 'shared-key'
  | 'credential-stuffing'
  | 'error-storm'
  | 'leaked-key'
  | 'dormant-key'
  | 'sudden-change'
  | 'cost-ceiling';

interface Call {
  readonly time: number;
  readonly data: JsonObject;
}

export interface Traffic {
  readonly events: readonly PlacedEvent[];
  /** Who did it, by behaviour: keys, identities or addresses, as the policy of that name counts. */
  readonly truth: Readonly<Record<Behaviour, ReadonlySet<string>>>;
}

export function traffic(seed: number): Traffic {
  const made = new Maker(seed);
  for (let n = 0; n < CUSTOMERS; n++) made.customer(n);
  made.roamers();
  made.wrongKeyInCron();
  made.bursts();
  made.scrapers();
  made.sharedKeys();
  made.stuffers();
  made.errorStorms();
  made.leakedKeys();
  made.dormantKeys();
  made.suddenChanges();
  made.spenders();
  return { events: made.events(), truth: made.truth };
}

class Maker {
  readonly truth: Record<Behaviour, Set<string>> = {
    burst: new Set(),
    scraping: new Set(),
    'shared-key': new Set(),
    'credential-stuffing': new Set(),
    'error-storm': new Set(),
    'leaked-key': new Set(),
    'dormant-key': new Set(),
    'sudden-change': new Set(),
    'cost-ceiling': new Set(),
  };
  readonly #calls: Call[] = [];
  readonly #random: () => number;
  #people = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  events(): PlacedEvent[] {
    return this.#calls
      .sort((a, b) => a.time - b.time)
      .map(({ time, data }, offset) => {
        const subject = String(data.keyId ?? data.ip);
        const event = { id: `${offset}`, source: 'traffic', type: 'request', subject, time, data };
        return placedEvent({ ...event, idHash: 0, fingerprint: 0 }, { partition: 0, offset, index: 0 }, time);
      });
  }

  /** Busy in the working hours of its own days, with pauses, a few failures and one or two addresses. */
  customer(n: number, activity = 1): { keyId: string; identityId: string; ip: string } {
    const own = this.#person();
    const perDay = this.#between(4, 60) * activity;
    const worksOnWeekends = n % 4 === 0;
    for (let day = 0; day < DAYS; day++) {
      if (day % 7 >= 5 && !worksOnWeekends) continue;
      const calls = Math.round(perDay * (0.6 + 0.8 * this.#random()));
      for (let call = 0; call < calls; call++) this.#call(own, START + day * DAY + this.#workingTime());
    }
    return own;
  }

  /** Telephones: a new address every half an hour of use. Odd, and harmless. */
  roamers(): void {
    for (let n = 0; n < 6; n++) {
      const own = this.#person();
      for (let day = 0; day < DAYS; day++) {
        for (let half = 0; half < 12; half++) {
          const ip = `100.${64 + n}.${day}.${half + 1}`;
          for (let call = 0; call < 3; call++)
            this.#call({ ...own, ip }, START + day * DAY + (16 + half) * 30 * MINUTE);
        }
      }
    }
  }

  /** A program that somebody forgot, with a key that was deleted: one call every two minutes, for ever. */
  wrongKeyInCron(): void {
    for (let n = 0; n < 3; n++) {
      const ip = `192.0.2.${n + 1}`;
      for (let at = START; at < START + DAYS * DAY; at += 2 * MINUTE) this.#unknown(ip, at);
    }
  }

  bursts(): void {
    for (let n = 0; n < 5; n++) {
      const own = this.customer(n);
      const at = this.#moment();
      for (let call = 0; call < 260; call++) this.#call(own, at + call * 25);
      this.truth.burst.add(own.keyId);
      this.#changesSuddenly(own);
    }
    // A nightly export: 150 calls in ten seconds, which is much and not too much.
    const own = this.customer(0);
    for (let day = 0; day < DAYS; day++) {
      for (let call = 0; call < 150; call++) this.#call(own, START + day * DAY + 2 * HOUR + call * 60);
    }
  }

  /** Half of them in one go, half of them slowly, a hundred routes an hour for a day. */
  scrapers(): void {
    for (let n = 0; n < 6; n++) {
      const own = this.customer(n);
      const at = this.#moment();
      const [routes, every] = n % 2 === 0 ? [700, 4 * SECOND] : [2_400, 36 * SECOND];
      for (let route = 0; route < routes; route++) this.#call(own, at + route * every, { route: `/items/${route}` });
      this.truth.scraping.add(own.keyId);
      this.#changesSuddenly(own);
    }
  }

  sharedKeys(): void {
    for (let n = 0; n < 5; n++) {
      const own = this.customer(n);
      const at = this.#moment();
      for (let call = 0; call < 200; call++) {
        const ip = `198.18.${n}.${(call % 40) + 1}`;
        this.#call({ ...own, ip }, at + call * 20 * SECOND);
      }
      this.truth['shared-key'].add(own.keyId);
      this.#changesSuddenly(own);
    }
  }

  /** Most of them fast; two so slowly that no count of theirs tells them from the forgotten program. */
  stuffers(): void {
    for (let n = 0; n < 8; n++) {
      const ip = `203.0.113.${n + 1}`;
      const at = this.#moment();
      const [tries, every] = n < 6 ? [80, 2 * SECOND] : [240, 6 * MINUTE];
      for (let call = 0; call < tries; call++) this.#unknown(ip, at + call * every);
      this.truth['credential-stuffing'].add(ip);
    }
  }

  errorStorms(): void {
    for (let n = 0; n < 5; n++) {
      const own = this.customer(n);
      const at = this.#moment();
      for (let call = 0; call < 180; call++)
        this.#call(own, at + call * SECOND, { status: this.#random() < 0.8 ? 500 : 200 });
      this.truth['error-storm'].add(own.keyId);
      this.#changesSuddenly(own);
    }
  }

  /** Used in the first week, then silent, then from somewhere else. */
  leakedKeys(): void {
    for (let n = 0; n < 10; n++) {
      const own = this.#person();
      for (let call = 0; call < 40; call++) this.#call(own, START + call * 4 * HOUR);
      const isLeaked = n < 5;
      const ip = isLeaked ? `198.51.100.${n + 1}` : own.ip;
      for (let call = 0; call < 10; call++) this.#call({ ...own, ip }, START + 24 * DAY + call * MINUTE);
      if (isLeaked) this.truth['leaked-key'].add(own.keyId);
    }
  }

  dormantKeys(): void {
    for (let n = 0; n < 5; n++) {
      const own = this.#person();
      this.#call(own, START - (100 + n) * DAY);
      for (let call = 0; call < 5; call++) this.#call(own, START + 10 * DAY + call * HOUR);
      this.truth['dormant-key'].add(own.keyId);
    }
  }

  /** Twenty calls an hour for three weeks, then four hundred. */
  suddenChanges(): void {
    for (let n = 0; n < 6; n++) {
      const own = this.#person();
      const changes = n < 4;
      for (let hour = 0; hour < DAYS * 24; hour++) {
        const isChanged = changes && hour >= 21 * 24 && hour < 21 * 24 + 6;
        const calls = isChanged ? 400 : this.#between(14, 26);
        for (let call = 0; call < calls; call++) this.#call(own, START + hour * HOUR + this.#random() * HOUR);
      }
      if (changes) this.#changesSuddenly(own);
    }
  }

  spenders(): void {
    for (let n = 0; n < 5; n++) {
      const own = this.#person();
      for (let call = 0; call < 300; call++) this.#call(own, START + call * 2 * HOUR, { cost: 2 });
      this.truth['cost-ceiling'].add(own.identityId);
    }
  }

  /** Whatever else they did: more than a hundred calls in an hour, of somebody who makes a few. */
  #changesSuddenly({ identityId }: { identityId: string }): void {
    this.truth['sudden-change'].add(identityId);
  }

  #person(): { keyId: string; identityId: string; ip: string } {
    const n = this.#people++;
    return { keyId: `key-${n}`, identityId: `customer-${n}`, ip: `10.${n >> 8}.${n & 255}.${this.#between(1, 254)}` };
  }

  #call(who: { keyId: string; identityId: string; ip: string }, time: number, change: JsonObject = {}): void {
    const status = this.#random() < 0.03 ? 404 : 200;
    const route = `/api/${Math.floor(this.#random() ** 2 * ROUTES)}`;
    const data = { ...who, outcome: 'VALID', method: 'GET', route, status, cost: 0.02, ...change };
    this.#calls.push({ time: Math.floor(time), data });
  }

  #unknown(ip: string, time: number): void {
    this.#calls.push({ time, data: { ip, outcome: 'NOT_FOUND' } });
  }

  /** In the last week, in the daytime. */
  #moment(): number {
    return START + this.#between(21, 25) * DAY + this.#between(8, 18) * HOUR;
  }

  /** Between eight and eighteen, most around noon. */
  #workingTime(): number {
    return 8 * HOUR + ((this.#random() + this.#random()) / 2) * 10 * HOUR;
  }

  #between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1));
  }
}
