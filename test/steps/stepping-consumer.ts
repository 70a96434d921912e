/**
 * The consumer process with points around its ports. `STEPS_HELD` says for each partition where it is held; whoever
 * started the process hears of each point that is reached, and says when it may go on.
 */
import { type Hold, putPoints } from './port-points.js';

/** Point names by partition. */
export type Held = Readonly<Record<string, string>>;

export type FromConsumer =
  | { readonly reached: string; readonly partition: number }
  | { readonly settled: string; readonly partition: number }
  | { readonly unknown: string };

/** Partitions that may go on from where they are held. */
export interface ToConsumer {
  readonly goOn: readonly number[];
}

const held = JSON.parse(process.env['STEPS_HELD'] ?? '{}') as Held;
const gates = new Map<number, () => void>();
const passed = new Set<string>();

const tell = (message: FromConsumer) => process.send?.(message);

/** Before rows go on their way they are held as well, so that whoever is to be hit by them can be stopped first. */
const hold: Hold = async (partition, phase, call, when) => {
  const here = `${phase} ${when} ${call}`;
  const wanted = held[partition];
  const isWanted = wanted === here || (when === 'before' && wanted === `${phase} sent ${call}`);
  if (!isWanted || passed.has(`${partition} ${here}`)) return;
  passed.add(`${partition} ${here}`);
  tell({ reached: here, partition });
  await new Promise<void>((resolve) => gates.set(partition, resolve));
};

process.on('message', ({ goOn }: ToConsumer) => {
  for (const partition of goOn) gates.get(partition)?.();
});
process.channel?.unref();

putPoints({
  hold,
  settled: (partition, phase, call) => {
    if (held[partition]?.endsWith(call) && gates.has(partition)) tell({ settled: `${phase} ${call}`, partition });
  },
  unknown: (call) => tell({ unknown: call }),
});
await import('../../apps/consumer/src/main.js');
