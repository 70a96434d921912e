/** Why a condition is refused, and where: `at` counts characters from 0. */
export interface ConditionFault {
  readonly at: number;
  readonly reason: string;
}

/** Thrown and caught within the compilation of one condition. */
export class Refusal extends Error {
  override name = 'Refusal';

  constructor(
    readonly at: number,
    readonly reason: string,
  ) {
    super(reason);
  }
}
