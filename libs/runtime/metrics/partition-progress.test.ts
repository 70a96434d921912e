import { ConsoleLogger } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { PartitionProgressMetric } from './partition-progress.js';

const clock = new ManualClock();

/** What a person finds in the log. */
class LogLines extends ConsoleLogger {
  readonly lines: unknown[] = [];

  override warn(line: unknown): void {
    this.lines.push(line);
  }
}

test('a partition that stands still is in the metric at once, and in the log once for each time that it lasts a minute', async () => {
  const registry = new Registry();
  const log = new LogLines();
  const metric = new PartitionProgressMetric(registry, clock, log);
  const shown = async () => (await registry.metrics()).match(/^keymeter_partition.*$/gm);
  const look = (next: number) =>
    metric.found([
      { partition: 0, next: 9, end: 9 },
      { partition: 7, next, end: 9 },
    ]);
  look(4);
  clock.advance(30_000);
  look(4);
  expect(await shown()).toEqual([
    'keymeter_partition_progress_age_seconds{partition="0"} 0',
    'keymeter_partition_progress_age_seconds{partition="7"} 30',
  ]);
  expect(log.lines).toEqual([]);
  for (let looks = 0; looks < 3; looks++) {
    clock.advance(30_000);
    look(4);
  }
  const line = { event: 'a partition stands still', partition: 7, next: 4, end: 9, seconds: 60 };
  expect(log.lines).toEqual([line]);
  look(5);
  clock.advance(60_000);
  look(5);
  expect(log.lines).toEqual([line, { ...line, next: 5 }]);
});
