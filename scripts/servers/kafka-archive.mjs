/**
 * Makes the archive of the classes that a broker loads (Java's class data sharing): `node kafka-archive.mjs FILE`. With it a
 * broker starts in half of the processor time; java passes over one that was made by another version of it.
 */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { startKafka } from './kafka.mjs';

const [file] = process.argv.slice(2);
const dir = mkdtempSync(join(dirname(file), 'archiving-'));
try {
  const part = join(dir, 'classes.jsa'); // renamed when complete: two processes may make one at once
  const [port, controllerPort] = await Promise.all([freePort(), freePort()]);
  const server = await startKafka({ dir, port, controllerPort, java: [`-XX:ArchiveClassesAtExit=${part}`] });
  await server.stop(); // it is written now
  renameSync(part, file);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
