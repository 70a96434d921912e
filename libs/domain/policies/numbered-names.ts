/**
 * Names, each with a number for as long as somebody holds it. Subjects have theirs for all policies that count for the same
 * ones: an event's subject is looked up once, and every policy finds its own slot by the number. Values that are counted
 * once have them too: a set of numbers is a tenth of a set of texts.
 */
export const NOBODY = -1;

export class NumberedNames {
  readonly #numbers = new Map<string, number>();
  readonly #names: (string | undefined)[] = [];
  /** By number: how many hold it. */
  readonly #holders: number[] = [];
  readonly #free: number[] = [];
  /** What was asked last, as a rule for the same event. */
  #lastName = '';
  #lastNumber = NOBODY;

  /** NOBODY where nobody holds the name. */
  numberOf(name: string): number {
    if (name === this.#lastName) return this.#lastNumber;
    this.#lastName = name;
    this.#lastNumber = this.#numbers.get(name) ?? NOBODY;
    return this.#lastNumber;
  }

  nameOf(number: number): string {
    return this.#names[number] as string;
  }

  /** One more holds it. */
  hold(name: string): number {
    const known = this.numberOf(name);
    const number = known === NOBODY ? this.#enter(name) : known;
    (this.#holders[number] as number)++;
    return number;
  }

  release(number: number): void {
    const left = (this.#holders[number] as number) - 1;
    this.#holders[number] = left;
    if (left > 0) return;
    this.#numbers.delete(this.nameOf(number));
    this.#names[number] = undefined;
    this.#free.push(number);
    if (this.#lastNumber === number) this.#lastNumber = NOBODY;
  }

  #enter(name: string): number {
    const number = this.#free.pop() ?? this.#names.length;
    this.#names[number] = name;
    this.#holders[number] = 0;
    this.#numbers.set(name, number);
    this.#lastNumber = number; // the name was asked for just now
    return number;
  }
}
