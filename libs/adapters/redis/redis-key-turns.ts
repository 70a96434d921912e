/** Lets those who write one record in one process go one after the other, in the order in which they came. */
export class RedisKeyTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when it is this one's turn, with what ends it; ending it twice does no harm. */
  async enter(id: string): Promise<() => void> {
    const before = this.#last.get(id);
    let leave: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      leave = () => {
        if (this.#last.get(id) === mine) this.#last.delete(id);
        resolve();
      };
    });
    this.#last.set(id, mine);
    await before;
    return leave;
  }
}
