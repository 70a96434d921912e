/** What the embedded stores need of the settings, in the units that their code uses. */
import type { Settings } from './settings.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function logOptions(settings: Settings) {
  return {
    segmentBytes: settings.KEYMETER_LOG_SEGMENT_BYTES,
    maxBytes: settings.KEYMETER_LOG_MAX_BYTES,
    reserveBytes: settings.KEYMETER_DISK_RESERVE_BYTES,
  };
}

/** How long consumed records stay, ms. */
export function logRetentionMs(settings: Settings): number {
  return settings.KEYMETER_LOG_RETENTION_HOURS * HOUR_MS;
}

/** Days from acceptance. */
export function usageRetention(settings: Settings) {
  return {
    events: settings.KEYMETER_RAW_RETENTION_DAYS,
    minute: settings.KEYMETER_MINUTE_RETENTION_DAYS,
    hour: settings.KEYMETER_HOUR_RETENTION_DAYS,
    day: settings.KEYMETER_DAY_RETENTION_DAYS,
    month: settings.KEYMETER_MONTH_RETENTION_DAYS,
  };
}

export function dedupeOptions(settings: Settings) {
  return {
    windowMs: settings.KEYMETER_DEDUPE_WINDOW_DAYS * DAY_MS,
    filterBytes: settings.KEYMETER_DEDUPE_MEMORY_BYTES,
  };
}

export function insertOptions(settings: Settings) {
  return {
    maxRows: settings.KEYMETER_INSERT_MAX_ROWS,
    maxAgeMs: settings.KEYMETER_INSERT_MAX_AGE_MS,
    rawRetentionMs: settings.KEYMETER_RAW_RETENTION_DAYS * DAY_MS,
  };
}

export function ingestOptions(settings: Settings) {
  return {
    maxEvents: settings.KEYMETER_INGEST_MAX_EVENTS,
    maxEventBytes: settings.KEYMETER_EVENT_MAX_BYTES,
    maxFutureMs: settings.KEYMETER_EVENT_MAX_FUTURE_DAYS * DAY_MS,
  };
}

export function policyLimits(settings: Settings): { readonly latenessMs: number; readonly maxTargets: number } {
  return { latenessMs: settings.KEYMETER_POLICY_LATENESS_MS, maxTargets: settings.KEYMETER_POLICY_MAX_SUBJECTS };
}
