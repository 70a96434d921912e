/** What a load process is told to send, and what it reports. Both cross a process boundary as JSON. */
export interface LoadPlan {
  readonly url: string;
  readonly connections: number;
  /** Answers during this time are not counted. */
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Whole HTTP requests, sent in turn. Each SLOT in one becomes a number that is new for every request. */
  readonly requests: readonly string[];
  /** Every answer must hold this text; others count as wrong. */
  readonly expected: string;
  /** Requests per second, spread evenly; absent: each connection sends as soon as it is answered. */
  readonly ratePerSecond?: number;
}

export interface LoadResult {
  readonly answers: number;
  /** With those of the warm-up. */
  readonly allAnswers: number;
  readonly wrong: number;
  readonly firstWrong: string | undefined;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Replaced in place by as many digits. */
export const SLOT = '~~sequence~~';
export const SLOT_DIGITS = SLOT.length;

export interface RequestParts {
  readonly method?: string;
  readonly path: string;
  readonly rootKey: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export function requestText({
  method = 'POST',
  path,
  rootKey,
  contentType = 'application/json',
  headers = {},
  body,
}: RequestParts): string {
  const lines = Object.entries({
    Host: '127.0.0.1',
    Authorization: `Bearer ${rootKey}`,
    Accept: 'application/json',
    'Content-Type': contentType,
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
