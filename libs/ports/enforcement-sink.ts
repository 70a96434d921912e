import type { Enforcement } from '#domain/policies/enforcement.js';

/** Where the policy engine's decisions go; in one process the way to the thread that answers verifications. */
export abstract class EnforcementSink {
  /**
   * When it resolves, the enforcement and its audit row are durable and no verification overlooks it. Rejects with a
   * retryable KeymeterError when one of them could not be written. A repeat changes nothing and says 'known'.
   */
  abstract enforce(enforcement: Enforcement): Promise<'created' | 'known'>;
}
