/** One direction of one connection through a TcpProxy. */
import type { Socket } from 'node:net';

/** `request` goes to the server, `answer` comes from it. */
export type Direction = 'request' | 'answer';

export interface LinkState {
  held: readonly Direction[];
  lost: readonly Direction[];
  latencyMs: number;
  bytesPerSecond: number;
  /** The next request with this text in it is taken off the way. */
  strand?: { readonly text: string; taken(request: Stranded): void };
  cut?: { readonly direction: Direction; left: number; done(): void };
  readonly passed: Record<Direction, number>;
  heldBytes: number;
  lostBytes: number;
  resets: number;
}

export interface Stranded {
  readonly near: Socket;
  readonly far: Socket;
  readonly bytes: Buffer;
}

const MAX_QUEUED = 256 * 1024;

export class LinkPipe {
  hasLost = false;
  #queue: { readonly bytes: Buffer; readonly at: number }[] = [];
  #queued = 0;
  #freeAt = 0;
  #ended = false;
  #stranded = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly direction: Direction,
    private readonly state: LinkState,
    private readonly onCut: () => void,
  ) {
    from.on('data', (bytes) => this.#take(bytes));
    from.on('error', () => undefined); // the close that follows is what counts
    from.on('close', () => {
      this.#ended = true;
      this.flush();
    });
    to.on('drain', () => this.flush());
    to.on('close', () => clearTimeout(this.#timer));
  }

  /** Sends what may go by now, and ends the other side when everything of this one has gone. */
  flush(): void {
    clearTimeout(this.#timer);
    if (this.#stranded) return;
    if (this.state.held.includes(this.direction) || this.to.writableNeedDrain) return;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const wait = next.at - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.flush(), wait);
        return;
      }
      this.#queue.shift();
      this.#queued -= next.bytes.length;
      if (!this.#pass(next.bytes)) return; // goes on with 'drain', or was cut
    }
    if (this.#ended) this.to.destroySoon();
    else this.from.resume();
  }

  #take(bytes: Buffer): void {
    const { state, direction } = this;
    if (direction === 'request' && state.strand && bytes.includes(state.strand.text)) {
      const { taken } = state.strand;
      state.strand = undefined;
      this.#stranded = true;
      taken({ near: this.from, far: this.to, bytes });
      return;
    }
    if (state.lost.includes(direction)) {
      state.lostBytes += bytes.length;
      this.hasLost = true;
      return;
    }
    if (state.held.includes(direction)) state.heldBytes += bytes.length;
    const begin = Math.max(performance.now(), this.#freeAt);
    this.#freeAt = begin + (bytes.length * 1_000) / state.bytesPerSecond;
    this.#queue.push({ bytes, at: this.#freeAt + state.latencyMs });
    this.#queued += bytes.length;
    if (this.#queued > MAX_QUEUED) this.from.pause();
    this.flush();
  }

  #pass(bytes: Buffer): boolean {
    const { state, direction, to } = this;
    const { cut } = state;
    if (cut?.direction === direction && cut.left < bytes.length) {
      state.cut = undefined;
      to.write(bytes.subarray(0, cut.left), () => {
        this.onCut();
        cut.done();
      });
      this.#queue = [];
      return false;
    }
    if (cut?.direction === direction) cut.left -= bytes.length;
    state.passed[direction] += bytes.length;
    return to.write(bytes);
  }
}
