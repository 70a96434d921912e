/** From text to a CEL syntax tree of bounded size: what is hostile is refused before the parser sees it. */
import { parse } from '@bufbuild/cel';
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { Refusal } from './condition-fault.js';

export const MAX_CONDITION_CHARS = 2_000;
export const MAX_NESTING = 24;
export const MAX_LITERAL_CHARS = 512;
/** Operators in a row bind from the left: each is one level deeper in the tree. */
export const MAX_OPERATORS = 100;

export interface ConditionTree {
  readonly root: Expr;
  /** Where a node of the tree stands in the text. */
  readonly positionOf: (expr: Expr) => number;
}

export function parseCondition(text: string): ConditionTree {
  checkSize(text);
  try {
    const { expr: root, sourceInfo } = parse(text);
    return { root, positionOf: ({ id }) => firstCharacter(text, sourceInfo?.positions[String(id)] ?? 0) };
  } catch (error) {
    throw syntaxRefusal(error);
  }
}

const TOKEN = /r?"(?:[^"\\\n]|\\.)*"|r?'(?:[^'\\\n]|\\.)*'|[([{]|[)\]}]|[-+*/%!<>=&|?:]+|[\w.]+|\s+|./gs;

function checkSize(text: string): void {
  if (text.trim() === '') throw new Refusal(0, 'is empty; "true" matches everything');
  if (text.length > MAX_CONDITION_CHARS) {
    throw new Refusal(MAX_CONDITION_CHARS, `has ${text.length} characters; ${MAX_CONDITION_CHARS} at most`);
  }
  let depth = 0;
  let operators = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const first = token.charAt(0);
    if ('([{'.includes(first)) depth++;
    else if (')]}'.includes(first)) depth--;
    else if ('-+*/%!<>=&|?:'.includes(first)) operators += token.length;
    else if (token.length > MAX_LITERAL_CHARS) {
      throw new Refusal(index, `a text or number of more than ${MAX_LITERAL_CHARS} characters`);
    }
    if (depth > MAX_NESTING) throw new Refusal(index, `brackets are nested more than ${MAX_NESTING} deep`);
    if (operators > 2 * MAX_OPERATORS) throw new Refusal(index, `more than ${MAX_OPERATORS} operators`);
  }
}

function firstCharacter(text: string, from: number): number {
  let at = from;
  while (text.charAt(at) === ' ' || text.charAt(at) === '\n') at++;
  return at;
}

/** The parser says `<input>:1:7: found "=" but expecting …` with a list of all that could stand there. */
function syntaxRefusal(error: unknown): Refusal {
  const message = error instanceof Error ? error.message : String(error);
  const [, column = '1', found = message] =
    /^<input>:\d+:(\d+): (?:found )?(.*?)(?: but expecting.*)?$/s.exec(message) ?? [];
  return new Refusal(Number(column) - 1, `is no CEL: ${found} cannot stand here`);
}
