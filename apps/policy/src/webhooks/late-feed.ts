import type { EnforcementNotice } from '#domain/policies/enforcement-notice.js';
import { EnforcementFeed } from '#ports/enforcement-feed.js';

/** Stands for a feed until the application that makes it is there. */
export class LateFeed extends EnforcementFeed {
  #feed: EnforcementFeed | undefined;

  open(feed: EnforcementFeed): void {
    this.#feed = feed;
  }

  async publish(notice: EnforcementNotice, acceptedAt: number): Promise<void> {
    if (this.#feed === undefined) throw new Error('a notice came before the application was ready');
    await this.#feed.publish(notice, acceptedAt);
  }
}
