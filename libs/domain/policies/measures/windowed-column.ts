import { type Filter, MeasureColumn } from './measure-column.js';
import type { Window } from './window.js';

/** A measure over one window, of the events that pass its filter. */
export abstract class WindowedColumn extends MeasureColumn {
  constructor(
    readonly window: Window,
    protected readonly where?: Filter,
  ) {
    super();
  }

  get reachMs(): number {
    return this.window.reachMs;
  }

  start(slot: number, time: number): number {
    return this.window.start(slot, time);
  }

  override end(_slot: number, time: number): number | undefined {
    return this.window.end(time);
  }
}
