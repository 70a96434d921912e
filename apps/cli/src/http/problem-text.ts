/** One sentence out of an error answer of either protocol family. */
export interface RefusedItem {
  index: number;
  reason: string;
}

interface ProblemDocument {
  detail?: unknown;
  title?: unknown;
  error?: { detail?: unknown; title?: unknown };
  extensions?: { validationErrors?: unknown };
}

export function parseProblem(body: string): ProblemDocument {
  try {
    const parsed: unknown = JSON.parse(body);
    return parsed !== null && typeof parsed === 'object' ? parsed : {};
  } catch {
    return {};
  }
}

export function problemText(status: number, problem: ProblemDocument): string {
  const candidates = [problem.error?.detail, problem.detail, problem.error?.title, problem.title];
  const text = candidates.find((candidate) => typeof candidate === 'string' && candidate !== '');
  return typeof text === 'string' ? text : `the server answered ${status}`;
}

interface ValidationError {
  index?: unknown;
  message?: unknown;
  /** JSON pointer into the batch, `/17/time`. */
  field?: unknown;
}

/** The events of a batch that the server named as invalid, first reason each, in order. */
export function refusedItems(problem: ProblemDocument): RefusedItem[] {
  const errors = problem.extensions?.validationErrors;
  if (!Array.isArray(errors)) return [];
  const byIndex = new Map<number, string>();
  for (const error of errors as ValidationError[]) {
    const index = itemIndex(error);
    if (index === undefined || byIndex.has(index)) continue;
    byIndex.set(index, typeof error.message === 'string' ? error.message : 'not valid');
  }
  return [...byIndex].map(([index, reason]) => ({ index, reason })).sort((a, b) => a.index - b.index);
}

function itemIndex(error: ValidationError | null): number | undefined {
  if (Number.isSafeInteger(error?.index)) return error?.index as number;
  const [, digits] = /^\/(\d{1,9})(?:\/|$)/.exec(String(error?.field)) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
