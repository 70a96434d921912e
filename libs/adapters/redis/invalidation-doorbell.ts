import { Redis } from 'ioredis';
import type { RedisClient, RedisConnection } from './redis-connection.js';

/**
 * Messages that something has changed, on a connection of their own. They may get lost: whoever is rung goes and looks,
 * and looks from time to time without being rung.
 */
export class InvalidationDoorbell {
  readonly #client: RedisClient;

  private constructor(
    private readonly connection: RedisConnection,
    private readonly channel: string,
  ) {
    this.#client = connection.client;
    // By itself ioredis 6.0 subscribes anew without looking at the outcome: a failure would end the process.
    if (this.#client instanceof Redis) this.#client.options.autoResubscribe = false;
  }

  static async listen(beside: RedisConnection, channel: string, rung: (sequence: number) => void) {
    const doorbell = new InvalidationDoorbell(await beside.another(), channel);
    try {
      doorbell.#client.on('message', (_channel: string, sequence: string) => rung(Number(sequence)));
      await doorbell.connection.run((client) => client.subscribe(channel));
      doorbell.connection.onReconnect(() => doorbell.#again());
      return doorbell;
    } catch (error) {
      await doorbell.close();
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
