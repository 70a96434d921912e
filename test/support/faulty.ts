/**
 * The same object with some methods replaced; the replacement gets the real call to make, or not. This is how faults
 * are put before, after or in place of a call of a real adapter.
 */
type Replacements<T> = {
  [K in keyof T]?: T[K] extends (...args: infer A) => infer R ? (call: () => R, ...args: A) => R : never;
};

export function faulty<T extends object>(target: T, replacements: Replacements<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const replacement = replacements[name as keyof T] as ((...args: unknown[]) => unknown) | undefined;
      if (!replacement) return value.bind(target);
      return (...args: unknown[]) => replacement(() => value.apply(target, args), ...args);
    },
  });
}
