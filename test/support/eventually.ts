/** Repeats a check until it holds, and resolves with its value; after `timeoutMs` its last failure is thrown. */
export async function eventually<T = void>(check: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
