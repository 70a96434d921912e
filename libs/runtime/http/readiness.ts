export interface NotReady {
  readonly part: string;
  readonly detail: string;
}

/** What keeps this process from doing its whole work now; each part adds its own question. */
export class Readiness {
  readonly #questions: (() => NotReady | undefined)[] = [];

  ask(question: () => NotReady | undefined): void {
    this.#questions.push(question);
  }

  problems(): NotReady[] {
    return this.#questions.map((question) => question()).filter((problem) => problem !== undefined);
  }
}
