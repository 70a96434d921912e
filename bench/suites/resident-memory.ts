import type { Measurement } from '../measurement.js';
import type { MemorySampler } from '../servers/memory-sampler.js';

const MAX_RESIDENT_MIB = 600;

export function residentMemory(suite: string, { peakMiB, peakAnonymousMiB }: MemorySampler): Measurement {
  const note = `${Math.round(peakAnonymousMiB)} MiB of it not backed by files`;
  const targets = [{ of: 'value', atMost: MAX_RESIDENT_MIB }] as const;
  return { suite, name: 'resident memory, peak', value: peakMiB, unit: 'MiB', targets, note };
}
