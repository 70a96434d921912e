import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { formatPositions, parsePositions } from '#domain/log/position.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';

const MAX_WAIT_MS = 10_000;
const MAX_POSITIONS = 64;

/** Tells how far each answer is complete, and lets a client wait until its own writes are in it. */
@Injectable()
export class Freshness {
  constructor(private readonly usage: UsageProgress) {}

  /**
   * Before the store is asked, so that what the header claims is in the answer:
   * `KeyMeter-Complete-Until: 0:1234,1:99;time=2026-01-01T00:00:00.000Z` (next offsets not yet counted; everything
   * accepted before that time is counted). With `waitFor` waits until those positions are counted, 503 after ten seconds.
   */
  async settle(reply: FastifyReply, waitFor?: string | string[]): Promise<void> {
    if (waitFor !== undefined) await this.#waitUntil(String(waitFor));
    const { positions, completeUntil } = await this.usage.progress();
    const time = new Date(completeUntil).toISOString();
    reply.header('KeyMeter-Complete-Until', `${formatPositions(positions)};time=${time}`);
  }

  async #waitUntil(text: string): Promise<void> {
    const positions = parsePositions(text);
    if (!positions || positions.length > MAX_POSITIONS) {
      throw invalidInput('waitFor: must be a position as KeyMeter-Position gives it, such as 0:1234');
    }
    if (await this.usage.waitFor(positions, MAX_WAIT_MS)) return;
    throw new HttpProblem(
      503,
      'keymeter/not_counted_yet',
      'The events up to waitFor are accepted and not yet counted; repeat the query.',
      {
        headers: { 'Retry-After': '1' },
      },
    );
  }
}
