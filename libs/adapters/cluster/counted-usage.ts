/** What is counted of the log, opened for as long as balances of credits are being worked out. */
import { ClickHouseCreditUsage } from '#adapters/clickhouse/clickhouse-credit-usage.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { clickhouseOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import type { ClusterLog } from './cluster-log.js';
import type { CountedUsage } from './credit-recovery.js';
import { CONSUMER_GROUP } from './group-names.js';
import { PolledProgress } from './polled-progress.js';

const COUNTED_WITHIN_MS = 30_000;

export async function openCountedUsage(settings: Settings, log: ClusterLog, clock: Clock): Promise<CountedUsage> {
  const { cluster: _, ...server } = clickhouseOptions(settings);
  const shared = await log.openShared(CONSUMER_GROUP);
  const client = new HttpSqlClient(server);
  const progress = new PolledProgress(shared, clock);
  return {
    usage: new ClickHouseCreditUsage(client),
    counted: async () => {
      const ends = (await shared.ends()).map((offset, partition) => ({ partition, offset }));
      if (await progress.waitFor(ends, COUNTED_WITHIN_MS)) return;
      throw new KeymeterError('STORE_UNAVAILABLE', 'The consumers have not counted all events yet', {
        retryable: true,
      });
    },
    close: async () => {
      await shared.close();
      await client.close();
    },
  };
}
