import type { FastifyReply } from 'fastify';
import type { Position } from '#domain/log/position.js';
import { type Progress, UsageProgress } from '#ports/usage-progress.js';
import { Freshness } from './freshness.js';

/** Has counted up to offset 7 and never goes on; remembers how long it was asked to wait. */
class Stopped extends UsageProgress {
  waits: [readonly Position[], number][] = [];

  async progress(): Promise<Progress> {
    return {
      positions: [
        { partition: 0, offset: 7 },
        { partition: 1, offset: 2 },
      ],
      completeUntil: 1_000,
    };
  }

  async waitFor(positions: readonly Position[], timeoutMs: number): Promise<boolean> {
    this.waits.push([positions, timeoutMs]);
    return positions.every(({ offset }) => offset <= 7);
  }
}

const headers: Record<string, string> = {};
const reply = {
  header: (name: string, value: string) => Object.assign(headers, { [name]: value }),
} as unknown as FastifyReply;

test('the header names every partition and the time', async () => {
  await new Freshness(new Stopped()).settle(reply);
  expect(headers['KeyMeter-Complete-Until']).toBe('0:7,1:2;time=1970-01-01T00:00:01.000Z');
});

test('a position that is not counted in ten seconds is 503 with Retry-After', async () => {
  const progress = new Stopped();
  const refused = new Freshness(progress).settle(reply, '0:8');
  await expect(refused).rejects.toMatchObject({ status: 503, options: { headers: { 'Retry-After': '1' } } });
  expect(progress.waits).toEqual([[[{ partition: 0, offset: 8 }], 10_000]]);
});

test('a list of more positions than any log has partitions is refused', async () => {
  const waitFor = Array.from({ length: 65 }, (_, i) => `${i}:1`).join(',');
  await expect(new Freshness(new Stopped()).settle(reply, waitFor)).rejects.toMatchObject({ status: 400 });
});
