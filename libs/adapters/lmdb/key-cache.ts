/**
 * Records by key, the least recently used half dropped when it is full: two maps that change places cost less per
 * look-up than an ordered list.
 */
export class KeyCache<V> {
  #recent = new Map<string, V>();
  #older = new Map<string, V>();

  constructor(private readonly maxEntries: number) {}

  find(id: string): V | undefined {
    const recent = this.#recent.get(id);
    if (recent !== undefined) return recent;
    const older = this.#older.get(id);
    if (older !== undefined) this.put(id, older);
    return older;
  }

  put(id: string, value: V): void {
    this.#recent.set(id, value);
    if (this.#recent.size < this.maxEntries / 2) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  remove(id: string): void {
    this.#recent.delete(id);
    this.#older.delete(id);
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }
}
