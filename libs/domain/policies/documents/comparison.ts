/** The comparisons of a policy's condition: by them a decision says which value went over which threshold. */
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { compilePart } from '../../conditions/condition.js';
import type { ConditionTree } from '../../conditions/condition-syntax.js';
import type { Term } from '../../conditions/condition-value.js';
import { type WhenScope, whenVariables } from './when-variables.js';

export interface Comparison {
  /** Of the compared measure. */
  readonly name: string;
  readonly number: number;
  readonly holds: Term<WhenScope>['read'];
  /** The other side. */
  readonly threshold: Term<WhenScope>['read'];
}

const COMPARES = new Set(['_>_', '_>=_', '_<_', '_<=_', '_==_']);

export function comparisonsOf(tree: ConditionTree, measures: readonly string[]): Comparison[] {
  const variables = whenVariables(measures);
  const found: Comparison[] = [];
  const visit = ({ exprKind }: Expr, expr: Expr): void => {
    if (exprKind.case !== 'callExpr') return;
    const { function: operator, args } = exprKind.value;
    const [a, b] = args;
    if (COMPARES.has(operator) && a && b) {
      const [name, other] = isMeasure(a, measures) ? [nameOf(a), b] : [nameOf(b), a];
      if (measures.includes(name)) {
        found.push({
          name,
          number: measures.indexOf(name),
          holds: compilePart(expr, tree, variables).read,
          threshold: compilePart(other, tree, variables).read,
        });
      }
    }
    for (const arg of args) visit(arg, arg);
  };
  visit(tree.root, tree.root);
  return found;
}

function isMeasure(expr: Expr, measures: readonly string[]): boolean {
  return measures.includes(nameOf(expr));
}

function nameOf({ exprKind }: Expr): string {
  return exprKind.case === 'identExpr' ? exprKind.value.name : '';
}
