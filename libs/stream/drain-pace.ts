/**
 * How long the drainer of a spool rests after a pass. A frame costs its node and Kafka about 0.2 ms, however few events
 * it holds: a busy node that sent each handful at once, one frame for each partition, would spend half of its thread on
 * that. So what comes in the meantime goes together in the next pass, and frames take about a tenth of the thread. A
 * node that is not busy rests before the next event comes, not before it sends it.
 */
const REST_PER_FRAME_MS = 2;
/** The longest that an event is later in the log for it; reached with 25 partitions. */
const MAX_REST_MS = 50;
/** A pass that read so much had a backlog: its frames are full, and more of them wait. */
export const BACKLOG_BYTES = 256 * 1024;

/** Milliseconds from the beginning of the pass to that of the next one, at least. */
export function restAfterMs(frames: number, bytesRead: number): number {
  return bytesRead >= BACKLOG_BYTES ? 0 : Math.min(MAX_REST_MS, frames * REST_PER_FRAME_MS);
}
