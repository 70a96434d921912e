import { EventFates } from '#ports/event-fates.js';

/** Of a process that does not count: what becomes of its events is decided elsewhere, later. */
export class UndecidedFates extends EventFates {
  async of(): Promise<undefined> {
    return undefined;
  }

  async counts(): Promise<'unknown'> {
    return 'unknown';
  }
}
