import { hash } from 'node:crypto';

const CHECK_CHARS = 16;

/** Where a page ended, bound to its listing: a cursor made up, altered or taken from another listing is refused. */
export function encodeCursor(lastId: string, listing: string): string {
  return Buffer.from(check(lastId, listing) + lastId).toString('base64url');
}

/** The id that the next page begins after; undefined for a cursor that encodeCursor did not make. */
export function decodeCursor(cursor: string, listing: string): string | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const lastId = text.slice(CHECK_CHARS);
  return encodeCursor(lastId, listing) === cursor ? lastId : undefined;
}

function check(lastId: string, listing: string): string {
  return hash('sha256', `keymeter page ${listing} ${lastId}`, 'base64url').slice(0, CHECK_CHARS);
}
