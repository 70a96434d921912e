/** Creates keys, takes them away again in every way there is, and buys credits. */
import type { Draw } from './draw.js';
import type { HttpCaller } from './http-caller.js';
import type { Ledger, Sent } from './ledger.js';
import { failureOf, isSuccess, type Target } from './target.js';
import type { VerifyLoad } from './verify-load.js';
import type { LoadKey, World } from './world.js';

type Revoke = Extract<Sent, { op: 'revoke' }>;

interface Revoking {
  readonly key: LoadKey;
  readonly by: Revoke['by'];
  readonly again: boolean;
}

const MOST_LIVE = 12;
const MOST_CHECKED = 30;

export class KeyLoad {
  /** Created for certain and not being revoked: each must be VALID whenever it is asked for. */
  readonly live: LoadKey[] = [];
  readonly revoked: LoadKey[] = [];
  /** Every key text that was ever handed out. */
  readonly issued: string[] = [];
  /** The revoke was sent, its answer was lost: it is repeated until it is answered. */
  readonly #revoking: Revoking[] = [];

  constructor(
    private readonly targets: readonly Target[],
    private readonly ledger: Ledger,
    private readonly draw: Draw,
    private readonly world: World,
  ) {}

  /** Keys that other loops may ask for at any time, whatever the answer. */
  readonly changing = (): readonly LoadKey[] => [...this.live, ...this.revoked.slice(-20)];

  async step(target: Target, verify: VerifyLoad): Promise<void> {
    const caller = await target.caller();
    if (!caller) return;
    const again = this.#revoking.shift();
    if (again) return this.#revoke(caller, verify, again);
    if (this.draw.chance(0.15)) return this.#buyCredits(caller);
    if (this.live.length < MOST_LIVE && this.draw.chance(0.6)) return this.#create(caller);
    const key = this.live.shift();
    if (key)
      await this.#revoke(caller, verify, { key, by: this.draw.of(['delete', 'disable', 'reroll']), again: false });
  }

  /** After a restart: what was revoked is refused, what was created is valid. Everything lands in the ledger. */
  async check(caller: HttpCaller, verify: VerifyLoad): Promise<string[]> {
    const problems: string[] = [];
    for (const key of this.revoked.slice(-MOST_CHECKED)) {
      const { code } = { code: '', ...(await verify.verify(caller, key)) };
      if (code === 'VALID') problems.push(`${key.keyId} was revoked and is VALID after the restart`);
    }
    for (const key of [...this.live]) {
      if (!this.live.includes(key)) continue;
      const { code } = { code: 'VALID', ...(await verify.verify(caller, key)) };
      if (code !== 'VALID' && this.live.includes(key))
        problems.push(`${key.keyId} was created and is ${code} after the restart`);
    }
    return problems;
  }

  async #create(caller: HttpCaller): Promise<void> {
    const settle = this.ledger.before({ op: 'create' });
    const result = await caller.post('/v2/keys.createKey', { apiId: this.world.apiId, prefix: 'crash' });
    if (!isSuccess(result)) return settle(failureOf(result));
    const { data: key } = JSON.parse(result.text) as { data: LoadKey };
    settle({ outcome: 'acknowledged', keyId: key.keyId });
    this.issued.push(key.key);
    this.live.push(key);
  }

  async #revoke(caller: HttpCaller, verify: VerifyLoad, { key, by, again }: Revoking): Promise<void> {
    const { keyId } = key;
    const settle = this.ledger.before({ op: 'revoke', keyId, by });
    const result = await caller.post(...revokeRequest(keyId, by));
    // 404: an earlier try did it before its answer was lost.
    const gone = result.kind === 'answer' && result.status === 404;
    if (!isSuccess(result) && !gone) {
      this.#revoking.push({ key, by, again: true });
      return settle(failureOf(result));
    }
    settle({ outcome: 'acknowledged' });
    this.revoked.push(key);
    if (by === 'reroll' && isSuccess(result)) {
      const { data: successor } = JSON.parse(result.text) as { data: LoadKey };
      this.issued.push(successor.key);
      if (!again) this.live.push(successor); // a key rerolled twice hands its end on to the second successor
    }
    const everywhere = this.targets.flatMap(({ now }) => now ?? []);
    await Promise.all(everywhere.map((node) => verify.verify(node, key)));
  }

  async #buyCredits(caller: HttpCaller): Promise<void> {
    const { keyId } = this.draw.of(this.world.credited);
    const amount = this.draw.whole(1, 10);
    const settle = this.ledger.before({ op: 'credits', keyId, amount });
    const result = await caller.post('/v2/keys.updateCredits', { keyId, operation: 'increment', value: amount });
    settle(isSuccess(result) ? { outcome: 'acknowledged' } : failureOf(result));
  }
}

function revokeRequest(keyId: string, by: Revoke['by']): [string, object] {
  if (by === 'delete') return ['/v2/keys.deleteKey', { keyId, permanent: false }];
  if (by === 'disable') return ['/v2/keys.updateKey', { keyId, enabled: false }];
  return ['/v2/keys.rerollKey', { keyId, expiration: 0 }];
}
