/**
 * Loaded by an app of a fault run before the app itself. SIGUSR2 blocks its event loop for as many ms as the file says
 * that FAULTS_BLOCK_FILE names, as a long computation would; afterwards the file says how long it took.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.FAULTS_BLOCK_FILE;

if (isMainThread && file !== undefined) {
  process.on('SIGUSR2', () => {
    const began = performance.now();
    const until = began + Number(readFileSync(file, 'utf8'));
    while (performance.now() < until); // that nothing else runs here is the fault
    writeFileSync(file, `blocked ${Math.round(performance.now() - began)}`);
  });
}
