/** The only error a controller throws on purpose; problem.filter.ts turns it into the protocol's answer. */
export interface FieldError {
  /** JSON pointer into the request body, `/key` or `/1/source`. */
  readonly location: string;
  readonly message: string;
  readonly fix?: string;
  /** Of the event in a batch that is meant. */
  readonly index?: number;
}

export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  /** URI of a registered problem type (RFC 9457); `about:blank` without. */
  readonly type?: string;
  /** Extension members of that type. */
  readonly members?: Readonly<Record<string, unknown>>;
}

export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    /** `<category>/<specific>`, for example `data/key_not_found`. */
    readonly code: string,
    /** One sentence for the caller: what is wrong and what to do. */
    readonly detail: string,
    readonly options: ProblemOptions = {},
  ) {
    super(detail);
    this.name = 'HttpProblem';
  }
}

export function invalidInput(detail: string, errors: readonly FieldError[] = []): HttpProblem {
  return new HttpProblem(400, 'application/invalid_input', detail, { errors });
}
