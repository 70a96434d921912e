import { SETTING_NAMES, settingsSchema } from './settings.js';

/** The table that `npm run config` prints, generated from the schema. */
export function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { unit, description } = settingsSchema.shape[name].meta() as { unit: string; description: string };
    const preset = settingsSchema.shape[name].safeParse(undefined).data;
    return [name, preset === undefined ? '-' : String(preset), unit, description];
  });
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}
