/** What a sender wants to read after an ingest. Source: RFC 7240 (Prefer). */
export type Preference = 'none' | 'representation' | 'counts';

export function parsePreference(header: string | string[] | undefined): Preference {
  const preferences = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) =>
    part
      .split(';')[0]
      ?.trim()
      .toLowerCase()
      .replace(/\s*=\s*/, '=')
      .replaceAll('"', ''),
  );
  if (preferences.includes('return=representation')) return 'representation';
  return preferences.includes('keymeter-counts') ? 'counts' : 'none';
}
