/**
 * One measure of all subjects of a policy. Each subject has a slot; a slot that is used anew is reset first. Sliding
 * windows stand at the newest event of the subject that the policy matches, whatever the measure's own filter says.
 */
import type { PlacedEvent } from '../../events/usage-event.js';
import type { StateReader, StateWriter } from './state-bytes.js';

export type Filter = (event: PlacedEvent) => boolean;

export abstract class MeasureColumn {
  /** What one subject takes, bytes; columns that keep values add to it as these come. */
  abstract readonly bytesPerSlot: number;
  /** Event time after which a subject that has been silent has nothing left here, ms. */
  abstract readonly reachMs: number;

  abstract reset(slot: number): void;

  /** Nobody's any more: what is kept outside the rows goes. */
  release(_slot: number): void {}

  /** Counts an event of the policy. */
  abstract add(slot: number, event: PlacedEvent): void;

  /** The value of the window that ends at `time`, the newest event of the subject. */
  abstract value(slot: number, time: number): number;

  /** Where the window that ends at `time` begins, epoch ms. */
  abstract start(slot: number, time: number): number;

  /** Where the calendar window that holds `time` ends, epoch ms; undefined for other windows. */
  end(_slot: number, _time: number): number | undefined {
    return undefined;
  }

  abstract write(slot: number, out: StateWriter): void;

  /** Into a slot that was reset. */
  abstract read(slot: number, from: StateReader): void;
}
