/** How far a node's spool has been brought into the event log. */
export abstract class SpoolProgress {
  /** The next offset of the spool to send; 0 for a new spool. */
  abstract load(): Promise<number>;

  /**
   * May be lost with the power: what is then sent again is recognised by its event ids. Throws KeymeterError, retryable,
   * where there is no room for it.
   */
  abstract save(next: number): Promise<void>;
}
