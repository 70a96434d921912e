/** A fault of ours that nobody catches ends the process at once, whatever its threads are doing. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../faults/project-root.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('uncaught');
const DIST = join(projectRoot(), 'dist/libs');

/** Throws while a write of LMDB waits for the thread that throws: a regular exit would wait for that write for ever. */
const PROGRAM = `
  const { runProcess } = await import(${JSON.stringify(join(DIST, 'runtime/process-main.js'))});
  const { openEnvironment } = await import(${JSON.stringify(join(DIST, 'adapters/lmdb/environment.js'))});
  await runProcess(async () => {
    const environment = await openEnvironment(${JSON.stringify(folder)});
    setTimeout(() => {
      environment.transaction(() => environment.put('a', 1));
      setImmediate(() => {
        const until = performance.now() + 300;
        while (performance.now() < until);
        throw new TypeError('nobody catches this');
      });
    }, 50);
    return { message: 'running', stop: async () => undefined };
  });
`;

test('an exception that nobody catches is written out and ends the process, also within a write to LMDB', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], { env: { PATH: process.env.PATH } });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const giveUp = setTimeout(() => child.kill('SIGTERM'), 20_000); // which a process that hangs does not hear
  const hangs = setTimeout(() => child.kill('SIGABRT'), 22_000);
  const signal = await new Promise((resolve) => child.once('close', (_code, by) => resolve(by)));
  clearTimeout(giveUp);
  clearTimeout(hangs);
  expect(said).toContain('TypeError: nobody catches this');
  expect(signal).toBe('SIGKILL');
}, 60_000);
