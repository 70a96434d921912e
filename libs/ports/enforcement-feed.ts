import type { EnforcementNotice } from '#domain/policies/enforcement-notice.js';

/** A way on which other systems learn what policies decided and what was lifted. */
export abstract class EnforcementFeed {
  /**
   * `acceptedAt`: when its row came into the log, epoch ms. Durable when it resolves. Rejects with a retryable
   * KeymeterError while it cannot be written. A repeat is written again: readers tell it by its id.
   */
  abstract publish(notice: EnforcementNotice, acceptedAt: number): Promise<void>;
}
