/** Lists of the server are bare arrays or, where they come in pages, objects with `items`. */
export function listItems<T>(answer: unknown): T[] {
  const items = Array.isArray(answer) ? answer : (answer as { items?: unknown } | null | undefined)?.items;
  return Array.isArray(items) ? (items as T[]) : [];
}
