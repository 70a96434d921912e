/** What is imported, from where, as what. */
import type { FieldMapping } from './field-mapping.js';
import type { LineFormat } from './line-format.js';

export interface ImportPlan {
  /** As the user named it; '-' is standard input. */
  readonly file: string;
  readonly source: string;
  readonly format: LineFormat;
  readonly mapping: FieldMapping;
  /** The mapping as it was given: another one makes other events. */
  readonly mappingText: string;
  /** Where malformed lines go; undefined: nowhere. */
  readonly rejectsPath: string | undefined;
}
