/** The policies that come with keymeter: sound, and doing what their own tests say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PolicyFault, policyJsonSchema, readPolicyFile } from '#domain/policies/documents/policy-file.js';
import { missingExamples, runPolicyTests } from '#domain/policies/documents/policy-tests.js';
import { conflictsOf } from '#domain/policies/policy-conflicts.js';

const FOLDER = join(import.meta.dirname, '../policies');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
const read = files.map((file) => readPolicyFile(readFileSync(join(FOLDER, file), 'utf8')));

test('are sound, are in shadow until an operator says otherwise, and are called as their files', () => {
  expect(files.length).toBeGreaterThanOrEqual(11);
  expect(read.flatMap(({ faults: found }): readonly PolicyFault[] => found)).toEqual([]);
  expect(read.map(({ policies: [policy] }) => `${policy?.document.name}.yaml`)).toEqual(files);
  expect(read.map(({ policies: [policy] }) => policy?.document.mode)).toEqual(files.map(() => 'shadow'));
});

test.each(files)('%s does what its own tests say, acting and staying silent', (file) => {
  const [policy] = readPolicyFile(readFileSync(join(FOLDER, file), 'utf8')).policies;
  if (!policy) throw new Error('no policy');
  expect(missingExamples(policy.document)).toBeUndefined();
  const outcomes = runPolicyTests(policy.document);
  expect(outcomes.map(({ name, found }) => ({ name, found }))).toEqual(
    outcomes.map(({ name, expected }) => ({ name, found: expected })),
  );
});

test('those that could hold one subject at once are named in pairs', () => {
  const documents = read.flatMap(({ policies }) => policies.map(({ document }) => document));
  const pairs = conflictsOf(documents).map(({ first, second }) => `${first} ${second}`);
  expect(pairs).toContain('burst scraping');
  expect(pairs).toContain('cost-ceiling daily-quota');
  expect(pairs.filter((pair) => pair.includes('credential-stuffing'))).toEqual([]);
});

test('the committed JSON schema is what the schema of documents says now (node scripts/policy-schema.mjs)', () => {
  const committed = readFileSync(join(FOLDER, '../docs/policy.schema.json'), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
});

test('the example of the guide does what its tests say', () => {
  const guide = readFileSync(join(FOLDER, '../docs/guides/policy-documents.md'), 'utf8');
  const [, example = ''] = /```yaml\n(kind: Policy\n[\s\S]*?)```/.exec(guide) ?? [];
  const { policies, faults } = readPolicyFile(example);
  expect(faults).toEqual([]);
  const outcomes = policies.flatMap(({ document }) => runPolicyTests(document));
  expect(outcomes.map(({ passed }) => passed)).toEqual([true, true]);
});
