import { Module } from '@nestjs/common';
import { PolicyFramesController } from './policy-frames.controller.js';

/** Carries decided frames into the policy engine. PolicyRunner comes from the process's own module. */
@Module({ controllers: [PolicyFramesController] })
export class PolicyFramesModule {}
