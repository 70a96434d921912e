/** Waits until an app on this machine does its whole work. */
const READY_WITHIN_MS = 60_000;
const ASK_EVERY_MS = 100;

/** Throws where `isRunning` says no before it is ready, or its time is over. */
export async function untilReady(name, url, isRunning = () => true, withinMs = READY_WITHIN_MS) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (!isRunning()) throw new Error(`${name} ended before it was ready`);
    if (Date.now() > deadline) throw new Error(`${name} is not ready: ${(await answer?.text()) ?? 'no answer'}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}
