/** How well the ready policies find what the traffic holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DocumentRun } from '#domain/policies/documents/document-run.js';
import { draftOf } from '#domain/policies/documents/policy-draft.js';
import { readPolicyFile } from '#domain/policies/documents/policy-file.js';
import type { Behaviour, Traffic } from './traffic.js';

export interface Quality {
  readonly policy: string;
  readonly found: number;
  readonly falselyFound: number;
  readonly missed: number;
  readonly leftAlone: number;
}

export function qualityOf(policy: Behaviour, { events, truth }: Traffic): Quality {
  const text = readFileSync(join(import.meta.dirname, '../../policies', `${policy}.yaml`), 'utf8');
  const [read] = readPolicyFile(text).policies;
  if (!read) throw new Error(`${policy}.yaml holds no policy`);
  const run = new DocumentRun(draftOf(read.document));
  const decided = new Set<string>();
  const everyone = new Set<string>();
  for (const event of events) {
    const decision = run.apply(event);
    if (decision) decided.add(decision.target.value);
    const subject = event.data?.[read.document.per[0] ?? ''];
    if (typeof subject === 'string') everyone.add(subject);
  }
  const guilty = truth[policy];
  const found = [...guilty].filter((subject) => decided.has(subject)).length;
  const falselyFound = decided.size - found;
  return {
    policy,
    found,
    falselyFound,
    missed: guilty.size - found,
    leftAlone: everyone.size - guilty.size - falselyFound,
  };
}

export function qualityTable(qualities: readonly Quality[]): string {
  const rows = qualities.map(({ policy, found, falselyFound, missed, leftAlone }) => {
    const precision = (found / Math.max(1, found + falselyFound)).toFixed(2);
    const recall = (found / Math.max(1, found + missed)).toFixed(2);
    return `| ${policy} | ${found} | ${falselyFound} | ${missed} | ${leftAlone} | ${precision} | ${recall} |`;
  });
  return [
    '| policy | found | found wrongly | missed | rightly left alone | precision | recall |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
