/**
 * An epoch's name: `<installation>.<random>.<begin>`. The installation keeps one that is pointed at the Redis of another
 * from filling it with its own keys; the begin is that of the rebuild, epoch ms, 0 where nothing was lost before.
 */
import { randomBytes } from 'node:crypto';

/** Where nothing was lost before. */
export function firstEpochId(installation: string): string {
  return `${epochPrefix(installation)}0`;
}

/** The begin comes behind it. */
export function epochPrefix(installation: string): string {
  return `${installation}.${randomBytes(12).toString('base64url')}.`;
}

/** What began before this moment and is not there was lost; 0 = nothing was ever lost. */
export function rebuiltAt(epoch: string): number {
  return Number(epoch.slice(epoch.lastIndexOf('.') + 1)) || 0;
}
