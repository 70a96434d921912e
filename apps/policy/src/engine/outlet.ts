import type { PlacedEvent } from '#domain/events/usage-event.js';

/** Tells others about events that the engine is given, at least once and in the order of the log. */
export interface Outlet {
  apply(event: PlacedEvent): void;
  /** Resolves when all that was applied is told durably. After a rejection it is called again. */
  told(upTo: number): Promise<void>;
  /**
   * Before a snapshot is stored that goes on at `next`: resolves when all below is done. While it rejects there is no
   * new snapshot, and decisions go on.
   */
  passed?(next: number): Promise<void>;
}
