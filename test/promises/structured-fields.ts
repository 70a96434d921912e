/** Lists of RFC 9651 with strings as items and integers or bare parameters: all that RateLimit fields may hold. Strict. */
export interface ListItem {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, number>;
}

const STRING = /"((?:[ !#-[\]-~]|\\["\\])*)"/y;
const PARAMETER = /; *([a-z*][a-z0-9_.*-]*)=(-?\d{1,15})(?![\d.])/y;
const SEPARATOR = /[ \t]*,[ \t]*/y;

/** Throws with the position of the first character that the grammar does not allow. */
export function parseStructuredList(text: string): ListItem[] {
  const items: ListItem[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text) ?? undefined;
    if (match) at += match[0].length;
    return match;
  };
  for (;;) {
    const string = take(STRING);
    if (!string) throw new SyntaxError(`no string at position ${at} of ${text}`);
    const parameters = new Map<string, number>();
    for (let found = take(PARAMETER); found; found = take(PARAMETER)) parameters.set(found[1] ?? '', Number(found[2]));
    items.push({ value: (string[1] ?? '').replace(/\\(.)/g, '$1'), parameters });
    if (at === text.length) return items;
    if (!take(SEPARATOR)) throw new SyntaxError(`no comma at position ${at} of ${text}`);
  }
}
