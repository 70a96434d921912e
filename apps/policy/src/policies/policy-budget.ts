import type { Settings } from '#runtime/config/settings.js';

/** What a policy may cost at most when it is saved. */
export class PolicyBudget {
  constructor(
    readonly bytesPerKey: number,
    /** At least; 0 asks for nothing. */
    readonly eventsPerSecond: number,
  ) {}

  static of(settings: Settings): PolicyBudget {
    const { KEYMETER_POLICY_MAX_BYTES_PER_KEY, KEYMETER_POLICY_MIN_EVENTS_PER_SECOND } = settings;
    return new PolicyBudget(KEYMETER_POLICY_MAX_BYTES_PER_KEY, KEYMETER_POLICY_MIN_EVENTS_PER_SECOND);
  }
}
