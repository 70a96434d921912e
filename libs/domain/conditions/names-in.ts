/** The variables that an expression names: whatever it reads is among them. */
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { parseCondition } from './condition-syntax.js';

/** Of a text that was checked when it was saved. */
export function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = ({ exprKind: { case: kind, value } }: Expr): void => {
    if (kind === 'identExpr') names.add(value.name);
    else if (kind === 'selectExpr') visitAll([value.operand]);
    else if (kind === 'listExpr') visitAll(value.elements);
    else if (kind === 'callExpr') visitAll([value.target, ...value.args]);
  };
  const visitAll = (parts: readonly (Expr | undefined)[]) => {
    for (const part of parts) if (part) visit(part);
  };
  visit(parseCondition(text).root);
  return names;
}
