/** One line of test/bad-inputs.json: a request with one defect, and what the product answers to it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const headers = z.record(z.string(), z.string().nullable());

const generate = z.strictObject({
  /** `raw`, `path`, or a member of the body such as `body.data.blob`. */
  into: z.string(),
  prefix: z.string().default(''),
  repeat: z.string().optional(),
  times: z.int().optional(),
  suffix: z.string().default(''),
  item: z.string().optional(),
  count: z.int().optional(),
  encoding: z.literal('gzip').optional(),
  cutTo: z.int().optional(),
});
export type Generate = z.infer<typeof generate>;

const requestFields = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE', 'RAW', 'CLI', 'START']),
  path: z.string(),
  headers: headers.optional(),
  body: z.unknown().optional(),
  raw: z.string().optional(),
  rawBase64: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  generate: generate.optional(),
});
export type BadRequest = z.infer<typeof requestFields>;

const statuses = z.union([z.int(), z.array(z.int()).min(1)]).transform((it) => (Array.isArray(it) ? it : [it]));

const badInput = z.strictObject({
  id: z.string(),
  area: z.string(),
  request: requestFields.extend({ given: z.array(requestFields).default([]) }),
  expect: z.strictObject({
    /** HTTP status; exit code of CLI and START; 0 of RAW is a connection closed without an answer. */
    status: statuses,
    code: z.string().optional(),
    bodyMustMatch: z.string().optional(),
    neverContains: z.array(z.string()).default([]),
    headerMustMatch: z.record(z.string(), z.string()).default({}),
    headerAbsent: z.string().optional(),
    withinMs: z.int().optional(),
    andThen: z.string().optional(),
  }),
  why: z.string(),
});
export type BadInput = z.infer<typeof badInput>;

export function readBadInputs(): BadInput[] {
  const file = fileURLToPath(new URL('../bad-inputs.json', import.meta.url));
  return z.array(badInput).parse(JSON.parse(readFileSync(file, 'utf8')));
}
