/** Fields that several operations of the key protocol share, with the protocol's limits. */
import { z } from 'zod';
import type { Json, JsonObject } from '#domain/json.js';

const MAX_META_CHARS = 16_384;
const MAX_META_DEPTH = 16;
const MAX_CREDITS = 1_000_000_000_000;
const MAX_TIME = 4_102_444_800_000;

export const id = z
  .string()
  .min(3)
  .max(255)
  .regex(/^[a-zA-Z0-9_]+$/, 'letters, digits and _ only');
export const externalId = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-zA-Z0-9_.-]+$/, 'letters, digits, _ . - only');
export const presentedKey = z.string().min(1).max(512);
export const prefix = z
  .string()
  .min(1)
  .max(16)
  .regex(/^[a-zA-Z0-9_-]+$/, 'letters, digits, _ and - only');
export const displayName = z.string().min(1).max(255);
export const byteLength = z.int().min(16).max(255);
export const expires = z.int().min(0).max(MAX_TIME);
export const credits = z.int().min(0).max(MAX_CREDITS);

export const permissions = z
  .array(
    z
      .string()
      .min(1)
      .max(128)
      .regex(/^[a-zA-Z0-9_:\-.*]+$/, 'letters, digits and _ : - . * only'),
  )
  .max(1000);

export const roles = z.array(z.string().min(1).max(255)).max(100);

export const meta = z.custom<JsonObject>(
  (value) => isObject(value) && Object.keys(value).length <= 100 && isBounded(value),
  `an object of at most 100 properties, ${MAX_META_DEPTH} levels and ${MAX_META_CHARS} characters`,
);

export const refill = z
  .strictObject({
    interval: z.enum(['daily', 'monthly']),
    amount: z.int().min(1).max(MAX_CREDITS),
    refillDay: z.int().min(1).max(31).optional(),
  })
  .refine((it) => it.interval === 'monthly' || it.refillDay === undefined, {
    path: ['refillDay'],
    message: 'goes with the interval "monthly" only',
  });

export const rateLimits = z
  .array(
    z.strictObject({
      name: z.string().min(3).max(128),
      limit: z.int().min(1).max(MAX_CREDITS),
      duration: z.int().min(1000).max(2_592_000_000),
      autoApply: z.boolean().default(false),
    }),
  )
  .max(50)
  .refine((all) => new Set(all.map((it) => it.name)).size === all.length, 'names must differ');

export type RateLimitInput = z.infer<typeof rateLimits>[number];

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Depth first and without recursion, so that the text of a value is made only when it is shallow. */
function isBounded(root: JsonObject): boolean {
  const open: [Json, number][] = [[root, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, depth] = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= MAX_META_DEPTH) return false;
    for (const child of Object.values(value)) open.push([child, depth + 1]);
  }
  return JSON.stringify(root).length <= MAX_META_CHARS;
}
