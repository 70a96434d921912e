/**
 * The fast mode of rate limits: a node takes units from the exact counters by the share, and gives them out by itself.
 *
 * Never more than the limit passes, over all nodes: a unit is counted as used before a node may give it out. The price
 * is that units can lie on a node that nobody asks: up to (nodes - 1) shares of a window may be refused elsewhere. A
 * limit below 1 / fraction has shares of one unit, and so is exact. Credits and kept answers stay with the exact ones.
 */
import type { Charge, TakeOutcome, TakeRequest, WindowTake } from '#domain/keys/counter-charge.js';
import type { CreditAccount } from '#domain/keys/credits.js';
import type { WindowState } from '#domain/keys/rate-limit-window.js';
import { type Claim, type ClaimRequest, Counters } from '#ports/counters.js';
import { LocalShare } from './local-share.js';

export interface LocalShareOptions {
  /** Part of a limit that a node takes at once. */
  readonly fraction?: number;
  readonly maxShare?: number;
  /** Windows in memory; above it those that are over are dropped, then the oldest ones. */
  readonly maxWindows?: number;
}

export class LocalShareCounters extends Counters {
  readonly #shares = new Map<string, LocalShare>();
  readonly #fraction: number;
  readonly #maxShare: number;
  readonly #maxWindows: number;

  constructor(
    private readonly exact: Counters,
    { fraction = 0.01, maxShare = 1_000, maxWindows = 100_000 }: LocalShareOptions = {},
  ) {
    super();
    this.#fraction = fraction;
    this.#maxShare = maxShare;
    this.#maxWindows = maxWindows;
  }

  take(request: TakeRequest, now: number): TakeOutcome | Promise<TakeOutcome> {
    const shares = request.windows.map((window) => this.#share(window, now));
    if (!request.credits && hold(request, shares)) return this.#give(request, shares, now);
    return this.#takeSlowly(request, now);
  }

  balance(account: CreditAccount, now: number): number | Promise<number> {
    return this.exact.balance(account, now);
  }

  /** Units of a window that is over are worth nothing any more. */
  undo({ w = [], ...rest }: Charge): void | Promise<void> {
    for (const [id, start, , units] of w) {
      const share = this.#shares.get(id);
      if (share?.start === start) share.left += units;
    }
    if (rest.c || rest.v) return this.exact.undo(rest);
  }

  get keepsByLog(): boolean {
    return this.exact.keepsByLog;
  }

  claim(request: ClaimRequest, now: number): Claim | Promise<Claim> {
    return this.exact.claim(request, now);
  }

  abandon(claimed: ClaimRequest): void | Promise<void> {
    return this.exact.abandon(claimed);
  }

  keep(charge: Charge): void | Promise<void> {
    return this.exact.keep(charge);
  }

  /** Windows in memory. */
  get held(): number {
    return this.#shares.size;
  }

  async #takeSlowly(request: TakeRequest, now: number): Promise<TakeOutcome> {
    for (;;) {
      const shares = request.windows.map((window) => this.#share(window, now));
      const lacking = request.windows.findIndex(({ cost }, i) => shares[i]?.lacks(cost));
      if (lacking === -1) {
        return request.credits ? this.#withCredits(request, shares, now) : this.#give(request, shares, now);
      }
      const obtained = await this.#obtain(request.windows[lacking] as WindowTake, shares[lacking] as LocalShare, now);
      if (!obtained) return this.#refuse(request, shares, now);
    }
  }

  /** False when the store does not have what is needed; true when it is worth another look. */
  async #obtain(window: WindowTake, share: LocalShare, now: number): Promise<boolean> {
    if (share.exhausted) return false;
    if (share.filling === undefined) return this.#fill(window, share, now);
    await share.filling;
    return true;
  }

  #give({ windows }: TakeRequest, shares: readonly LocalShare[], now: number): TakeOutcome {
    windows.forEach((window, i) => {
      const share = shares[i] as LocalShare;
      share.left -= window.cost;
      const size = this.#sizeOf(window);
      if (size > 1 && share.left < size / 2 && !share.exhausted) this.#fill(window, share, now).catch(askedAgainLater);
    });
    const states = shares.map((share) => ({ ...share.state(0), exceeded: false }));
    return { passed: true, windows: states, charge: chargeOf(windows, shares) };
  }

  /** The units are held while the credits are asked for. */
  async #withCredits(request: TakeRequest, shares: readonly LocalShare[], now: number): Promise<TakeOutcome> {
    const given = this.#give(request, shares, now);
    try {
      const spent = await this.exact.take({ ...request, windows: [] }, now);
      if (spent.passed) return { ...spent, windows: given.windows, charge: joined(given.charge, spent.charge) };
      this.undo(given.charge ?? {});
      return { ...spent, windows: statesOf(request, shares) };
    } catch (error) {
      this.undo(given.charge ?? {});
      throw error;
    }
  }

  async #refuse(request: TakeRequest, shares: readonly LocalShare[], now: number): Promise<TakeOutcome> {
    const windows = statesOf(request, shares);
    const credits = request.credits && (await this.exact.balance(request.credits.account, now));
    return { passed: false, failed: 'window', windows, credits };
  }

  /** One request at a time: callers that come meanwhile wait for the same one. */
  #fill(window: WindowTake, share: LocalShare, now: number): Promise<boolean> {
    share.filling ??= this.#ask(window, share, now).finally(() => {
      share.filling = undefined;
    });
    return share.filling;
  }

  /** A whole share, or what is left of the window if that is enough. */
  async #ask(window: WindowTake, share: LocalShare, now: number): Promise<boolean> {
    const needed = Math.max(1, window.cost - share.left);
    let cost = Math.max(this.#sizeOf(window), needed);
    for (let n = 0; n < 2 && cost >= needed; n++) {
      const { passed, windows } = await this.exact.take({ windows: [{ ...window, cost }] }, now);
      share.answered(cost, passed, windows[0] as WindowState);
      if (passed) return true;
      cost = Math.min(cost, share.elsewhere ?? 0);
    }
    return share.lacks(window.cost) === false;
  }

  #share(window: WindowTake, now: number): LocalShare {
    const known = this.#shares.get(window.id);
    if (known?.holds(window, now)) return known;
    const share = new LocalShare(window, now);
    this.#shares.delete(window.id); // the order of the map is that of age
    this.#shares.set(window.id, share);
    if (this.#shares.size > this.#maxWindows) this.#drop(now);
    return share;
  }

  /** What a dropped share held is burned. */
  #drop(now: number): void {
    for (const [id, share] of this.#shares) if (share.end <= now) this.#shares.delete(id);
    for (const id of this.#shares.keys()) {
      if (this.#shares.size <= this.#maxWindows) break;
      this.#shares.delete(id);
    }
  }

  #sizeOf({ limit }: WindowTake): number {
    return Math.max(1, Math.min(this.#maxShare, Math.floor(limit * this.#fraction)));
  }
}

function hold({ windows }: TakeRequest, shares: readonly LocalShare[]): boolean {
  return windows.every(({ cost }, i) => !shares[i]?.lacks(cost));
}

function statesOf({ windows }: TakeRequest, shares: readonly LocalShare[]) {
  return windows.map(({ cost }, i) => (shares[i] as LocalShare).state(cost));
}

function chargeOf(windows: readonly WindowTake[], shares: readonly LocalShare[]): Charge | undefined {
  if (windows.length === 0) return undefined;
  return { w: windows.map(({ id, duration, cost }, i) => [id, shares[i]?.start ?? 0, duration, cost]) };
}

function joined(one: Charge | undefined, other: Charge | undefined): Charge | undefined {
  return one || other ? { ...one, ...other } : undefined;
}

/** The next take that needs units asks, and is told. */
function askedAgainLater(): void {}
