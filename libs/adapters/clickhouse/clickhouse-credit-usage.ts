import type { DaySpending } from '#domain/keys/credit-restoring.js';
import { CreditUsage, type SpendingSince } from '#ports/credit-usage.js';
import type { SqlClient } from './sql-client.js';
import { SqlParameters } from './sql-parameters.js';

/** Clocks of nodes differ by less. */
const SKEW_MS = 2_000;
const DAY_MS = 86_400_000;
const TYPES = "type IN ('request', 'keymeter.credits')";

export class ClickHouseCreditUsage extends CreditUsage {
  constructor(private readonly client: SqlClient) {
    super();
  }

  async spent(keys: readonly SpendingSince[]): Promise<readonly (readonly DaySpending[])[]> {
    if (keys.length === 0) return [];
    const found = new Map<string, DaySpending[]>();
    const { sql, values } = statement(keys);
    const rows = await this.client.query<{ keyId: string; day: string | number; units: string | number }>(sql, values);
    for (const { keyId, day, units } of rows) {
      const spending = found.get(keyId) ?? [];
      spending.push({ day: Number(day), units: Number(units) });
      found.set(keyId, spending);
    }
    return keys.map(({ keyId }) => found.get(keyId) ?? []);
  }
}

/** Of one node, or of all of them where two may write the same one, under an Idempotency-Key. */
const BY_INGRESSES = "(startsWith(source, 'keymeter/ingress/') OR source = 'keymeter/ingress')";

/**
 * Subjects come first in the order of `events`: which ones a key's events have had, its rollups tell. Only ingresses
 * write under that source; what others send as an event of type request took no credits.
 */
function statement(keys: readonly SpendingSince[]): { sql: string; values: Record<string, unknown> } {
  const parameters = new SqlParameters();
  const ids = parameters.texts(keys.map(({ keyId }) => keyId));
  const sinces = parameters.integers(keys.map(({ since }) => since - SKEW_MS));
  const oldest = Math.min(...keys.map(({ since }) => since)) - SKEW_MS;
  const sql = `SELECT key_id AS keyId, toInt64(intDiv(toUnixTimestamp64Milli(time) + ${SKEW_MS}, ${DAY_MS}) * ${DAY_MS}) AS day,
      sum(JSONExtractInt(data, if(type = 'request', 'cost', 'taken'))) AS units
    FROM keymeter.events
    WHERE ${TYPES} AND key_id IN ${ids} AND ${BY_INGRESSES}
      AND subject IN (SELECT subject FROM keymeter.usage_rollups
        WHERE window_size = 'month' AND ${TYPES} AND key_id IN ${ids} GROUP BY subject)
      AND time >= ${parameters.instant(oldest)}
      AND toUnixTimestamp64Milli(time) >= ${sinces}[indexOf(${ids}, key_id)]
    GROUP BY keyId, day HAVING units != 0 ORDER BY keyId, day`;
  return { sql, values: parameters.values };
}
