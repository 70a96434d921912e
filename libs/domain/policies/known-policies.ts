/** Policies read from many records that carry the same few: each is checked once, its condition compiled once. */
import { z } from 'zod';
import { type Policy, policySchema } from './policy.js';

/** Twice as many as there can be policies: versions change. */
const MAX_KNOWN = 2_000;

export class KnownPolicies {
  readonly #byText = new Map<string, Policy>();

  /** The same object for the same content; a reason where it is none. */
  read(value: unknown): Policy | { readonly reason: string } {
    const text = JSON.stringify(value);
    const known = this.#byText.get(text);
    if (known) return known;
    const parsed = policySchema.safeParse(value);
    if (!parsed.success) return { reason: z.prettifyError(parsed.error) };
    if (this.#byText.size >= MAX_KNOWN) this.#byText.clear();
    this.#byText.set(text, parsed.data);
    return parsed.data;
  }
}
