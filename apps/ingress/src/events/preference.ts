import { type PreferHeader, preferencesOf } from '#runtime/http/prefer-header.js';

/** What a sender wants to read after an ingest, and when. Source: RFC 7240 (Prefer). */
export type Preference = 'none' | 'async' | 'representation' | 'counts';

/** Where several are named that exclude one another, the one that answers first wins. */
export function parsePreference(header: PreferHeader): Preference {
  const preferences = preferencesOf(header);
  if (preferences.includes('respond-async')) return 'async';
  if (preferences.includes('return=representation')) return 'representation';
  return preferences.includes('keymeter-counts') ? 'counts' : 'none';
}
