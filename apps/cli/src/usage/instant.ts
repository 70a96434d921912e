import { CliError, EXIT } from '../exit-code.js';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** A time given by a person as RFC 3339 text; without a zone it is UTC. */
export function parseInstant(option: string, text: string, nowMs: number): string {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) {
    const ms = nowMs - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS];
    return rfc3339(Math.floor(ms / 1000) * 1000);
  }
  if (text === 'now') return rfc3339(Math.floor(nowMs / 1000) * 1000);
  const parsed = DATE.test(text)
    ? Date.parse(/T.*(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : withZone(text))
    : Number.NaN;
  if (Number.isNaN(parsed)) {
    throw new CliError(
      EXIT.usage,
      `${option} wants a time such as 2026-01-31, 2026-01-31T12:00:00Z, 24h or now, not '${text}'`,
    );
  }
  return rfc3339(parsed);
}

function withZone(text: string): string {
  return text.includes('T') ? `${text}Z` : `${text}T00:00:00Z`;
}

function rfc3339(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('.000Z', 'Z');
}
