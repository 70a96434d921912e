import type { EnforcementSwitchRecord } from '#domain/keys/directory-record.js';

export type SwitchState = EnforcementSwitchRecord;

/** Whether enforcement acts at all, for the whole installation. */
export abstract class EnforcementSwitch {
  /** Undefined while nobody has ever paused. */
  abstract state(): Promise<SwitchState | undefined>;

  /**
   * Durable when it resolves with true, and from then on no verification goes by what was before: while it is paused
   * `activeFor` of the enforcement store is empty. False when the state is not `before` any more: nothing has changed.
   */
  abstract turn(next: SwitchState, before: SwitchState | undefined): Promise<boolean>;
}
