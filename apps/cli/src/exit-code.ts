/** What scripts may rely on. */
export const EXIT = {
  ok: 0,
  /** Something failed or is incomplete; the message says how far it came. */
  failed: 1,
  usage: 2,
  /** Of `policies plan`: applying would change something. */
  changes: 2,
  unreachable: 3,
  /** The server answered 401 or 403, or the login file must not be trusted. */
  refused: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with one sentence on standard error; never shown with a stack. */
export class CliError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
    this.name = 'CliError';
  }
}
