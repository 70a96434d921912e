/**
 * Several batches under way at once, and the line up to which everything is acknowledged without a gap: the only
 * place an interrupted import may go on from.
 */
export class SendWindow<Mark> {
  readonly #flights: { mark: Mark; done: boolean }[] = [];
  #running = 0;
  #failure: { error: unknown } | undefined;
  #wake: () => void = () => undefined;

  /** `acknowledge` is called once for each mark, in the order of add(), when no earlier batch is outstanding. */
  constructor(
    private readonly limit: number,
    private readonly acknowledge: (mark: Mark) => void,
  ) {}

  /** `mark` stands for the end of this batch. Failures of `work` are thrown by room() and drain(). */
  add(work: Promise<void>, mark: Mark): void {
    const flight = { mark, done: false };
    this.#flights.push(flight);
    this.#running++;
    work.then(
      () => {
        flight.done = true;
        this.#settle();
      },
      (error: unknown) => {
        this.#failure ??= { error };
        this.#settle();
      },
    );
  }

  /** Resolves when another batch may start; throws the first failure. */
  async room(): Promise<void> {
    while (this.#running >= this.limit && this.#failure === undefined) await this.#change();
    this.#throwFailure();
  }

  /** Resolves when nothing is under way any more; throws the first failure after that. */
  async drain(): Promise<void> {
    while (this.#running > 0) await this.#change();
    this.#throwFailure();
  }

  #settle(): void {
    this.#running--;
    for (let first = this.#flights[0]; first?.done === true; first = this.#flights[0]) {
      this.#flights.shift();
      this.acknowledge(first.mark);
    }
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
