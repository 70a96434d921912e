/** What every input format turns a line into: an event, or the reason why not. */
export interface DecodedEvent {
  readonly ok: true;
  /** JSON text of one CloudEvent. */
  readonly json: string;
  readonly subject: string;
  /** Epoch ms; undefined where the server will put the time of arrival. */
  readonly time: number | undefined;
}

export type DecodedLine = DecodedEvent | { readonly ok: false; readonly reason: string };

/** `id` names the line; formats with ids of their own keep those. */
export type LineDecoder = (line: string, id: string) => DecodedLine;

export function refuseLine(reason: string): DecodedLine {
  return { ok: false, reason };
}
