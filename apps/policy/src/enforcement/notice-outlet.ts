/** Tells other systems what stands in the log about decisions and lifts, at least once, before a snapshot passes it. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { type EnforcementNotice, noticeOf } from '#domain/policies/enforcement-notice.js';
import type { EnforcementFeed } from '#ports/enforcement-feed.js';
import type { Outlet } from '../engine/outlet.js';

export class NoticeOutlet implements Outlet {
  #waiting: { readonly notice: EnforcementNotice; readonly acceptedAt: number }[] = [];

  constructor(private readonly feed: EnforcementFeed) {}

  apply(event: PlacedEvent): void {
    const notice = noticeOf(event);
    if (notice) this.#waiting.push({ notice, acceptedAt: event.acceptedAt });
  }

  async told(): Promise<void> {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      await this.feed.publish(first.notice, first.acceptedAt);
      this.#waiting.shift();
    }
  }
}
