/** What a policy costs and what it meets, said before it runs. */
import { compileCondition } from '../../conditions/condition.js';
import { EVENT_VARIABLES } from '../../conditions/event-variables.js';
import { requiredValues } from '../../conditions/required-values.js';
import { DEFAULT_LIMITS } from '../engine.js';
import { EngineCounters } from '../engine-counters.js';
import { DocumentRun } from './document-run.js';
import type { PolicyDocument } from './policy-document.js';
import { draftOf } from './policy-draft.js';

/** A name of a usual length in the table of subjects, and its place there. */
const NAME_BYTES = 100;

/** Bytes of state for each subject; values of unique counts and percentiles come on top. */
export function bytesPerSubject(document: PolicyDocument): number {
  return new DocumentRun(draftOf(document), DEFAULT_LIMITS, new EngineCounters()).bytesPerSubject + NAME_BYTES;
}

export interface Conflict {
  readonly first: string;
  readonly second: string;
  readonly per: string;
}

/** Pairs that could hold one subject at two stages at once: both act on the same kind of subject, and events of one type move both. */
export function conflictsOf(documents: readonly PolicyDocument[]): Conflict[] {
  const acting = documents.filter(({ mode, then }) => mode !== 'off' && then.some(({ action }) => action !== 'warn'));
  return acting.flatMap((first, n) =>
    acting.slice(n + 1).flatMap((second): Conflict[] => {
      const per = first.per[0] ?? '';
      if (
        per !== second.per[0] ||
        !meet(outcomesOf(first), outcomesOf(second)) ||
        !meet(typesOf(first), typesOf(second))
      ) {
        return [];
      }
      return [{ first: first.name, second: second.name, per }];
    }),
  );
}

type Required = ReadonlySet<string> | undefined;

function meet(a: Required, b: Required): boolean {
  return a === undefined || b === undefined || [...a].some((value) => b.has(value));
}

const typesOf = (document: PolicyDocument) => required(document, 'type');
const outcomesOf = (document: PolicyDocument) => required(document, 'outcome');

function required({ match }: PolicyDocument, name: string): Required {
  const compiled = compileCondition(match, EVENT_VARIABLES);
  return compiled.ok ? requiredValues(compiled.tree.root, name) : undefined;
}
