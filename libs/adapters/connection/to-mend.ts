/**
 * The cause of an error that a person has to mend: a wrong password, a certificate that is not trusted. A start that meets
 * it ends at once; a process that runs goes on trying, since certificates and passwords are also renewed under way.
 */
export class ToMend extends Error {
  override readonly name = 'ToMend';
}

export function isToMend(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ToMend) return true;
  return false;
}
