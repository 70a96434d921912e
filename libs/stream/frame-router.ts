/**
 * From frames of one node to frames of the shared log: rows go to the partition of their key, in order, and every row
 * gets a hash of its id, since a frame that is sent again after a crash is recognised by the ids of its rows.
 */
import { identityHash } from '#domain/events/hash53.js';
import { decodeRow, withIdHash } from '#domain/events/usage-row.js';
import { decodeFrame, encodeFrame } from '#domain/log/frame.js';
import { partitionKeyOf, partitionOf } from '#domain/log/partitioning.js';
import type { LogRecord } from '#ports/event-log.js';

export interface RoutedFrame {
  readonly partition: number;
  readonly frame: Buffer;
}

interface OpenFrame {
  readonly partition: number;
  text: string;
  count: number;
}

const DAY_MS = 86_400_000;
/** What cannot be read goes here as it is: the consumer makes it a dead letter with its bytes. */
const PARTITION_OF_UNREADABLE = 0;

export class FrameRouter {
  /** `maxFrameBytes`: rows of one frame; a single longer row gets a frame of its own. */
  constructor(
    private readonly partitions: number,
    private readonly maxFrameBytes: number,
  ) {}

  /** Frames in the order in which they have to be sent; each carries the newest time of acceptance of its rows. */
  route(records: readonly LogRecord[]): RoutedFrame[] {
    const routed: RoutedFrame[] = [];
    let open = new Map<number, OpenFrame>();
    let acceptedAt = 0;
    const close = () => {
      for (const { partition, text, count } of open.values()) {
        routed.push({ partition, frame: encodeFrame(text, count, acceptedAt) });
      }
      open = new Map();
    };
    for (const record of records) {
      const decoded = decodeFrame(record.value);
      if (!decoded.ok) {
        routed.push({ partition: PARTITION_OF_UNREADABLE, frame: record.value });
        continue;
      }
      if (dayOf(decoded.frame.acceptedAt) !== dayOf(acceptedAt)) close(); // one frame, one day of acceptance
      acceptedAt = Math.max(acceptedAt, decoded.frame.acceptedAt);
      for (const line of decoded.frame.rows) {
        const frame = this.#add(open, line);
        if (frame.text.length * 2 >= this.maxFrameBytes && Buffer.byteLength(frame.text) >= this.maxFrameBytes) close();
      }
    }
    close();
    return routed;
  }

  #add(open: Map<number, OpenFrame>, line: string): OpenFrame {
    const row = decodeRow(line);
    const partition = row.ok ? partitionOf(partitionKeyOf(row.event), this.partitions) : PARTITION_OF_UNREADABLE;
    let frame = open.get(partition);
    if (frame === undefined) {
      frame = { partition, text: '', count: 0 };
      open.set(partition, frame);
    }
    const known = !row.ok || row.event.idHash !== 0;
    frame.text += `${known ? line : withIdHash(line, identityHash(row.event.source, row.event.id))}\n`;
    frame.count++;
    return frame;
  }
}

function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}
