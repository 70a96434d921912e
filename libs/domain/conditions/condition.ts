/**
 * Conditions in CEL, compiled once to closures over the checked syntax tree. keymeter's part of the language: fields,
 * literals, lists, `has`, operators and the functions of condition-functions.ts; no macros that loop.
 * Source: the language definition of the Common Expression Language (cel-spec, doc/langdef.md).
 */
import type { Constant, Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { nearestName } from '../nearest-name.js';
import { type ConditionFault, Refusal } from './condition-fault.js';
import { call, functionNames } from './condition-functions.js';
import { binary, type Made, mayBe, nameOf, unary } from './condition-operators.js';
import { type ConditionTree, parseCondition } from './condition-syntax.js';
import { isMap, literal, type Term, type Value, type Variables } from './condition-value.js';

const MAX_ELEMENTS = 200;

export type Condition<Scope> =
  | { readonly ok: true; readonly holds: (scope: Scope) => boolean; readonly tree: ConditionTree }
  | { readonly ok: false; readonly fault: ConditionFault };

/** The text must be a condition: something that is true or false. */
export function compileCondition<Scope>(text: string, variables: Variables<Scope>): Condition<Scope> {
  const compiled = compileExpression(text, variables);
  if (!compiled.ok) return compiled;
  const { term, tree } = compiled;
  if (!mayBe(term.type, 'bool'))
    return { ok: false, fault: { at: 0, reason: `is ${nameOf(term.type)}, not a condition` } };
  const { read } = term;
  return { ok: true, tree, holds: (scope) => read(scope) === true };
}

export type Expression<Scope> =
  | { readonly ok: true; readonly term: Term<Scope>; readonly tree: ConditionTree }
  | { readonly ok: false; readonly fault: ConditionFault };

export function compileExpression<Scope>(text: string, variables: Variables<Scope>): Expression<Scope> {
  try {
    const tree = parseCondition(text);
    return { ok: true, term: new Compiler(variables, tree).term(tree.root), tree };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, fault: { at: error.at, reason: error.reason } };
    throw error;
  }
}

/** A part of an expression that was compiled with the same variables. */
export function compilePart<Scope>(part: Expr, tree: ConditionTree, variables: Variables<Scope>): Term<Scope> {
  return new Compiler(variables, tree).term(part);
}

class Compiler<Scope> {
  constructor(
    private readonly variables: Variables<Scope>,
    private readonly tree: ConditionTree,
  ) {}

  term(expr: Expr): Term<Scope> {
    const { case: kind, value } = expr.exprKind;
    switch (kind) {
      case 'constExpr':
        return this.#literal(value, expr);
      case 'identExpr':
        return this.#variable(value.name, expr);
      case 'selectExpr':
        return this.#field(this.#operand(value.operand, expr), value.field, value.testOnly, expr);
      case 'listExpr':
        return this.#list(value.elements, expr);
      case 'callExpr':
        return this.#call(value.function, value.target ? [value.target, ...value.args] : value.args, expr);
      case 'comprehensionExpr':
        return this.#refuse(expr, 'exists, all, map and filter are not part of conditions; "x in list" is');
      default:
        return this.#refuse(expr, 'objects and messages are not part of conditions');
    }
  }

  #literal({ constantKind: { case: kind, value } }: Constant, expr: Expr): Term<Scope> {
    switch (kind) {
      case 'boolValue':
        return literal('bool', value);
      case 'stringValue':
        return literal('string', value);
      case 'nullValue':
        return literal('null', null);
      case 'int64Value':
      case 'uint64Value':
      case 'doubleValue':
        return literal('number', this.#number(Number(value), expr));
      default:
        return this.#refuse(expr, 'bytes are not part of conditions');
    }
  }

  #number(value: number, expr: Expr): number {
    if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
    return this.#refuse(expr, 'a number beyond 2^53 cannot be compared exactly');
  }

  #variable(name: string, expr: Expr): Term<Scope> {
    const found = Object.hasOwn(this.variables, name) ? this.variables[name] : undefined;
    if (found) return found;
    const names = Object.keys(this.variables);
    return this.#refuse(expr, `there is no "${name}"; did you mean "${nearestName(name, names)}"?`);
  }

  #field(operand: Term<Scope>, name: string, testOnly: boolean, expr: Expr): Term<Scope> {
    if (!mayBe(operand.type, 'map')) this.#refuse(expr, `".${name}" of ${nameOf(operand.type)}: it has no fields`);
    const { read } = operand;
    if (!testOnly) return { type: 'dyn', read: (scope) => fieldOf(read(scope), name) };
    return {
      type: 'bool',
      read: (scope) => {
        const within = read(scope);
        return isMap(within) ? Object.hasOwn(within, name) : undefined;
      },
    };
  }

  #list(elements: readonly Expr[], expr: Expr): Term<Scope> {
    if (elements.length > MAX_ELEMENTS) this.#refuse(expr, `a list of more than ${MAX_ELEMENTS} elements`);
    const terms = elements.map((element) => this.term(element));
    if (terms.every((term) => 'constant' in term))
      return literal(
        'list',
        terms.map(({ constant }) => constant),
      );
    const readers = terms.map(({ read }) => read);
    return { type: 'list', read: (scope) => readers.map((read) => read(scope)) };
  }

  #call(name: string, args: readonly Expr[], expr: Expr): Term<Scope> {
    const terms = args.map((arg) => this.term(arg));
    const [a, b, c] = terms;
    if (name === '_?_:_' && a && b && c) return this.#choice(a, b, c, expr);
    if (name === '_[_]' && a && b) return this.#element(a, b, expr);
    let made: Made<Scope> | undefined;
    if (a && b && terms.length === 2) made = binary(name, a, b);
    else if (a && terms.length === 1) made = unary(name, a);
    made ??= call(name, terms);
    if (made === undefined) {
      this.#refuse(expr, `there is no function "${name}"; did you mean "${nearestName(name, functionNames)}"?`);
    }
    return typeof made === 'string' ? this.#refuse(expr, made) : made;
  }

  #choice(condition: Term<Scope>, yes: Term<Scope>, no: Term<Scope>, expr: Expr): Term<Scope> {
    if (!mayBe(condition.type, 'bool')) this.#refuse(expr, `? needs a condition, this is ${nameOf(condition.type)}`);
    const read = (scope: Scope): Value => {
      const chosen = condition.read(scope);
      return typeof chosen === 'boolean' ? (chosen ? yes : no).read(scope) : undefined;
    };
    return { type: yes.type === no.type ? yes.type : 'dyn', read };
  }

  #element(operand: Term<Scope>, at: Term<Scope>, expr: Expr): Term<Scope> {
    const { constant } = at;
    if (typeof constant === 'string') return this.#field(operand, constant, false, expr);
    if (typeof constant !== 'number' || !mayBe(operand.type, 'list')) {
      return this.#refuse(expr, '[ ] needs a field name or a place in a list, written out');
    }
    const { read } = operand;
    const element = (scope: Scope): Value => {
      const list = read(scope);
      return Array.isArray(list) ? (list[constant] as Value) : undefined;
    };
    return { type: 'dyn', read: element };
  }

  #operand(operand: Expr | undefined, expr: Expr): Term<Scope> {
    return operand ? this.term(operand) : this.#refuse(expr, 'a field of nothing');
  }

  #refuse(expr: Expr, reason: string): never {
    throw new Refusal(this.tree.positionOf(expr), reason);
  }
}

function fieldOf(within: Value, name: string): Value {
  return isMap(within) && Object.hasOwn(within, name) ? (within[name] as Value) : undefined;
}
