/**
 * A link whose faults are made at will: held (no byte passes, nothing is closed), slow, deaf in one direction, cut after
 * so many bytes. It counts what passed and what a fault did, so that a test can prove that its fault bit.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Direction, LinkPipe, type LinkState, type Stranded } from './link-pipe.js';

interface Joined {
  readonly near: Socket;
  readonly far: Socket;
  readonly pipes: readonly LinkPipe[];
}

export class TcpProxy {
  readonly #joined = new Set<Joined>();
  readonly #state: LinkState = {
    held: [],
    lost: [],
    latencyMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    passed: { request: 0, answer: 0 },
    heldBytes: 0,
    lostBytes: 0,
    resets: 0,
  };

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async to(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port);
    server.on('connection', (near) => proxy.#join(near, connect(targetPort, '127.0.0.1')));
    return proxy;
  }

  /** What passed and what faults did since the start. */
  get figures(): Readonly<Pick<LinkState, 'passed' | 'heldBytes' | 'lostBytes' | 'resets'>> {
    return this.#state;
  }

  get connections(): number {
    return this.#joined.size;
  }

  /** Until `release` no byte passes in the given directions; what is sent meanwhile arrives afterwards. */
  hold(directions: readonly Direction[] = ['request', 'answer']): void {
    this.#state.held = directions;
  }

  /** Until `release` what goes in this direction is thrown away; connections that lost something are reset then. */
  lose(direction: Direction): void {
    this.#state.lost = [direction];
  }

  slow({ latencyMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }: Partial<LinkState>): void {
    Object.assign(this.#state, { latencyMs, bytesPerSecond });
  }

  /** Ends every fault. */
  release(): void {
    const deaf = this.#state.lost.length > 0;
    Object.assign(this.#state, { held: [], lost: [], latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY });
    this.#state.cut = undefined;
    for (const joined of this.#joined) {
      if (deaf && joined.pipes.some(({ hasLost }) => hasLost)) this.#reset(joined);
      else for (const pipe of joined.pipes) pipe.flush();
    }
  }

  /** Lets so many bytes more go in this direction, on whatever connection, then resets the one that carries the last. */
  cutAfter(direction: Direction, bytes: number): Promise<void> {
    return new Promise((done) => {
      this.#state.cut = { direction, left: bytes, done };
    });
  }

  /**
   * The next request with this text in it stays on its way, while the client sees its connection reset. The function that
   * is resolved with lets it arrive, and resolves when the server has answered it, to nobody.
   */
  strand(text: string): Promise<() => Promise<void>> {
    return new Promise((resolve) => {
      const taken = ({ near, far, bytes }: Stranded) => {
        near.resetAndDestroy();
        resolve(async () => {
          far.write(bytes);
          await once(far, 'data');
          far.destroy();
        });
      };
      this.#state.strand = { text, taken };
    });
  }

  /** Resets every connection; returns how many there were. */
  reset(): number {
    const all = [...this.#joined];
    for (const joined of all) this.#reset(joined);
    return all.length;
  }

  async close(): Promise<void> {
    for (const { near, far } of this.#joined) {
      near.destroy();
      far.destroy();
    }
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #reset(joined: Joined): void {
    this.#state.resets++;
    joined.near.resetAndDestroy();
    joined.far.resetAndDestroy();
  }

  #join(near: Socket, far: Socket): void {
    const pipes: LinkPipe[] = [];
    const joined = { near, far, pipes };
    const onCut = () => this.#reset(joined);
    const left = () => near.closed && far.closed && this.#joined.delete(joined);
    pipes.push(new LinkPipe(near, far, 'request', this.#state, onCut));
    pipes.push(new LinkPipe(far, near, 'answer', this.#state, onCut));
    this.#joined.add(joined);
    near.once('close', left);
    far.once('close', left);
  }
}
