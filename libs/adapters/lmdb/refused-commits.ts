/**
 * When the disk refuses a commit, lmdb rejects the transaction's promise, which its caller handles, and besides it the
 * promise of every single write in it and an inner one, which nobody holds: unhandled, they would end the process
 * (lmdb 3.5). Those are ignored here; every other unhandled rejection still ends the process.
 */
let installed = false;

export function ignoreRefusedCommits(): void {
  if (installed) return;
  installed = true;
  process.on('unhandledRejection', (reason) => {
    const inner = (reason as { commitError?: Promise<unknown> } | undefined)?.commitError;
    if (!(inner instanceof Promise)) throw reason;
    inner.catch(() => undefined);
  });
}
