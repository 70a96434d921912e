import { hash53 } from '../../events/hash53.js';

const PARTS = 10_000;

/** Whether a subject is among the first `percent`: whoever is among 10 % is among 50 % as well, on every node, always. */
export function isStaged(policyId: string, subject: string, percent: number): boolean {
  return hash53(`${policyId}\u0000${subject}`) % PARTS < percent * (PARTS / 100);
}
