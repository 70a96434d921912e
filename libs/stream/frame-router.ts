/**
 * From frames of one node to frames of the shared log: rows go to the partition of their key, in order, and every row
 * gets a hash of its id, since a frame that is sent again after a crash is recognised by the ids of its rows.
 */
import { identityHash } from '#domain/events/hash53.js';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { decodeRow, headOfRow, withId, withIdHash } from '#domain/events/usage-row.js';
import { decodeFrame, encodeFrame } from '#domain/log/frame.js';
import { partitionKeyOf, partitionKeyOfHead, partitionOf } from '#domain/log/partitioning.js';
import { concernsEveryPartition } from '#domain/policies/policy-change.js';
import type { LogRecord } from '#ports/event-log.js';

export interface RoutedFrame {
  readonly partition: number;
  readonly frame: Buffer;
}

/** Where one row went: which of the routed frames, and where in it. */
export interface RoutedRow {
  readonly frame: number;
  readonly index: number;
}

interface OpenFrame {
  readonly partition: number;
  readonly rows: { frame: number; readonly index: number }[];
  text: string;
  count: number;
}

const DAY_MS = 86_400_000;
/** UTF-8 of one UTF-16 unit, at most. */
const MAX_BYTES_PER_UNIT = 3;
/** What cannot be read goes here as it is: the consumer makes it a dead letter with its bytes. */
const PARTITION_OF_UNREADABLE = 0;

export class FrameRouter {
  /** `maxFrameBytes`: rows of one frame; a single longer row gets a frame of its own. */
  constructor(
    readonly partitions: number,
    private readonly maxFrameBytes: number,
  ) {}

  /**
   * Frames in the order in which they have to be sent; each carries the newest time of acceptance of its rows. `followed`
   * is filled, for each record whose offset it has, with where the record's rows went (the first copy of each).
   */
  route(records: readonly LogRecord[], followed?: ReadonlyMap<number, RoutedRow[]>): RoutedFrame[] {
    const routed: RoutedFrame[] = [];
    let open = new Map<number, OpenFrame>();
    let acceptedAt = 0;
    const close = () => {
      for (const { partition, text, count, rows } of open.values()) {
        for (const row of rows) row.frame = routed.length;
        routed.push({ partition, frame: encodeFrame(text, count, acceptedAt) });
      }
      open = new Map();
    };
    for (const record of records) {
      const decoded = decodeFrame(record.value);
      const rows = followed?.get(record.offset);
      if (!decoded.ok) {
        rows?.push({ frame: routed.length, index: 0 });
        routed.push({ partition: PARTITION_OF_UNREADABLE, frame: record.value });
        continue;
      }
      if (dayOf(decoded.frame.acceptedAt) !== dayOf(acceptedAt)) close(); // one frame, one day of acceptance
      acceptedAt = Math.max(acceptedAt, decoded.frame.acceptedAt);
      for (const line of decoded.frame.rows) {
        for (const [copy, { partition, text }] of this.#copies(line).entries()) {
          const length = add(open, partition, text, copy === 0 ? rows : undefined);
          if (length * MAX_BYTES_PER_UNIT >= this.maxFrameBytes) close();
        }
      }
    }
    close();
    return routed;
  }

  /** A change of policies goes to the engine of every partition, under an id of its own in each. */
  #copies(line: string): readonly { partition: number; text: string }[] {
    const head = headOfRow(line);
    if (head && !concernsEveryPartition(head)) {
      const partition = partitionOf(partitionKeyOfHead(head), this.partitions);
      return [{ partition, text: recognisable(line, head) }];
    }
    const row = decodeRow(line);
    if (!row.ok) return [{ partition: PARTITION_OF_UNREADABLE, text: line }];
    const { event } = row;
    if (!concernsEveryPartition(event)) {
      return [{ partition: partitionOf(partitionKeyOf(event), this.partitions), text: recognisable(line, event) }];
    }
    return Array.from({ length: this.partitions }, (_, partition) => {
      const id = changeRowId(event.id, partition);
      return { partition, text: recognisable(withId(line, event.id, id), { ...event, id }) };
    });
  }
}

/** Of a change of policies as it stands in one partition. */
export function changeRowId(id: string, partition: number): string {
  return `${id}@${partition}`;
}

function recognisable(line: string, { idHash, source, id }: Pick<UsageEvent, 'idHash' | 'source' | 'id'>): string {
  return idHash === 0 ? withIdHash(line, identityHash(source, id)) : line;
}

/** Returns the length of the partition's rows. */
function add(open: Map<number, OpenFrame>, partition: number, line: string, follow: RoutedRow[] | undefined): number {
  let frame = open.get(partition);
  if (frame === undefined) {
    frame = { partition, text: '', count: 0, rows: [] };
    open.set(partition, frame);
  }
  if (follow) {
    const row = { frame: -1, index: frame.count };
    frame.rows.push(row);
    follow.push(row);
  }
  frame.text += `${line}\n`;
  frame.count++;
  return frame.text.length;
}

function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS);
}
