import type { EnforcementNotice } from '#domain/policies/enforcement-notice.js';

/** The topic on which other systems learn what policies decided and what was lifted. */
export abstract class EnforcementFeed {
  /**
   * Durable when it resolves. Rejects with a retryable KeymeterError while it cannot be written. A repeat is written
   * again: readers tell it by its id.
   */
  abstract publish(notice: EnforcementNotice): Promise<void>;
}
