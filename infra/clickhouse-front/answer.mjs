/** Answers as a ClickHouse server gives them: summary and exception headers, compression, exceptions in mid-stream. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';

const compress = promisify(gzip);
const LEVEL = { level: constants.Z_BEST_SPEED };

export class Answer {
  #response;
  #gzip;
  #started;
  #tag = randomBytes(8).toString('hex');
  #out;

  constructor(response, { acceptsGzip, queryId }) {
    this.#response = response;
    this.#gzip = acceptsGzip;
    this.#started = performance.now();
    response.setHeader('X-ClickHouse-Query-Id', queryId);
    response.setHeader('X-ClickHouse-Timezone', 'UTC');
    response.setHeader('X-ClickHouse-Server-Display-Name', 'chDB behind an HTTP front');
  }

  async whole({ bytes, summary }) {
    this.#response.setHeader('X-ClickHouse-Summary', this.#summary(summary));
    await this.#send(200, bytes);
  }

  async refusal({ code, status, text }) {
    if (this.#response.headersSent) return this.#failInStream(text);
    this.#response.setHeader('X-ClickHouse-Exception-Code', String(code));
    await this.#send(status, Buffer.from(text));
  }

  /** A piece of an answer whose end is not known yet. */
  async piece(bytes) {
    if (!this.#out) this.#startStream();
    if (!this.#out.write(bytes)) await once(this.#out, 'drain');
  }

  endStream() {
    if (!this.#out) this.#startStream();
    this.#out.end();
  }

  /** 200 with the exception behind the rows, as a server writes it since 25.11. */
  async exceptionInBody(rows, text) {
    await this.piece(rows);
    this.#failInStream(text);
  }

  #startStream() {
    this.#response.setHeader('X-ClickHouse-Exception-Tag', this.#tag);
    this.#response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    if (this.#gzip) this.#response.setHeader('Content-Encoding', 'gzip');
    this.#response.writeHead(200);
    this.#out = this.#response;
    if (!this.#gzip) return;
    this.#out = createGzip(LEVEL);
    this.#out.pipe(this.#response);
  }

  #failInStream(text) {
    const message = text.endsWith('\n') ? text : `${text}\n`;
    const length = Buffer.byteLength(message);
    this.#out.end(`\r\n__exception__\r\n${this.#tag}\r\n${message}${length} ${this.#tag}\r\n__exception__\r\n`);
  }

  async #send(status, bytes) {
    const body = this.#gzip && bytes.length > 0 ? await compress(bytes, LEVEL) : bytes;
    if (body !== bytes) this.#response.setHeader('Content-Encoding', 'gzip');
    this.#response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    this.#response.writeHead(status, { 'Content-Length': body.length }).end(body);
  }

  #summary(counts) {
    const none = {
      read_rows: 0,
      read_bytes: 0,
      written_rows: 0,
      written_bytes: 0,
      total_rows_to_read: 0,
      result_rows: 0,
      result_bytes: 0,
    };
    const elapsed = Math.round((performance.now() - this.#started) * 1e6);
    const all = { ...none, ...counts, elapsed_ns: elapsed };
    return JSON.stringify(Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value ?? 0)])));
  }
}
