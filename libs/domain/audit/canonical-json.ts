/**
 * One text for one JSON value: names in the order of their code units, no spaces, numbers as ECMAScript writes them
 * (RFC 8785, "JSON Canonicalization Scheme"). What is hashed must not depend on who wrote the text.
 */
import type { Json } from '../json.js';

export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] as Json)}`);
  return `{${members.join(',')}}`;
}
