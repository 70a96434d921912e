/** The functions of conditions: CEL's own for texts and sizes, `inNetwork` and `network` for addresses. */
import { RE2JS } from '@bufbuild/re2';
import { isScalar } from '../events/usage-row.js';
import { type Made, mayBe, nameOf } from './condition-operators.js';
import { isMap, numberOf, type Term, type Value, type ValueType } from './condition-value.js';
import { networkOf, parseNetwork } from './ip-network.js';

/** Repetitions of repetitions grow a pattern's program; matching stays linear in the text whatever the pattern. */
const MAX_PATTERN_CHARS = 256;
const MAX_REPETITIONS = 100;

interface Signature {
  readonly takes: readonly ValueType[];
  readonly gives: ValueType;
}

/** `prepare` makes the test once from the last argument, which must be a literal; it throws a reason. */
type FunctionOf = Signature & ({ readonly apply: (...values: never[]) => Value } | { readonly prepare: Prepare });

type Prepare = (literal: string) => (text: string) => boolean;

const OF_TWO_TEXTS: Signature = { takes: ['string', 'string'], gives: 'bool' };

const FUNCTIONS: Readonly<Record<string, FunctionOf>> = {
  startsWith: texts((text, part) => text.startsWith(part)),
  endsWith: texts((text, part) => text.endsWith(part)),
  contains: texts((text, part) => text.includes(part)),
  lowerAscii: {
    takes: ['string'],
    gives: 'string',
    apply: (text: string) => text.replace(/[A-Z]+/g, (it) => it.toLowerCase()),
  },
  size: { takes: ['dyn'], gives: 'number', apply: sizeOf },
  string: { takes: ['dyn'], gives: 'string', apply: (it: Value) => (isScalar(it) ? String(it) : undefined) },
  double: { takes: ['dyn'], gives: 'number', apply: numberOf },
  network: {
    takes: ['string'],
    gives: 'string',
    apply: (it: Value) => (typeof it === 'string' ? networkOf(it) : undefined),
  },
  matches: { ...OF_TWO_TEXTS, prepare: patternTest },
  inNetwork: { ...OF_TWO_TEXTS, prepare: networkTest },
};

/** A method call's target is its first argument. Undefined where there is no function of that name. */
export function call<Scope>(name: string, args: readonly Term<Scope>[]): Made<Scope> | undefined {
  const found = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!found) return undefined;
  const { takes, gives: type } = found;
  if (args.length !== takes.length) return `${name} takes ${takes.length} values, not ${args.length}`;
  for (const [n, { type: given }] of args.entries()) {
    const wanted = takes[n] as ValueType;
    if (wanted !== 'dyn' && !mayBe(given, wanted)) return `${name} needs ${nameOf(wanted)}, this is ${nameOf(given)}`;
  }
  const [first, second] = args.map(({ read }) => read) as [Term<Scope>['read'], Term<Scope>['read']?];
  if ('prepare' in found) return prepared(name, first, args[1]?.constant, found.prepare);
  const run = found.apply as (...values: Value[]) => Value;
  if (second === undefined) return { type, read: (scope) => run(first(scope)) };
  return { type, read: (scope) => run(first(scope), second(scope)) };
}

export const functionNames: readonly string[] = Object.keys(FUNCTIONS);

function prepared<Scope>(name: string, first: Term<Scope>['read'], argument: Value, prepare: Prepare): Made<Scope> {
  if (typeof argument !== 'string') return `${name} needs a text written out, so that it can be checked`;
  let test: (value: string) => boolean;
  try {
    test = prepare(argument);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const read = (scope: Scope) => {
    const value = first(scope);
    return typeof value === 'string' ? test(value) : undefined;
  };
  return { type: 'bool', read };
}

function texts(test: (text: string, part: string) => boolean): FunctionOf {
  const apply = (text: Value, part: Value) =>
    typeof text === 'string' && typeof part === 'string' ? test(text, part) : undefined;
  return { ...OF_TWO_TEXTS, apply };
}

function patternTest(pattern: string): (text: string) => boolean {
  if (pattern.length > MAX_PATTERN_CHARS) throw new Error(`a pattern of more than ${MAX_PATTERN_CHARS} characters`);
  const repetitions = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  const product = repetitions.reduce((all, [, least = '1', most]) => all * Math.max(1, Number(most || least)), 1);
  if (product > MAX_REPETITIONS) throw new Error(`a pattern that repeats more than ${MAX_REPETITIONS} times`);
  let compiled: ReturnType<typeof RE2JS.compile>;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`a pattern that RE2 does not take (${reason.slice(0, 120)})`);
  }
  return (text) => compiled.test(text);
}

function networkTest(text: string): (address: string) => boolean {
  const network = parseNetwork(text);
  if (!network) throw new Error('inNetwork needs a network such as "10.0.0.0/8" or "2001:db8::/32"');
  return network;
}

function sizeOf(it: Value): Value {
  if (typeof it === 'string') return [...it].length;
  if (Array.isArray(it)) return it.length;
  return isMap(it) ? Object.keys(it).length : undefined;
}
