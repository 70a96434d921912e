/**
 * Bodies of answers. A server that fails after it has said 200 writes the exception behind the rows, so that a complete
 * answer is one whose every line is a row (docs: "HTTP response codes caveats").
 */

import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { KeymeterError } from '#domain/errors.js';

const EXCEPTION = /Code: (\d+)\. DB::Exception: .*/s;

/** Rows of a JSONEachRow body. Throws what the engine says behind them, or that the body was cut. */
export function rowsOf<Row>(body: string): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\n', at);
    const line = body.slice(at, end < 0 ? body.length : end);
    if (line !== '') {
      try {
        rows.push(JSON.parse(line) as Row);
      } catch {
        throw tailOf(body.slice(at));
      }
    }
    at = end < 0 ? body.length : end + 1;
  }
  return rows;
}

/** The body of an insert's answer is empty. */
export function demandEmpty(body: string): void {
  if (body.trim() !== '') throw tailOf(body);
}

/** The body of a command's answer may hold anything but an exception. */
export function demandNoException(body: string): void {
  if (EXCEPTION.test(body)) throw tailOf(body);
}

/** The whole body, or an error when it does not end in time. */
export function bodyWithin(stream: Readable, timeoutMs: number): Promise<string> {
  return within(stream, timeoutMs, text);
}

/** As `bodyWithin`, of an answer that is no text. */
export function bytesWithin(stream: Readable, timeoutMs: number): Promise<Buffer> {
  return within(stream, timeoutMs, buffer);
}

async function within<T>(stream: Readable, timeoutMs: number, read: (stream: Readable) => Promise<T>): Promise<T> {
  const timer = setTimeout(() => stream.destroy(new Error('Timeout error: the answer did not end.')), timeoutMs);
  try {
    return await read(stream);
  } finally {
    clearTimeout(timer);
  }
}

function tailOf(rest: string): Error {
  const found = EXCEPTION.exec(rest);
  if (found) return new Error(found[0].slice(0, 2_000));
  return new KeymeterError('STORE_UNAVAILABLE', 'An answer of ClickHouse ended in the middle of a row.', {
    retryable: true,
  });
}
