import { Module } from '@nestjs/common';
import { RootKeys } from '#runtime/http/root-keys.js';
import { AuditController } from './audit.controller.js';

/** The audit trail over HTTP. AuditVerification comes from the process's own module. */
@Module({ controllers: [AuditController], providers: [RootKeys] })
export class AuditModule {}
