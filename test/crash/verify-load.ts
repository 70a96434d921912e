/** Verifies keys of every kind; each logical call carries a tag, so that its event can be found again. */
import type { Draw } from './draw.js';
import type { CallResult, HttpCaller } from './http-caller.js';
import type { Ledger, Outcome } from './ledger.js';
import { failureOf, isSuccess, type Target } from './target.js';
import type { LoadKey, World } from './world.js';

interface VerifyCall {
  readonly call: string;
  readonly key: LoadKey;
  readonly cost: number;
  /** Under an Idempotency-Key a call whose answer was lost is sent again, word for word. */
  readonly idempotent: boolean;
  readonly ratelimits?: readonly object[];
}

const UNKNOWN: LoadKey = { keyId: '', key: 'crash_no_such_key' };
const ADHOC = [{ name: 'adhoc', limit: 5, duration: 10_000 }];

export class VerifyLoad {
  readonly #again: VerifyCall[] = [];
  #calls = 0;

  constructor(
    private readonly ledger: Ledger,
    private readonly draw: Draw,
    private readonly world: World,
    private readonly changing: () => readonly LoadKey[],
  ) {}

  async step(target: Target): Promise<void> {
    const caller = await target.caller();
    if (!caller) return;
    const call = this.#again.shift() ?? this.#next();
    const outcome = await this.send(caller, call);
    if (call.idempotent && outcome.outcome === 'unknown') this.#again.push(call);
  }

  /** One verification of this key, written down like all others. */
  verify(caller: HttpCaller, key: LoadKey): Promise<Outcome> {
    return this.send(caller, { call: this.#name(), key, cost: 1, idempotent: false });
  }

  private async send(caller: HttpCaller, { call, key, cost, idempotent, ratelimits }: VerifyCall): Promise<Outcome> {
    const settle = this.ledger.before({ op: 'verify', call, keyId: key.keyId, cost });
    const body = { key: key.key, tags: [`call=${call}`, 'route=/crash'], credits: { cost }, ratelimits };
    const headers: Record<string, string> = idempotent ? { 'idempotency-key': call } : {};
    const outcome = verdictOf(await caller.post('/v2/keys.verifyKey', body, headers));
    settle(outcome);
    return outcome;
  }

  #next(): VerifyCall {
    const { draw, world } = this;
    const call = this.#name();
    const pick = draw.whole(1, 100);
    if (pick <= 25) return { call, key: draw.of(world.limited), cost: 1, idempotent: false };
    if (pick <= 35) return { call, key: draw.of(world.credited), cost: draw.whole(1, 3), idempotent: draw.chance(0.5) };
    if (pick <= 45) return { call, key: draw.of(world.policed), cost: 1, idempotent: false };
    if (pick <= 50) return { call, key: UNKNOWN, cost: 1, idempotent: false };
    const changing = this.changing();
    if (pick <= 55 && changing.length > 0) return { call, key: draw.of(changing), cost: 1, idempotent: false };
    const ratelimits = pick > 95 ? ADHOC : undefined;
    return { call, key: draw.zipf(world.plain), cost: 1, idempotent: draw.chance(0.2), ratelimits };
  }

  #name(): string {
    return `v${++this.#calls}`;
  }
}

interface VerifyBody {
  readonly meta: { readonly requestId: string };
  readonly data: {
    readonly code: string;
    readonly keyId?: string;
    readonly ratelimits?: readonly { name: string; limit: number; reset: number; duration: number }[];
  };
}

function verdictOf(result: CallResult): Outcome {
  if (!isSuccess(result)) return failureOf(result);
  const { meta, data } = JSON.parse(result.text) as VerifyBody;
  const windows = data.ratelimits?.map(({ name, limit, reset, duration }) => ({ name, limit, reset, duration }));
  return { outcome: 'acknowledged', code: data.code, requestId: meta.requestId, keyId: data.keyId, windows };
}
