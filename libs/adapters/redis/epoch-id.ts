/**
 * An epoch's name: `<installation>.<random>.<begin>`. The installation keeps one that is pointed at the Redis of another
 * from filling it with its own keys; the begin is that of the rebuild, epoch ms, 0 where nothing was lost before.
 */
import { randomBytes } from 'node:crypto';

export function epochId(installation: string, rebuiltAt: number): string {
  return [installation, randomBytes(12).toString('base64url'), rebuiltAt].join('.');
}

/** What began before this moment and is not there was lost; 0 = nothing was ever lost. */
export function rebuiltAt(epoch: string): number {
  return Number(epoch.slice(epoch.lastIndexOf('.') + 1)) || 0;
}
