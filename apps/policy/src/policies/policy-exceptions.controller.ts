import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { PolicyException } from '#domain/policies/documents/policy-document.js';
import { isThreshold } from '#domain/policies/grouping.js';
import type { Policy } from '#domain/policies/policy.js';
import { PolicyStore } from '#ports/policy-store.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { BulkLift } from '../enforcement/bulk-lift.js';
import { authorOf } from './policies.controller.js';
import { notFound, PolicyEditor } from './policy-editor.js';
import { seenVersion } from './policy-request.js';
import { isWaiting, type ProposalDocument, waitingAnswer } from './proposal-document.js';

const value = z.string().min(1).max(512);

export const exceptionInputSchema = z.strictObject({
  value,
  /** ISO 8601; without it the exception lasts until it is removed. */
  until: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  reason: z.string().trim().min(1).max(300),
});
type ExceptionInput = z.output<typeof exceptionInputSchema>;

export const exceptionQuerySchema = z.object({ value });

/** Whom a policy document leaves alone. Each change is a version of the policy, and stands in the log like every other. */
@Controller('api/v1/policies')
@UseGuards(RootKeyGuard)
export class PolicyExceptionsController {
  constructor(
    private readonly editor: PolicyEditor,
    private readonly store: PolicyStore,
    private readonly lifts: BulkLift,
  ) {}

  @Get(':id/exceptions')
  @Requires('policy.read_policy')
  async list(@Param('id') id: string): Promise<{ items: readonly PolicyException[] }> {
    const { policy } = (await this.store.find(id)) ?? notFound(id);
    return { items: isThreshold(policy) ? [] : policy.document.except };
  }

  /** Replaces the one of the same value, and lifts what this policy holds on it now. */
  @Post(':id/exceptions')
  @Requires('policy.write_policy')
  async add(
    @Param('id') id: string,
    @Body({ schema: exceptionInputSchema }) exception: ExceptionInput,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: RequestWithRootKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ policy: Policy; lifted: number } | ProposalDocument> {
    const others = (except: readonly PolicyException[]) => except.filter((it) => it.value !== exception.value);
    const options = { author: authorOf(request), reason: exception.reason, seen: seenVersion(ifMatch) };
    const outcome = await this.editor.amend(
      id,
      (document) => ({ ...document, except: [...others(document.except), exception] }),
      options,
    );
    if (isWaiting(outcome)) return waitingAnswer(outcome, reply); // it would end sooner than the one before
    const { checkup: _checkup, ...policy } = outcome;
    const held = { policyId: id, value: exception.value };
    const { lifted } = await this.lifts.lift(held, request.rootKey.id, `excepted: ${exception.reason}`);
    return { policy, lifted };
  }

  @Delete(':id/exceptions')
  @HttpCode(204)
  @Requires('policy.write_policy')
  async remove(
    @Param('id') id: string,
    @Query({ schema: exceptionQuerySchema }) { value: removed }: z.output<typeof exceptionQuerySchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: RequestWithRootKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProposalDocument | undefined> {
    const options = {
      author: authorOf(request),
      reason: `no exception for ${removed} any more`,
      seen: seenVersion(ifMatch),
    };
    const outcome = await this.editor.amend(
      id,
      (document) => {
        const except = document.except.filter((it) => it.value !== removed);
        if (except.length < document.except.length) return { ...document, except };
        throw invalidInput('There is no such exception.', [{ location: 'value', message: 'is in no exception' }]);
      },
      options,
    );
    return isWaiting(outcome) ? waitingAnswer(outcome, reply) : undefined;
  }
}
