/** Collects broken promises as sentences; the first ones are enough to start looking. */
const MOST = 25;

export class Problems {
  readonly #sentences: string[] = [];
  #count = 0;

  add(sentence: string): void {
    this.#count++;
    if (this.#sentences.length < MOST) this.#sentences.push(sentence);
  }

  check(holds: boolean, sentence: () => string): void {
    if (!holds) this.add(sentence());
  }

  get list(): string[] {
    const more = this.#count - this.#sentences.length;
    return more > 0 ? [...this.#sentences, `… and ${more} more`] : this.#sentences;
  }
}

/** Groups by a key. */
export function grouped<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
