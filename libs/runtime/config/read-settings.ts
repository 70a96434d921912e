/** Reads settings from the environment: all problems at once, each one sentence, no value of a secret repeated. */
import { KeymeterError } from '#domain/errors.js';
import { nearestName } from '#domain/nearest-name.js';
import { clusterContradictions } from './cluster-contradictions.js';
import { SETTING_NAMES, type Settings, settingsSchema } from './settings.js';

export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const problems = unknownVariables(environment);
  const given = Object.fromEntries(
    SETTING_NAMES.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  );
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${String(issue.path[0])}: ${issue.message}`);
  } else {
    problems.push(...contradictions(parsed.data));
  }
  if (problems.length > 0 || !parsed.success) throw new KeymeterError('CONFIG_INVALID', problems.join('\n'));
  return parsed.data;
}

function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('KEYMETER_') && !(SETTING_NAMES as string[]).includes(name))
    .map(
      (name) =>
        `${name} is not a setting; did you mean ${nearestName(name, SETTING_NAMES)}? (npm run config lists all)`,
    );
}

function contradictions(settings: Settings): string[] {
  const problems = clusterContradictions(settings);
  const needed = settings.KEYMETER_DEDUPE_WINDOW_DAYS + Math.ceil(settings.KEYMETER_LOG_RETENTION_HOURS / 24);
  if (settings.KEYMETER_RAW_RETENTION_DAYS > needed) return problems;
  return [
    ...problems,
    `KEYMETER_RAW_RETENTION_DAYS: must be more than ${needed}, the days of KEYMETER_DEDUPE_WINDOW_DAYS and KEYMETER_LOG_RETENTION_HOURS together; else a repeated event could no longer be recognised.`,
  ];
}
