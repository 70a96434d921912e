/** Fills `{{name}}` in texts and, at any depth, in values. A name nobody knows is a mistake in the table. */
export type Placeholders = Readonly<Record<string, string | (() => string)>>;

const PLACEHOLDER = /\{\{(\w+)\}\}/g;

export function fillText(text: string, placeholders: Placeholders): string {
  return text.replace(PLACEHOLDER, (_, name: string) => {
    const value = placeholders[name];
    if (value === undefined) throw new Error(`bad-inputs.json: nothing fills {{${name}}}`);
    return typeof value === 'string' ? value : value();
  });
}

export function fillValue(value: unknown, placeholders: Placeholders): unknown {
  if (typeof value === 'string') return fillText(value, placeholders);
  if (Array.isArray(value)) return value.map((item) => fillValue(item, placeholders));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fillValue(member, placeholders)]));
}
