/** Events per second on one core of ten policies that measure all kinds of things, over 100,000 subjects. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { draftOf } from '#domain/policies/documents/policy-draft.js';
import { readPolicyFile } from '#domain/policies/documents/policy-file.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { requests } from './requests.js';

const POLICIES = 10;
const SUBJECTS = 100_000;
const WARM_UP = 300_000;
const BATCH = 2_000;

export function mixedRate(folder: string, events = 500_000): { eventsPerSecond: number; policies: string } {
  const engine = new PolicyEngine();
  const files = readdirSync(folder).sort();
  const documents = files.flatMap((file) => readPolicyFile(readFileSync(join(folder, file), 'utf8')).policies);
  for (const { document } of documents.slice(0, POLICIES))
    engine.putPolicy({ ...draftOf(document), id: `pol_${document.name}`, mode: 'on' });
  const source = requests(SUBJECTS);
  for (const event of source.take(WARM_UP)) engine.apply(event);
  let elapsedMs = 0;
  for (let done = 0; done < events; done += BATCH) {
    const batch = source.take(BATCH);
    const start = performance.now();
    for (const event of batch) engine.apply(event);
    elapsedMs += performance.now() - start;
  }
  const names = engine.policies.map(({ name }) => name).join(', ');
  return { eventsPerSecond: Math.round((events / elapsedMs) * 1_000), policies: names };
}
