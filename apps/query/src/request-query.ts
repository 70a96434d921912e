import type { z } from 'zod';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';

/** What Fastify reads out of a query string: a name that comes again holds a list. */
export type RawQuery = Readonly<Record<string, string | string[]>>;

/** The validated parameters; the 400 names each wrong one. */
export function parseParameters<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, 20).map(({ path, message }) => ({ location: path.join('.'), message }));
  throw invalidInput(
    errors.map(({ location, message }) => (location ? `${location}: ${message}` : message)).join('; '),
    errors,
  );
}

/** A parameter that may be repeated, as a list. */
export function listOf(value: string | string[] | undefined): string[] | undefined {
  return value === undefined ? undefined : [value].flat();
}

/** Members of `name[key]=value` parameters; a repeated one holds several values. */
export function bracketed(raw: RawQuery, name: string): Record<string, string[]> | undefined {
  const members = Object.entries(raw).filter(([key]) => key.startsWith(`${name}[`) && key.endsWith(']'));
  if (members.length === 0) return undefined;
  return Object.fromEntries(members.map(([key, value]) => [key.slice(name.length + 1, -1), [value].flat()]));
}

/** A parameter that carries JSON, as SDKs send what a query string cannot. */
export function jsonParameter(raw: RawQuery, name: string): unknown {
  const text = raw[name];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(String(text));
  } catch (cause) {
    throw Object.assign(new HttpProblem(400, 'application/invalid_input', `${name}: is no valid JSON`), { cause });
  }
}
