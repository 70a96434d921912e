/** Answers every chunk with fixed bytes, without reading it: what is measured against it is the load generator. */
import { createServer } from 'node:net';

const READY = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready');

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('data', () => socket.write(READY));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address() as { port: number };
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
