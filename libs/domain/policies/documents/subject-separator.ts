/** Stands between the values of a subject that is several fields. */
export const SEPARATOR = '\u001f';
