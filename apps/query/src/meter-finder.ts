import { Injectable } from '@nestjs/common';
import { type Meter, SLUG_PATTERN } from '#domain/meters/meter.js';
import { ULID_PATTERN } from '#domain/meters/ulid.js';
import { MeterStore } from '#ports/meter-store.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';

@Injectable()
export class MeterFinder {
  constructor(private readonly meters: MeterStore) {}

  /** By ULID, deleted or not, or by slug. Throws 400 for what can be neither, 404 for what is not there. */
  async find(idOrSlug: string): Promise<Meter> {
    if (idOrSlug.length > 64 || !(ULID_PATTERN.test(idOrSlug) || SLUG_PATTERN.test(idOrSlug))) {
      throw invalidInput('a meter is named by its slug or its ULID');
    }
    const meter = await this.meters.find(idOrSlug);
    if (!meter) throw meterNotFound(idOrSlug);
    return meter;
  }

  /** As `find`, for what a deleted meter no longer does. */
  async findLiving(idOrSlug: string): Promise<Meter> {
    const meter = await this.find(idOrSlug);
    if (meter.deletedAt !== undefined) throw meterNotFound(idOrSlug);
    return meter;
  }
}

export function meterNotFound(idOrSlug: string): HttpProblem {
  return new HttpProblem(404, 'data/meter_not_found', `meter not found: ${idOrSlug}`);
}
