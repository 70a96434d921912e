/**
 * Loads the engine's library on the calling thread too. Node unloads an addon when the last thread that loaded it
 * ends, and the engine's thread-local destructors then run into unmapped memory: the process would end by SIGSEGV
 * instead of 0 (chdb 3.4 in a worker thread, on every clean stop).
 */
export async function keepChdbLoaded(): Promise<void> {
  await import('chdb/connection');
}
