/** What the product says of its own books after everything is quiet: on demand, and in the metric of each consumer. */
import type { HttpCaller } from '../crash/http-caller.js';
import { eventuallyAsked, metricsOf } from './app-metrics.js';
import type { AppProcess } from './app-process.js';

interface Reconciliation {
  readonly unexplainedDifference: number;
  readonly differences: readonly unknown[];
  readonly partitions: readonly {
    readonly partition: number;
    readonly appended: number;
    readonly counted: number;
    readonly duplicates: number;
    readonly conflicts: number;
    readonly undecodable: number;
  }[];
}

const ROUND_WITHIN_MS = 120_000;

/** Of the whole log; then of a standing round that began after `quietSince` (monotonic ms) at each consumer. */
export async function judgeReconciled(
  caller: HttpCaller,
  consumers: readonly AppProcess[],
  quietSince: number,
): Promise<string[]> {
  // 503 while a connection to Kafka that a fault has cut is made anew.
  const answer = await eventuallyAsked(async () => {
    const result = await caller.call('/api/v1/reconciliation?log=true');
    return result.kind === 'answer' && result.status === 200 ? result.text : undefined;
  }, ROUND_WITHIN_MS);
  if (answer === undefined) return [`the reconciliation gives no answer for ${ROUND_WITHIN_MS / 1_000} s`];
  const { unexplainedDifference, differences, partitions } = JSON.parse(answer) as Reconciliation;
  const problems = differences.slice(0, 10).map((difference) => `difference: ${JSON.stringify(difference)}`);
  if (unexplainedDifference !== 0) problems.push(`${unexplainedDifference} events are unexplained`);
  for (const { partition, appended, counted, duplicates, conflicts, undecodable } of partitions) {
    const explained = counted + duplicates + conflicts + undecodable;
    if (appended === explained) continue;
    problems.push(`partition ${partition}: ${appended} were appended, ${explained} are explained`);
  }
  for (const consumer of consumers) problems.push(...(await standing(consumer, quietSince)));
  return problems;
}

async function standing(consumer: AppProcess, quietSince: number): Promise<string[]> {
  const { name } = consumer;
  const fresh = await eventuallyAsked(async () => {
    const metrics = await metricsOf(consumer);
    const age = metrics.get('keymeter_reconciliation_age_seconds')?.[0]?.value;
    const isFresh = age !== undefined && age * 1_000 < performance.now() - quietSince;
    return isFresh ? metrics : undefined;
  }, ROUND_WITHIN_MS);
  if (!fresh) return [`${name} has not reconciled for ${ROUND_WITHIN_MS / 1_000} s`];
  const differences = fresh.get('keymeter_unexplained_difference') ?? [];
  return differences
    .filter(({ value }) => value !== 0)
    .map(({ labels, value }) => `${name} says keymeter_unexplained_difference{${labels}} ${value}`);
}
