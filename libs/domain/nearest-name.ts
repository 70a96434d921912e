/** The name with the fewest single-character edits (Levenshtein distance). */
export function nearestName(wanted: string, names: readonly string[]): string {
  let best = names[0] ?? '';
  let fewest = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const edits = distance(wanted, name);
    if (edits < fewest) {
      fewest = edits;
      best = name;
    }
  }
  return best;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
