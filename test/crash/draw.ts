/** Choices made from a seeded source of numbers in [0, 1). */
export class Draw {
  constructor(private readonly random: () => number) {}

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** A whole number in [from, to]. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  of<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to choose from');
    return items[Math.floor(this.random() * items.length)] as T;
  }

  /** Few of the first ones get most: probability falls with 1/rank. */
  zipf<T>(items: readonly T[]): T {
    const rank = Math.floor(items.length ** this.random()) - 1;
    return items[Math.min(Math.max(rank, 0), items.length - 1)] as T;
  }
}
