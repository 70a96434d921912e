/** What every answer keeps to, and what a case says about its own. */
import type { BadInput } from './bad-input.js';
import type { CaseRun } from './case-run.js';
import type { Observed } from './observed.js';
import { fillText } from './placeholders.js';

/** Stack frames, and SQL or the engine's errors. */
const INTERNALS = [
  /^\s+at .+[:(]/m,
  /node_modules/,
  /DB::Exception/,
  /\b(?:SELECT|INSERT INTO) .*\b(?:FROM|keymeter\.)/,
];

export function expectNothingLeaks({ text, headers }: Observed, rootKey: string): void {
  const all = `${JSON.stringify(headers)}\n${text}`;
  for (const internal of INTERNALS) expect(all).not.toMatch(internal);
  expect(all).not.toContain(rootKey);
}

export function expectAnswer(run: CaseRun, expected: BadInput['expect'], observed: Observed): void {
  const fill = (text: string) => fillText(text, run.placeholders);
  if (!expected.status.includes(observed.status)) {
    throw new Error(
      `expected ${expected.status.join(' or ')}, got ${observed.status}: ${observed.text.slice(0, 2_000)}`,
    );
  }
  if (expected.code !== undefined) expect(codesOf(observed)).toContain(expected.code);
  if (expected.bodyMustMatch !== undefined) expect(observed.text).toMatch(new RegExp(expected.bodyMustMatch));
  for (const text of expected.neverContains) expect(observed.text).not.toContain(fill(text));
  for (const [name, pattern] of Object.entries(expected.headerMustMatch)) {
    expect(observed.headers[name.toLowerCase()]).toMatch(new RegExp(pattern));
  }
  if (expected.headerAbsent !== undefined)
    expect(observed.headers).not.toHaveProperty(expected.headerAbsent.toLowerCase());
  if (expected.withinMs !== undefined) expect(observed.tookMs).toBeLessThan(expected.withinMs);
}

/** The names an answer gives its error: the end of the type's address, the verdict, the problem's own code. */
function codesOf({ text }: Observed): string[] {
  const document = JSON.parse(text) as {
    data?: { code?: string };
    error?: { type?: string };
    extensions?: { code?: string };
  };
  const type = document.error?.type ?? '';
  const ends = type.split('/').map((_, i, parts) => parts.slice(i).join('/'));
  return [document.data?.code, document.extensions?.code, ...ends].filter((code) => code !== undefined);
}
