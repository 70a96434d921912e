import type { Retention } from '#adapters/clickhouse/migrations.js';

/** What the main thread hands to the pipeline thread when it starts it. */
export interface PipelineSettings {
  readonly folders: {
    readonly log: string;
    readonly progress: string;
    readonly usage: string;
    readonly shelves: string;
  };
  readonly watermarks: SharedArrayBuffer;
  readonly logId: string;
  readonly retention: Retention;
  readonly dedupe: { readonly windowMs: number; readonly filterBytes: number };
  readonly insert: { readonly maxRows: number; readonly maxAgeMs: number; readonly rawRetentionMs: number };
  readonly policyLimits: { readonly latenessMs: number; readonly maxTargets: number };
}
