/**
 * Balances that were lost with an epoch. A rebuild notes all of them in its last steps; until one is known again its key
 * gets 503 where credits are asked for.
 */
import { restoredBalance } from '#domain/keys/credit-restoring.js';
import type { KeyRecord } from '#domain/keys/key-record.js';
import type { CreditUsage } from '#ports/credit-usage.js';
import type { RedisCounters } from './redis-counters.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

export function lostCreditsText(account: string, keyId: string): string {
  return `${account} ${keyId}`;
}

export class LostCredits {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly counters: RedisCounters,
  ) {}

  /** Some of them, in the form that `restore` takes. */
  some(limit: number): Promise<string[]> {
    return this.directory.range('lost-credits', '-', '+', limit);
  }

  /**
   * Sets each balance to what the usage store says is left; resolves with how many accounts are older than what it
   * still knows. A repeat, or two at once, change nothing more. Throws STORE_UNAVAILABLE (retryable).
   */
  async restore(texts: readonly string[], usage: CreditUsage, knownSince: number): Promise<number> {
    const ids = texts.map((text) => text.slice(text.indexOf(' ') + 1));
    const documents = await this.directory.fetch(ids.map((id) => ['keys', id] as const));
    const keys = documents.map((text) => (text === undefined ? undefined : (JSON.parse(text) as KeyRecord)));
    const accounts = keys.flatMap((key, at) => {
      const account = key?.credits;
      // Credits that were set since are another account, which has lost nothing.
      return key && account && texts[at] === lostCreditsText(account.id, key.id) ? [{ keyId: key.id, account }] : [];
    });
    const asked = accounts.map(({ keyId, account }) => ({ keyId, since: Math.max(account.since, knownSince) }));
    const spent = await usage.spent(asked);
    for (const [at, { account }] of accounts.entries()) {
      await this.counters.restoreBalance(account.id, restoredBalance(account, spent[at] ?? [], knownSince));
    }
    await this.directory.commit(texts.map((text) => ['rem', 'lost-credits', text] as const));
    return accounts.filter(({ account }) => account.since < knownSince).length;
  }
}
