/**
 * How long the drainer of a spool rests after a pass. A pass costs its node some 0.3 ms and Kafka about a millisecond,
 * and more with each frame, however few events they hold: a busy node that sent each handful at once would spend a
 * quarter of its thread on that. So what comes in the meantime goes together in the next pass. A node that is not busy
 * rests before the next event comes, not before it sends it.
 */
const REST_PER_FRAME_MS = 2;
/** Events of one busy key are all in one frame: at 2 ms a frame, 400 passes a second would bring it a few at a time. */
const MIN_REST_MS = 20;
/** The longest that an event is later in the log for it; reached with 25 partitions. */
const MAX_REST_MS = 50;
/** A pass that read so much had a backlog: its frames are full, and more of them wait. */
export const BACKLOG_BYTES = 256 * 1024;

/** Milliseconds from the beginning of the pass to that of the next one, at least. */
export function restAfterMs(frames: number, bytesRead: number): number {
  return bytesRead >= BACKLOG_BYTES ? 0 : Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, frames * REST_PER_FRAME_MS));
}
