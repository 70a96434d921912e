import { Cluster } from 'ioredis';
import type { RedisClient } from './redis-connection.js';
import type { CounterLayout } from './redis-counters-layout.js';

const KEYS_AT_ONCE = 1_000;

/** Removes all windows, accounts, markers and kept answers, page by page; what tells servers apart stays. */
export async function forgetCounters(client: RedisClient, layout: CounterLayout): Promise<void> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  for (const server of servers) {
    let cursor = '0';
    do {
      const [next, keys] = await server.scan(cursor, 'MATCH', layout.pattern, 'COUNT', KEYS_AT_ONCE);
      const gone = keys.filter((key) => key !== layout.run && key !== layout.changes);
      if (client instanceof Cluster) await Promise.all(gone.map((key) => client.unlink(key)));
      else if (gone.length > 0) await client.unlink(...gone);
      cursor = next;
    } while (cursor !== '0');
  }
}
