/** What the condition of a policy may say: its measures by name, and everything about the event that moved them. */
import type { Term, Variables } from '../../conditions/condition-value.js';
import { EVENT_VARIABLES } from '../../conditions/event-variables.js';
import type { PlacedEvent } from '../../events/usage-event.js';

export interface WhenScope {
  event: PlacedEvent;
  /** The value of the measure with that number, at the subject's newest event. */
  measure(number: number): number;
}

export function whenVariables(measures: readonly string[]): Variables<WhenScope> {
  const variables: Record<string, Term<WhenScope>> = {};
  for (const [name, term] of Object.entries(EVENT_VARIABLES)) {
    const { read } = term;
    variables[name] = { ...term, read: ({ event }) => read(event) };
  }
  measures.forEach((name, number) => {
    variables[name] = { type: 'number', read: (scope) => scope.measure(number) };
  });
  return variables;
}
