import { Module } from '@nestjs/common';
import { RootKeys } from '#runtime/http/root-keys.js';
import { BuiltInMeters } from './built-in-meters.js';
import { DeadLetterDesk } from './dead-letters/dead-letter-desk.js';
import { DeadLettersController } from './dead-letters/dead-letters.controller.js';
import { EventsController } from './events.controller.js';
import { Freshness } from './freshness.js';
import { MeterFinder } from './meter-finder.js';
import { MeterQueryController } from './meter-query.controller.js';
import { MetersController } from './meters.controller.js';
import { PartitionsController } from './partitions.controller.js';
import { ReconciliationController } from './reconciliation.controller.js';

/** Meters, usage queries, stored events, dead letters, the reconciliation, the log's partitions. The ports come from a global module that names the adapters. */
@Module({
  controllers: [
    MetersController,
    MeterQueryController,
    EventsController,
    DeadLettersController,
    ReconciliationController,
    PartitionsController,
  ],
  providers: [RootKeys, BuiltInMeters, MeterFinder, Freshness, DeadLetterDesk],
  exports: [RootKeys],
})
export class QueryModule {}
