/** Quotas on their way from policy processes to those that answer callers: messages, nothing is kept. */
import { type QuotaNews, quotaNewsSchema } from '#domain/policies/quota.js';
import type { QuotaBoard } from '#domain/policies/quota-board.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisSubscription } from './redis-subscription.js';

/** Channels are those of a server, whatever its database: one for each log. */
const channelOf = (logId: string) => `keymeter:quotas:${logId}`;

/** Rejects with STORE_UNAVAILABLE (retryable); what was told is told again when it changes. */
export async function tellQuotas(connection: RedisConnection, logId: string, news: QuotaNews): Promise<void> {
  await connection.run((client) => client.publish(channelOf(logId), JSON.stringify(news)));
}

/** What anybody else says there, or another version in another shape, is passed over. */
export function hearQuotas(beside: RedisConnection, logId: string, board: QuotaBoard): Promise<RedisSubscription> {
  return RedisSubscription.listen(beside, channelOf(logId), (message) => {
    const news = quotaNewsSchema.safeParse(parsed(message));
    if (news.success) board.hear(news.data);
  });
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}
