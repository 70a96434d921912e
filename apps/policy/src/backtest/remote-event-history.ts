import type { OffsetRange } from '#domain/log/position.js';
import { EventHistory, type HistoryExtent, type HistorySelection } from '#ports/event-history.js';
import type { PortRpc } from '#runtime/port-rpc.js';

/** The name under which the other thread serves it. */
export const HISTORY = 'history';

/** The history of another thread. */
export class RemoteEventHistory extends EventHistory {
  constructor(private readonly rpc: PortRpc) {
    super();
  }

  extents(selection: HistorySelection): Promise<HistoryExtent[]> {
    return this.rpc.call(HISTORY, 'extents', [selection]) as Promise<HistoryExtent[]>;
  }

  page(range: OffsetRange, selection: HistorySelection, most: number): Promise<Uint8Array> {
    return this.rpc.call(HISTORY, 'page', [range, selection, most]) as Promise<Uint8Array>;
  }
}
