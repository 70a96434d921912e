/** Writes bytes to a socket and reads until the server closes it, or has answered and stays silent. */
import { connect } from 'node:net';
import type { Observed } from './observed.js';

const SILENCE_AFTER_ANSWER_MS = 500;

export function callRaw(baseUrl: string, bytes: Buffer, withinMs: number): Promise<Observed> {
  const { hostname, port } = new URL(baseUrl);
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    let silence: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(silence);
      clearTimeout(deadline);
      socket.destroy();
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
      resolve({ status, headers: {}, text, tookMs: performance.now() - start });
    };
    const deadline = setTimeout(() => {
      socket.destroy();
      reject(new Error(`neither answered nor closed within ${withinMs} ms`));
    }, withinMs);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      clearTimeout(silence);
      silence = setTimeout(settle, SILENCE_AFTER_ANSWER_MS);
    });
    socket.on('error', () => undefined); // a reset is a close: 'close' follows
    socket.on('close', settle);
  });
}
