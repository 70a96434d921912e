/** How one setting is described. */
import { z } from 'zod';

export const MiB = 1024 * 1024;

export function setting<T extends z.ZodType>(schema: T, unit: string, meaning: string): T {
  return schema.meta({ unit, description: meaning }) as T;
}

export function whole(least: number, most: number, preset: number) {
  const range = `must be a whole number from ${least} to ${most}`;
  return z.coerce.number({ error: range }).int(range).min(least, range).max(most, range).default(preset);
}

export function secret(meaning: string) {
  return setting(z.string().min(1).max(1024).optional(), 'secret', meaning);
}

export function file(meaning: string) {
  return setting(z.string().min(1).optional(), 'file', meaning);
}
