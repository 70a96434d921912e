/** Writes docs/policy.schema.json, by which editors know policy documents, from the schema that checks them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

prepare();
const { policyJsonSchema } = await import(
  new URL('dist/libs/domain/policies/documents/policy-file.js', `file://${root}/`)
);
writeFileSync(join(root, 'docs/policy.schema.json'), `${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
