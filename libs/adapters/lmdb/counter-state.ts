import type { RootDatabase } from 'lmdb';
import type { Charge, CreditTake, TakeOutcome, TakeRequest, WindowTake } from '#domain/keys/counter-charge.js';
import { applyRefill, balanceOf, type CreditBalance, giveBack, openBalance, refillDue } from '#domain/keys/credits.js';
import {
  enterWindow,
  fits,
  type RunningWindow,
  type WindowState,
  type WindowUse,
  windowStart,
} from '#domain/keys/rate-limit-window.js';
import { type Changes, CheckpointedMap } from './checkpointed-map.js';

const WRITES_PER_TRANSACTION = 1_000;
const SWEEP_STEP = 10_000;
const MIN_SWEEP = 50_000;

interface LiveWindow extends WindowUse {
  /** Monotonic ms: a wall clock that jumps ahead and back must not make a window forgotten. */
  touched: number;
}

interface Answer {
  readonly requestHash: string;
  readonly until: number;
  readonly answer: string;
}

type StoredWindow = [start: number, used: number, duration: number];
type StoredBalance = [remaining: number, refilledAt: number, refilledTo: number];
type StoredAnswer = [requestHash: string, until: number, answer: string];

export interface StateChanges {
  readonly windows: Changes<StoredWindow>;
  readonly credits: Changes<StoredBalance>;
  readonly answers: Changes<StoredAnswer>;
}

/** The values behind EmbeddedCounters and the arithmetic on them. */
export class CounterState {
  readonly windows: CheckpointedMap<LiveWindow, StoredWindow>;
  readonly credits: CheckpointedMap<CreditBalance, StoredBalance>;
  readonly answers: CheckpointedMap<Answer, StoredAnswer>;

  constructor(environment: RootDatabase, maxEntries: number) {
    const open = <S>(name: string) => environment.openDB<[number, S], string>({ name, encoding: 'json' });
    this.windows = new CheckpointedMap(open('windows'), windowCodec, maxEntries);
    this.credits = new CheckpointedMap(open('credits'), balanceCodec, maxEntries);
    this.answers = new CheckpointedMap(open('kept_answers'), answerCodec, Math.ceil(maxEntries / 10));
  }

  take({ windows, credits }: TakeRequest, now: number, monotonic: number): TakeOutcome {
    const uses: LiveWindow[] = [];
    let fitting = true;
    for (const take of windows) {
      const use = this.#window(take, now, monotonic);
      if (!fits(use, take.limit, take.cost)) fitting = false;
      uses.push(use);
    }
    const balance = credits && this.#balance(credits, now);
    const spent = credits && balance ? spendable(credits, balance) : 0;
    if (!fitting || spent === undefined) {
      const states = windows.map((take, i) => stateOf(take, uses[i] as LiveWindow));
      return { passed: false, failed: fitting ? 'credits' : 'window', windows: states, credits: balance?.remaining };
    }
    const charge: Charge = {};
    if (windows.length > 0) charge.w = windows.map((take, i) => this.#takeWindow(take, uses[i] as LiveWindow));
    if (credits && balance && spent !== 0) charge.c = this.#spend(credits, balance, spent);
    return {
      passed: true,
      windows: windows.map((take, i) => passedState(take, uses[i] as LiveWindow)),
      credits: balance?.remaining,
      charge: charge.w || charge.c ? charge : undefined,
    };
  }

  storedWindows(): RunningWindow[] {
    return [...this.windows.kept()].map(([id, [start, used, duration]]) => ({ id, start, used, duration }));
  }

  /** Replays a charge from the log, unless the checkpoint holds it. */
  fold(charge: Charge, offset: number, monotonic: number): void {
    for (const [id, start, duration, units] of charge.w ?? []) {
      if (this.windows.holds(id, offset)) continue;
      const use = this.windows.find(id) ?? { start, used: 0, duration, touched: monotonic };
      if (start > use.start) {
        use.start = start;
        use.used = 0;
      }
      if (start === use.start) use.used += units;
      this.windows.put(id, use);
    }
    if (charge.c && !this.credits.holds(charge.c[0], offset)) {
      const [account, spent, initial, refilledAt, refilledTo, since] = charge.c;
      const balance = this.credits.find(account) ?? balanceOf(initial, since);
      if (refilledAt > balance.refilledAt) applyRefill(balance, refilledAt, refilledTo);
      balance.remaining -= spent;
      this.credits.put(account, balance);
    }
    this.keep(charge);
  }

  undo(charge: Charge): void {
    for (const [id, start, , units] of charge.w ?? []) {
      const use = this.windows.find(id);
      if (use?.start !== start) continue;
      use.used -= units;
      this.windows.touch(id);
    }
    if (charge.c) {
      const [account, spent, , refilledAt] = charge.c;
      const balance = this.credits.find(account);
      if (balance) giveBack(balance, spent, refilledAt);
      this.credits.touch(account);
    }
    if (charge.v) this.answers.remove(charge.v[0]);
  }

  keep(charge: Charge): void {
    if (!charge.v) return;
    const [key, requestHash, until, answer] = charge.v;
    this.answers.put(key, { requestHash, until, answer });
  }

  load(base: number): void {
    for (const map of this.#maps) map.load(base);
  }

  replayed(): void {
    for (const map of this.#maps) map.replayed();
  }

  /** In small steps, as all of it must not hold up a verification. */
  async sweep(now: number, monotonic: number): Promise<void> {
    for (const map of this.#maps) {
      for (let left = Math.max(MIN_SWEEP, map.size / 4); left > 0; left -= SWEEP_STEP) {
        map.sweep(now, monotonic, SWEEP_STEP);
        await new Promise(setImmediate);
      }
    }
  }

  takeChanges(): StateChanges {
    return {
      windows: this.windows.takeChanges(),
      credits: this.credits.takeChanges(),
      answers: this.answers.takeChanges(),
    };
  }

  giveBack(changes: StateChanges): void {
    this.windows.giveBack(changes.windows);
    this.credits.giveBack(changes.credits);
    this.answers.giveBack(changes.answers);
  }

  /** In several transactions of bounded size. */
  async write(changes: StateChanges, offset: number, transact: (write: () => void) => Promise<void>): Promise<void> {
    await writeAll(this.windows, changes.windows, offset, transact);
    await writeAll(this.credits, changes.credits, offset, transact);
    await writeAll(this.answers, changes.answers, offset, transact);
  }

  get #maps() {
    return [this.windows, this.credits, this.answers] as const;
  }

  #window({ id, duration }: WindowTake, now: number, monotonic: number): LiveWindow {
    let use = this.windows.find(id);
    if (use === undefined) {
      use = { start: windowStart(now, duration), used: 0, duration, touched: monotonic };
      this.windows.put(id, use);
      return use;
    }
    enterWindow(use, now);
    use.touched = monotonic;
    return use;
  }

  #balance({ account }: CreditTake, now: number): CreditBalance {
    let balance = this.credits.find(account.id);
    if (balance === undefined) {
      balance = openBalance(account);
      this.credits.put(account.id, balance);
    }
    refillDue(balance, account, now);
    return balance;
  }

  #takeWindow({ id, cost }: WindowTake, use: LiveWindow): [string, number, number, number] {
    use.used += cost;
    this.windows.touch(id);
    return [id, use.start, use.duration, cost];
  }

  #spend({ account }: CreditTake, balance: CreditBalance, spent: number): NonNullable<Charge['c']> {
    balance.remaining -= spent;
    this.credits.touch(account.id);
    return [account.id, spent, account.initial, balance.refilledAt, balance.refilledTo, account.since];
  }
}

async function writeAll<V, S>(
  map: CheckpointedMap<V, S>,
  changes: Changes<S>,
  offset: number,
  transact: (write: () => void) => Promise<void>,
): Promise<void> {
  const all = [...changes];
  for (let at = 0; at < all.length; at += WRITES_PER_TRANSACTION) {
    await transact(() => map.write(all.slice(at, at + WRITES_PER_TRANSACTION), offset));
  }
}

/** Undefined when there is not enough. */
function spendable({ cost, upToAll }: CreditTake, balance: CreditBalance): number | undefined {
  if (cost <= balance.remaining) return cost;
  return upToAll ? balance.remaining : undefined;
}

function stateOf({ limit, cost }: WindowTake, use: LiveWindow): WindowState {
  return {
    exceeded: !fits(use, limit, cost),
    remaining: Math.max(0, limit - use.used),
    reset: use.start + use.duration,
  };
}

function passedState({ limit }: WindowTake, use: LiveWindow): WindowState {
  return { exceeded: false, remaining: Math.max(0, limit - use.used), reset: use.start + use.duration };
}

const windowCodec = {
  store: (use: LiveWindow): StoredWindow => [use.start, use.used, use.duration],
  revive: ([start, used, duration]: StoredWindow): LiveWindow => ({ start, used, duration, touched: 0 }),
  expired: (use: LiveWindow, now: number, monotonic: number) =>
    now >= use.start + use.duration && monotonic >= use.touched + use.duration,
};

/** A balance never expires: it is what its owner paid for. */
const balanceCodec = {
  store: (balance: CreditBalance): StoredBalance => [balance.remaining, balance.refilledAt, balance.refilledTo],
  revive: ([remaining, refilledAt, refilledTo]: StoredBalance): CreditBalance => ({
    remaining,
    refilledAt,
    refilledTo,
    beforeRefill: remaining,
  }),
  expired: () => false,
};

const answerCodec = {
  store: ({ requestHash, until, answer }: Answer): StoredAnswer => [requestHash, until, answer],
  revive: ([requestHash, until, answer]: StoredAnswer): Answer => ({ requestHash, until, answer }),
  expired: ({ until }: Answer, now: number) => now >= until,
};
