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

/** The events of a batch that the server named as invalid, first reason each, in order. */
export function refusedItems(problem: ProblemDocument): RefusedItem[] {
  const errors = problem.extensions?.validationErrors;
  if (!Array.isArray(errors)) return [];
  const byIndex = new Map<number, string>();
  for (const error of errors as { index?: unknown; message?: unknown; detail?: unknown }[]) {
    const index = error?.index;
    if (typeof index !== 'number' || !Number.isSafeInteger(index) || byIndex.has(index)) continue;
    byIndex.set(index, String(error.message ?? error.detail ?? 'refused by the server'));
  }
  return [...byIndex].map(([index, reason]) => ({ index, reason })).sort((a, b) => a.index - b.index);
}
