/**
 * One keep-alive connection with one request under way. Reads just enough of an answer to know its status and its end,
 * so that the generator costs far less than the server it loads.
 */
import { connect, type Socket } from 'node:net';

const HEADER_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = Buffer.from('ontent-length: ', 'latin1'); // the first letter may be of either case
const STATUS_AT = 9; // behind "HTTP/1.1 "
const ZERO = 48;
const NINE = 57;

export type OnAnswer = (status: number, answer: Buffer) => void;

export class HttpConnection {
  #rest: Buffer | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly onAnswer: OnAnswer,
    onFailed: (error: Error) => void,
  ) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', onFailed);
    socket.on('end', () => onFailed(new Error('the server closed a connection under load')));
  }

  static open(url: string, onAnswer: OnAnswer, onFailed: (error: Error) => void): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket, onAnswer, onFailed));
      });
      socket.once('error', reject);
    });
  }

  send(request: Buffer): void {
    this.socket.write(request);
  }

  close(): void {
    this.socket.removeAllListeners('end');
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const end = answerEnd(bytes);
    this.#rest = end === undefined || end > bytes.length ? bytes : undefined;
    if (this.#rest) return;
    const status =
      (bytes[STATUS_AT]! - ZERO) * 100 + (bytes[STATUS_AT + 1]! - ZERO) * 10 + (bytes[STATUS_AT + 2]! - ZERO);
    this.onAnswer(status, bytes);
  }
}

/** Where the answer ends; undefined while its header is incomplete. Without Content-Length it has no body. */
function answerEnd(bytes: Buffer): number | undefined {
  const headerEnd = bytes.indexOf(HEADER_END);
  if (headerEnd < 0) return undefined;
  let at = bytes.indexOf(CONTENT_LENGTH);
  if (at < 0 || at > headerEnd) return headerEnd + HEADER_END.length;
  let length = 0;
  for (at += CONTENT_LENGTH.length; bytes[at]! >= ZERO && bytes[at]! <= NINE; at++)
    length = length * 10 + bytes[at]! - ZERO;
  return headerEnd + HEADER_END.length + length;
}
