/**
 * The CloudEvents source of imported lines: `import/` and the file's name as it was before rotation and compression,
 * so that access.log, access.log.1 and access.log-20260101.gz name the same line the same way.
 */
import { basename } from 'node:path';
import { RESERVED_SOURCE_PREFIX } from '#domain/events/usage-event.js';
import { CliError, EXIT } from '../exit-code.js';

const ROTATION = /(?:\.\d{1,4}|[-.]\d{4}-?\d{2}-?\d{2}(?:[-.T]?\d{2,10})?)$/;
const MAX_LENGTH = 256;

export function importSource(file: string, override: string | undefined): string {
  if (override === undefined) {
    return file === '-' ? 'import/stdin' : `import/${encodeURIComponent(logName(basename(file)))}`;
  }
  const valid = override.length > 0 && override.length <= MAX_LENGTH && /^[\x21-\x7e]+$/.test(override);
  if (valid && !override.startsWith(RESERVED_SOURCE_PREFIX)) return override;
  throw new CliError(
    EXIT.usage,
    `--source is a URI of up to ${MAX_LENGTH} characters that does not begin with ${RESERVED_SOURCE_PREFIX}`,
  );
}

export function logName(fileName: string): string {
  const plain = fileName.replace(/\.gz$/i, '');
  return plain.replace(ROTATION, '') || plain;
}
