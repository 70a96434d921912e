/**
 * Permission queries of the key protocol: slugs, AND, OR, parentheses; AND binds tighter. Parsed by a stack of frames,
 * not by recursion, so depth is bounded by the length of the text only.
 */
export type PermissionTest = (held: ReadonlySet<string>) => boolean;
export type ParsedQuery = { ok: true; test: PermissionTest } | { ok: false; position: number; message: string };

interface Token {
  readonly text: string;
  readonly position: number;
}

/** One open parenthesis: alternatives joined by OR, each a list joined by AND. */
interface Group {
  readonly opened: number;
  readonly alternatives: PermissionTest[][];
}

const SLUG = /^[A-Za-z0-9_:\-.*]+$/;

export function parsePermissionQuery(query: string): ParsedQuery {
  const groups: Group[] = [{ opened: -1, alternatives: [[]] }];
  let wantsOperand = true;
  for (const token of tokens(query)) {
    const group = groups.at(-1) as Group;
    const keyword = token.text.toUpperCase();
    if (wantsOperand) {
      if (token.text === '(') groups.push({ opened: token.position, alternatives: [[]] });
      else if (keyword === 'AND' || keyword === 'OR' || !SLUG.test(token.text))
        return unexpected(token, 'a permission or "("');
      else {
        addOperand(group, slugTest(token.text));
        wantsOperand = false;
      }
    } else if (keyword === 'AND') wantsOperand = true;
    else if (keyword === 'OR') {
      group.alternatives.push([]);
      wantsOperand = true;
    } else if (token.text === ')' && groups.length > 1) {
      groups.pop();
      addOperand(groups.at(-1) as Group, groupTest(group));
    } else return unexpected(token, groups.length > 1 ? 'AND, OR or ")"' : 'AND or OR');
  }
  if (wantsOperand)
    return { ok: false, position: query.length, message: 'expected a permission or "(", found the end' };
  const last = groups.at(-1) as Group;
  if (groups.length > 1) return { ok: false, position: last.opened, message: 'this "(" is never closed' };
  return { ok: true, test: groupTest(last) };
}

function* tokens(query: string): Generator<Token> {
  for (const match of query.matchAll(/[()]|[^\s()]+/g)) yield { text: match[0], position: match.index };
}

function addOperand(group: Group, test: PermissionTest): void {
  (group.alternatives.at(-1) as PermissionTest[]).push(test);
}

/** A group of one is that one: deep nesting of single operands costs no stack when it is evaluated. */
function groupTest(group: Group): PermissionTest {
  const [first] = group.alternatives;
  if (group.alternatives.length === 1 && first?.length === 1) return first[0] as PermissionTest;
  return (held) => group.alternatives.some((operands) => operands.every((test) => test(held)));
}

function slugTest(slug: string): PermissionTest {
  return (held) => held.has(slug);
}

function unexpected(token: Token, wanted: string): ParsedQuery {
  const shown = token.text.length > 40 ? `${token.text.slice(0, 40)}…` : token.text;
  return { ok: false, position: token.position, message: `expected ${wanted}, found ${JSON.stringify(shown)}` };
}
