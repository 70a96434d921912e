import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Which start of the machine this is. Where the system does not tell, every start of ours counts as another one. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
