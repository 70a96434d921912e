/** Conditions and expressions of policies that were checked when they were saved: one that does not compile is a fault of ours. */
import { compileCondition, compileExpression } from './condition.js';
import type { Variables } from './condition-value.js';

export function storedCondition<Scope>(text: string, variables: Variables<Scope>) {
  const compiled = compileCondition(text, variables);
  if (!compiled.ok) throw new TypeError(`a stored policy's condition ${compiled.fault.reason}`);
  return compiled;
}

export function storedExpression<Scope>(text: string, variables: Variables<Scope>) {
  const compiled = compileExpression(text, variables);
  if (!compiled.ok) throw new TypeError(`a stored policy's expression ${compiled.fault.reason}`);
  return compiled;
}
