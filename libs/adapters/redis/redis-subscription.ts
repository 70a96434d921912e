import { Redis } from 'ioredis';
import type { RedisClient, RedisConnection } from './redis-connection.js';

/**
 * Messages of one channel, on a connection of their own. They may get lost: what they tell must be found out without them
 * as well, or be told again.
 */
export class RedisSubscription {
  readonly #client: RedisClient;

  private constructor(
    private readonly connection: RedisConnection,
    private readonly channel: string,
  ) {
    this.#client = connection.client;
    // By itself ioredis 6.0 subscribes anew without looking at the outcome: a failure would end the process.
    if (this.#client instanceof Redis) this.#client.options.autoResubscribe = false;
  }

  static async listen(beside: RedisConnection, channel: string, heard: (message: string) => void) {
    const subscription = new RedisSubscription(await beside.another(), channel);
    try {
      subscription.#client.on('message', (_channel: string, message: string) => heard(message));
      await subscription.connection.run((client) => client.subscribe(channel));
      subscription.connection.onReconnect(() => subscription.#again());
      return subscription;
    } catch (error) {
      await subscription.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  #again(): void {
    this.#client.subscribe(this.channel).catch(() => {
      // A cluster's client looks for another subscriber by itself; one that is not ready is on its way already.
      if (this.#client instanceof Redis && this.connection.ready) this.#client.disconnect(true);
    });
  }
}
