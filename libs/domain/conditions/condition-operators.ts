/** CEL's operators over terms. Types that cannot go together are refused where they are known before any event. */
import { isMap, type Term, type Value, type ValueType } from './condition-value.js';

/** A text says why there is no such term. */
export type Made<Scope> = Term<Scope> | string;

type Reader<Scope> = Term<Scope>['read'];

const NAMES: Record<ValueType, string> = {
  bool: 'true or false',
  number: 'a number',
  string: 'a text',
  null: 'null',
  list: 'a list',
  map: 'an object',
  dyn: 'anything',
};

export const nameOf = (type: ValueType): string => NAMES[type];

export function mayBe(type: ValueType, wanted: ValueType): boolean {
  return type === wanted || type === 'dyn';
}

export function unary<Scope>(operator: string, operand: Term<Scope>): Made<Scope> | undefined {
  const { type, read } = operand;
  switch (operator) {
    case '!_':
      if (!mayBe(type, 'bool')) return `! needs true or false, this is ${nameOf(type)}`;
      return { type: 'bool', read: (scope) => negated(read(scope)) };
    case '-_':
      if (!mayBe(type, 'number')) return `- needs a number, this is ${nameOf(type)}`;
      return { type: 'number', read: (scope) => numeric(read(scope), (x) => -x) };
    default:
      return undefined;
  }
}

export function binary<Scope>(operator: string, a: Term<Scope>, b: Term<Scope>): Made<Scope> | undefined {
  switch (operator) {
    case '_&&_':
      return logical(a, b, false);
    case '_||_':
      return logical(a, b, true);
    case '_==_':
      return equality(a, b, true);
    case '_!=_':
      return equality(a, b, false);
    case '_<_':
      return ordered(a, b, (x, y) => x < y);
    case '_<=_':
      return ordered(a, b, (x, y) => x <= y);
    case '_>_':
      return ordered(a, b, (x, y) => x > y);
    case '_>=_':
      return ordered(a, b, (x, y) => x >= y);
    case '_+_':
      return a.type === 'string' || b.type === 'string' ? joined(a, b) : arithmetic(a, b, (x, y) => x + y);
    case '_-_':
      return arithmetic(a, b, (x, y) => x - y);
    case '_*_':
      return arithmetic(a, b, (x, y) => x * y);
    case '_/_':
      return arithmetic(a, b, (x, y) => (y === 0 ? undefined : x / y));
    case '_%_':
      return arithmetic(a, b, (x, y) => (y === 0 ? undefined : x % y));
    case '@in':
      return membership(a, b);
    default:
      return undefined;
  }
}

/** Errors are absorbed where the other side decides alone, as CEL has it. */
function logical<Scope>(a: Term<Scope>, b: Term<Scope>, decisive: boolean): Made<Scope> {
  const wrong = [a, b].find(({ type }) => !mayBe(type, 'bool'));
  if (wrong) return `${decisive ? '||' : '&&'} needs true or false on both sides, one is ${nameOf(wrong.type)}`;
  const [first, second] = [a.read, b.read];
  const read: Reader<Scope> = (scope) => {
    const x = first(scope);
    if (x === decisive) return decisive;
    const y = second(scope);
    if (y === decisive) return decisive;
    return typeof x === 'boolean' && typeof y === 'boolean' ? !decisive : undefined;
  };
  return { type: 'bool', read };
}

function equality<Scope>(a: Term<Scope>, b: Term<Scope>, wanted: boolean): Made<Scope> {
  const wrong = [a, b].find(({ type }) => type === 'list' || type === 'map');
  if (wrong) return `== and != compare single values, one side is ${nameOf(wrong.type)}`;
  if (!mayBe(a.type, b.type) && !mayBe(b.type, a.type) && a.type !== 'null' && b.type !== 'null') {
    return `compares ${nameOf(a.type)} with ${nameOf(b.type)}`;
  }
  const first = a.read;
  if ('constant' in b) {
    const { constant } = b;
    return { type: 'bool', read: (scope) => compared(first(scope), constant, wanted) };
  }
  const second = b.read;
  return { type: 'bool', read: (scope) => compared(first(scope), second(scope), wanted) };
}

function compared(x: Value, y: Value, wanted: boolean): Value {
  if (x === y) return x === undefined ? undefined : wanted;
  return x === undefined || y === undefined || isCompound(x) || isCompound(y) ? undefined : !wanted;
}

function ordered<Scope>(a: Term<Scope>, b: Term<Scope>, holds: (x: never, y: never) => boolean): Made<Scope> {
  const wrong = [a, b].find(({ type }) => !mayBe(type, 'number') && !mayBe(type, 'string'));
  if (wrong) return `needs numbers or texts to compare, one side is ${nameOf(wrong.type)}`;
  if (!mayBe(a.type, b.type) && !mayBe(b.type, a.type)) return `compares ${nameOf(a.type)} with ${nameOf(b.type)}`;
  const test = holds as (x: number | string, y: number | string) => boolean;
  const [first, second] = [a.read, b.read];
  const read: Reader<Scope> = (scope) => {
    const x = first(scope);
    const y = second(scope);
    if (typeof x === 'number') return typeof y === 'number' ? test(x, y) : undefined;
    return typeof x === 'string' && typeof y === 'string' ? test(x, y) : undefined;
  };
  return { type: 'bool', read };
}

function arithmetic<Scope>(
  a: Term<Scope>,
  b: Term<Scope>,
  apply: (x: number, y: number) => number | undefined,
): Made<Scope> {
  const wrong = [a, b].find(({ type }) => !mayBe(type, 'number'));
  if (wrong) return `calculates with numbers, one side is ${nameOf(wrong.type)}`;
  const [first, second] = [a.read, b.read];
  const read: Reader<Scope> = (scope) => {
    const y = second(scope);
    return typeof y === 'number' ? numeric(first(scope), (x) => apply(x, y)) : undefined;
  };
  return { type: 'number', read };
}

function joined<Scope>(a: Term<Scope>, b: Term<Scope>): Made<Scope> {
  const wrong = [a, b].find(({ type }) => !mayBe(type, 'string'));
  if (wrong) return `joins two texts, one side is ${nameOf(wrong.type)}; string(x) makes a text`;
  const [first, second] = [a.read, b.read];
  const read: Reader<Scope> = (scope) => {
    const x = first(scope);
    const y = second(scope);
    return typeof x === 'string' && typeof y === 'string' ? x + y : undefined;
  };
  return { type: 'string', read };
}

function membership<Scope>(item: Term<Scope>, within: Term<Scope>): Made<Scope> {
  if (!mayBe(within.type, 'list') && !mayBe(within.type, 'map')) {
    return `"in" needs a list or an object on its right, this is ${nameOf(within.type)}`;
  }
  const first = item.read;
  if (Array.isArray(within.constant)) {
    const members = new Set(within.constant);
    const read: Reader<Scope> = (scope) => {
      const x = first(scope);
      return x === undefined ? undefined : members.has(x);
    };
    return { type: 'bool', read };
  }
  const second = within.read;
  const read: Reader<Scope> = (scope) => {
    const x = first(scope);
    const set = second(scope);
    if (x === undefined || isCompound(x)) return undefined;
    if (Array.isArray(set)) return set.includes(x);
    return isMap(set) && typeof x === 'string' ? Object.hasOwn(set, x) : undefined;
  };
  return { type: 'bool', read };
}

function negated(x: Value): Value {
  return typeof x === 'boolean' ? !x : undefined;
}

function numeric(x: Value, apply: (x: number) => number | undefined): Value {
  return typeof x === 'number' ? apply(x) : undefined;
}

function isCompound(x: Value): boolean {
  return typeof x === 'object' && x !== null;
}
