import type { Enforcement } from '#domain/policies/enforcement.js';

/** Enforcements whose audit row is not known to be in the log yet. */
export abstract class EnforcementOutbox {
  /** At most `limit`, none of them forgotten before `recorded` was called for it. */
  abstract unrecorded(limit: number): Promise<Enforcement[]>;

  abstract isUnrecorded(id: string): Promise<boolean>;

  /** Durable when it resolves: the row is in the log. A repeat changes nothing. */
  abstract recorded(id: string): Promise<void>;
}
