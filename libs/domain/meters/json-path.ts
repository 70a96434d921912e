/**
 * The JSONPath that meters take: member names and array indexes, as ClickHouse's JSON_VALUE has them (`$.a.b`,
 * `$.a[0]`, `$["a b"]`). A path is parsed into steps here; its text never reaches a statement.
 */
export type JsonPath = readonly (string | number)[];

export type ParsedPath = { ok: true; path: JsonPath } | { ok: false; reason: string };

export const MAX_PATH_CHARS = 256;
const MAX_STEPS = 16;
const STEP = /\.([A-Za-z0-9_$]+)|\[(\d{1,6})\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]/y;

export function parseJsonPath(text: string): ParsedPath {
  if (text.length > MAX_PATH_CHARS) return refuse(`is longer than ${MAX_PATH_CHARS} characters`);
  if (!text.startsWith('$')) return refuse('must start with $');
  const path: (string | number)[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(text);
    if (!match) return refuse(`has no member name or index at character ${at + 1}`);
    path.push(stepOf(match));
  }
  if (path.length === 0) return refuse('names no member');
  if (path.length > MAX_STEPS) return refuse(`has more than ${MAX_STEPS} steps`);
  return { ok: true, path };
}

/** The path of a stored definition, which was checked when it was made. */
export function storedPath(text: string): JsonPath {
  const parsed = parseJsonPath(text);
  if (!parsed.ok) throw new RangeError(`stored path ${parsed.reason}`);
  return parsed.path;
}

/** The one spelling of a path: equal paths have equal texts. */
export function formatJsonPath(path: JsonPath): string {
  return `$${path.map((step) => (typeof step === 'number' ? `[${step}]` : `[${JSON.stringify(step)}]`)).join('')}`;
}

/** The value at the path; undefined when there is none. */
export function valueAt(data: unknown, path: JsonPath): unknown {
  let value = data;
  for (const step of path) {
    if (typeof step === 'number') {
      value = Array.isArray(value) ? value[step] : undefined;
    } else {
      const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
      value = isObject && Object.hasOwn(value as object, step) ? (value as Record<string, unknown>)[step] : undefined;
    }
  }
  return value;
}

function stepOf(match: RegExpExecArray): string | number {
  const [, name, index, inDouble, inSingle] = match;
  if (index !== undefined) return Number(index);
  return name ?? (inDouble ?? inSingle ?? '').replace(/\\(.)/g, '$1');
}

function refuse(reason: string): ParsedPath {
  return { ok: false, reason };
}
