/** What each measure was over the time that led to a decision, at as many points as fit a line of a terminal. */
export interface SeriesPoint {
  /** Event time, epoch ms. */
  readonly time: number;
  /** Null for what is not finite: a baseline that is not known yet. */
  readonly value: number | null;
}

export interface MeasureSeries {
  readonly name: string;
  readonly points: readonly SeriesPoint[];
}

const MOST_POINTS = 60;

export class SeriesSampler {
  readonly #points = new Map<string, Map<number, SeriesPoint>>();
  readonly #slotMs: number;

  constructor(
    private readonly start: number,
    end: number,
  ) {
    this.#slotMs = Math.max(1, (end - start) / MOST_POINTS);
  }

  /** Of several events of one slot the last one's values stay. */
  add(time: number, values: Readonly<Record<string, number>>): void {
    if (time < this.start) return;
    const slot = Math.floor((time - this.start) / this.#slotMs);
    for (const [name, value] of Object.entries(values)) {
      const points = this.#points.get(name) ?? new Map<number, SeriesPoint>();
      points.set(slot, { time, value: Number.isFinite(value) ? value : null });
      this.#points.set(name, points);
    }
  }

  series(): MeasureSeries[] {
    return [...this.#points].map(([name, points]) => ({
      name,
      points: [...points.values()].sort((a, b) => a.time - b.time),
    }));
  }
}
