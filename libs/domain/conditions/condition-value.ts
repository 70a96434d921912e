/** What conditions compute with, and the parts they are compiled to. */

/**
 * Numbers are doubles, whole or not. `undefined` is what CEL calls an error: a field that is not there, a comparison of
 * a text with a number that only the event reveals. A condition holds where it is `true`, and nowhere else.
 */
export type Value =
  | boolean
  | number
  | string
  | null
  | undefined
  | readonly unknown[]
  | { readonly [name: string]: unknown };

/** `dyn` is known only from the event. */
export type ValueType = 'bool' | 'number' | 'string' | 'null' | 'list' | 'map' | 'dyn';

export interface Term<Scope> {
  readonly type: ValueType;
  readonly read: (scope: Scope) => Value;
  /** Of literals: the same in every scope. */
  readonly constant?: Value;
}

/** The names that a condition may use. */
export type Variables<Scope> = Readonly<Record<string, Term<Scope>>>;

export const literal = (type: ValueType, constant: Value): Term<unknown> => ({ type, constant, read: () => constant });

export const isMap = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A text that is written as a number means that number: senders write 200 and "200", and meters take both. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}
