/** Goes on at once with a plain value: the embedded adapters answer in the same turn, and promises cost throughput. */
export function whenReady<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
