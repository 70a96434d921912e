/** Decompression that hands out everything before a break, and then says where the break is. */
import { createGunzip, type Gunzip } from 'node:zlib';

/** The input breaks off or is damaged; what came before was handed out. */
export class BrokenInput extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BrokenInput';
  }
}

/** Compressed bytes a step: deflate makes at most about 1,030 bytes of one, so a step stays below 8 MiB. */
const STEP_BYTES = 8 * 1024;

export async function* gunzip(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const engine = createGunzip({ chunkSize: 64 * 1024 });
  const ready: Uint8Array[] = [];
  engine.on('data', (chunk: Uint8Array) => ready.push(chunk));
  let taken = 0;
  try {
    for await (const chunk of compressed) {
      for (let start = 0; start < chunk.length; start += STEP_BYTES) {
        const step = chunk.subarray(start, start + STEP_BYTES);
        const failure = await feed(engine, step);
        yield* ready.splice(0);
        if (failure !== undefined) throw new BrokenInput(`the gzip data is damaged near byte ${taken}`);
        taken += step.length;
      }
    }
    const failure = await finish(engine);
    yield* ready.splice(0);
    if (failure !== undefined) throw new BrokenInput(`the gzip data ends early, after ${taken} bytes`);
  } finally {
    engine.destroy();
  }
}

/** Resolves when the engine has decompressed all of `step`, so nothing queues up behind a slow reader. */
function feed(engine: Gunzip, step: Uint8Array): Promise<Error | undefined> {
  return settled(engine, (done) => engine.write(step, done));
}

function finish(engine: Gunzip): Promise<Error | undefined> {
  return settled(engine, (done) => {
    engine.once('end', done);
    engine.end();
  });
}

function settled(engine: Gunzip, start: (done: () => void) => void): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const onError = (error: Error) => resolve(error);
    engine.once('error', onError);
    start(() => {
      // A failed write calls back before 'error' is emitted; errored is set by then.
      if (engine.errored === null) engine.off('error', onError);
      resolve(engine.errored ?? undefined);
    });
  });
}
