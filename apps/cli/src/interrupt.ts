/** The first SIGINT or SIGTERM asks for an orderly end, the second one ends the process as usual. */
export function interruptSignal(target: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) target.once(signal, () => controller.abort());
  return controller.signal;
}
