/** Union of half-open intervals of event time, kept sorted and apart: for how long a subject would have been held. */
export class HeldTime {
  readonly #spans: [begin: number, end: number][] = [];

  add(begin: number, end: number): void {
    if (!(end > begin)) return;
    const first = this.#spans.findIndex(([, until]) => until >= begin);
    if (first < 0) {
      this.#spans.push([begin, end]);
      return;
    }
    let next = first;
    let [from, to] = [begin, end];
    for (let span = this.#spans[next]; span !== undefined && span[0] <= end; span = this.#spans[++next]) {
      from = Math.min(from, span[0]);
      to = Math.max(to, span[1]);
    }
    this.#spans.splice(first, next - first, [from, to]);
  }

  /** Ms, of what lies before `horizon`: a hold without an end is counted up to there. */
  totalMs(horizon: number): number {
    return this.#spans.reduce((sum, [begin, end]) => sum + Math.max(0, (end === Infinity ? horizon : end) - begin), 0);
  }
}
