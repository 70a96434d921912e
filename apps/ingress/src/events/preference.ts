/** What a sender wants to read after an ingest, and when. Source: RFC 7240 (Prefer). */
export type Preference = 'none' | 'async' | 'representation' | 'counts';

type PreferHeader = string | string[] | undefined;

/** Where several are named that exclude one another, the one that answers first wins. */
export function parsePreference(header: PreferHeader): Preference {
  const preferences = preferencesOf(header);
  if (preferences.includes('respond-async')) return 'async';
  if (preferences.includes('return=representation')) return 'representation';
  return preferences.includes('keymeter-counts') ? 'counts' : 'none';
}

/** Seconds of `wait=N`; undefined where none are named. */
export function parseWaitSeconds(header: PreferHeader): number | undefined {
  for (const preference of preferencesOf(header)) {
    const seconds = /^wait=(\d{1,9})$/.exec(preference)?.[1];
    if (seconds !== undefined) return Number(seconds);
  }
  return undefined;
}

function preferencesOf(header: PreferHeader): string[] {
  return (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) => {
    const [preference = ''] = part.split(';');
    return preference
      .trim()
      .toLowerCase()
      .replace(/\s*=\s*/, '=')
      .replaceAll('"', '');
  });
}
