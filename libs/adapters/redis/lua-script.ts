import { createHash } from 'node:crypto';
import type { RedisClient } from './redis-connection.js';
import { replyClass } from './redis-connection-error.js';

/**
 * A script that runs by its hash. A server that does not know it (restarted, failed over, SCRIPT FLUSH, a new cluster
 * node) is sent the text in the same call: no separate loading step can be missed, on no node.
 */
export class LuaScript {
  readonly #sha: string;

  /** `text` must bound every loop by its arguments: a script that wrote cannot be killed. */
  constructor(private readonly text: string) {
    this.#sha = createHash('sha1').update(text).digest('hex');
  }

  /** All keys of one call must lie in one slot. Throws what the client throws. */
  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    try {
      return await client.call('evalsha', this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (replyClass(error) !== 'NOSCRIPT') throw error;
      return client.call('eval', this.text, keys.length, ...keys, ...args);
    }
  }
}
