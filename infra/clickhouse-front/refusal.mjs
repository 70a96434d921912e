/** Errors as a ClickHouse server writes them, with the HTTP status that goes with each. */
const VERSION = '(version of chDB behind an HTTP front)';

/** Source: ClickHouse src/Server/HTTPHandler.cpp, exceptionCodeToHTTPStatus. */
const STATUS = new Map([
  [46, 400],
  [47, 400],
  [62, 400],
  [60, 404],
  [81, 404],
  [115, 400],
  [159, 408],
  [202, 503],
  [456, 400],
  [497, 403],
  [516, 403],
]);

export class Refusal extends Error {
  constructor(code, name, message) {
    super(`Code: ${code}. DB::Exception: ${message}. (${name}) ${VERSION}\n`);
    this.code = code;
  }
}

/** Code, text and status of anything thrown; the engine's own texts already look as they should. */
export function toRefusal(error) {
  const text = error instanceof Error ? error.message : String(error);
  const code = Number(/Code: (\d+)\./.exec(text)?.[1] ?? 1002);
  const complete = error instanceof Refusal || /Code: \d+\./.test(text);
  return {
    code,
    status: STATUS.get(code) ?? 500,
    text: complete ? `${text.trimEnd()}\n` : new Refusal(code, 'UNKNOWN_EXCEPTION', text).message,
  };
}
