/** What must be so for a condition to hold at all: an index asks this before it asks the condition. */
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';

/**
 * The texts one of which the variable must have; undefined where the condition may hold whatever it is. Conservative:
 * only `name == "text"` and `name in ["text", …]`, alone or joined by && and ||, are understood.
 */
export function requiredValues(expr: Expr, name: string): ReadonlySet<string> | undefined {
  if (expr.exprKind.case !== 'callExpr') return undefined;
  const { function: operator, args } = expr.exprKind.value;
  const [a, b] = args;
  if (!a || !b) return undefined;
  const sides = () => [requiredValues(a, name), requiredValues(b, name)] as const;
  switch (operator) {
    case '_&&_': {
      const [left, right] = sides();
      if (!left || !right) return left ?? right;
      return new Set([...left].filter((text) => right.has(text)));
    }
    case '_||_': {
      const [left, right] = sides();
      return left && right && new Set([...left, ...right]);
    }
    case '_==_':
      return isVariable(a, name) ? texts([b]) : isVariable(b, name) ? texts([a]) : undefined;
    case '@in':
      return isVariable(a, name) && b.exprKind.case === 'listExpr' ? texts(b.exprKind.value.elements) : undefined;
    default:
      return undefined;
  }
}

function isVariable({ exprKind }: Expr, name: string): boolean {
  return exprKind.case === 'identExpr' && exprKind.value.name === name;
}

function texts(exprs: readonly Expr[]): ReadonlySet<string> | undefined {
  const found = new Set<string>();
  for (const { exprKind } of exprs) {
    if (exprKind.case !== 'constExpr' || exprKind.value.constantKind.case !== 'stringValue') return undefined;
    found.add(exprKind.value.constantKind.value);
  }
  return found;
}
