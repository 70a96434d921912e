import { Module } from '@nestjs/common';
import { ConsumerController } from './consumer.controller.js';

/** Carries decided frames into the usage store. UsageSink comes from the process's own module. */
@Module({ controllers: [ConsumerController] })
export class ConsumerModule {}
