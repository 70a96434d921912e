import { randomBytes } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { BUILT_IN_METERS, createMeter } from '#domain/meters/meter.js';
import { ulid } from '#domain/meters/ulid.js';
import { Clock } from '#ports/clock.js';
import { MeterStore } from '#ports/meter-store.js';

/** Creates the meters that every installation starts with. */
@Injectable()
export class BuiltInMeters implements OnModuleInit {
  constructor(
    private readonly meters: MeterStore,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    const now = this.clock.now();
    const built = BUILT_IN_METERS.map((definition) => createMeter(definition, ulid(now, randomBytes(16)), now));
    await this.meters.ensureBuiltIn(built);
  }
}
