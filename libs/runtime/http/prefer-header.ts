/** Reads the Prefer header. Source: RFC 7240. */
export type PreferHeader = string | string[] | undefined;

/** In small letters, without parameters. */
export function preferencesOf(header: PreferHeader): string[] {
  return (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) => {
    const [preference = ''] = part.split(';');
    return preference
      .trim()
      .toLowerCase()
      .replace(/\s*=\s*/, '=')
      .replaceAll('"', '');
  });
}

/** Of `wait=N`, which is in seconds; undefined where none are named. */
export function parseWaitMs(header: PreferHeader): number | undefined {
  for (const preference of preferencesOf(header)) {
    const seconds = /^wait=(\d{1,9})$/.exec(preference)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1_000;
  }
  return undefined;
}
