/** Which decoder reads a file: told by `--format`, or seen from its first line that is not blank. */
import { parseAccessLine } from '#domain/access-log/access-line.js';
import { CliError, EXIT } from '../exit-code.js';
import { accessLogDecoder } from './access-log-decoder.js';
import { decodeCloudEvent } from './cloud-event-decoder.js';
import type { FieldMapping } from './field-mapping.js';
import { jsonLineDecoder } from './json-line-decoder.js';
import type { DecodedLine, LineDecoder } from './line-decoder.js';

export const LINE_FORMATS = ['auto', 'access-log', 'cloudevents', 'json'] as const;
export type LineFormat = (typeof LINE_FORMATS)[number];

export function parseLineFormat(text: string | undefined): LineFormat {
  const format = LINE_FORMATS.find((name) => name === (text ?? 'auto'));
  if (format !== undefined) return format;
  throw new CliError(EXIT.usage, `--format is one of ${LINE_FORMATS.join(', ')}, not '${text}'`);
}

/** Decodes with one format; while that is `auto`, the first line that looks like one of them decides. */
export class FormatDecoder {
  #format: LineFormat;
  #decode: LineDecoder;

  constructor(
    format: LineFormat,
    private readonly source: string,
    private readonly mapping: FieldMapping,
  ) {
    this.#format = format;
    this.#decode = this.#decoder();
  }

  get format(): LineFormat {
    return this.#format;
  }

  decode(line: string, id: string): DecodedLine {
    if (this.#format === 'auto') {
      this.#format = detectFormat(line, this.mapping);
      this.#decode = this.#decoder();
    }
    return this.#decode(line, id);
  }

  #decoder(): LineDecoder {
    if (this.#format === 'cloudevents') return decodeCloudEvent;
    if (this.#format === 'json') return jsonLineDecoder(this.source, this.mapping);
    return accessLogDecoder(this.source, this.mapping);
  }
}

/** Still `auto` for a line that looks like nothing: it is then refused as an access-log line. */
export function detectFormat(line: string, mapping: FieldMapping): LineFormat {
  if (line.trimStart().startsWith('{')) {
    return mapping.isEmpty && line.includes('"specversion"') ? 'cloudevents' : 'json';
  }
  return parseAccessLine(line).ok ? 'access-log' : 'auto';
}
