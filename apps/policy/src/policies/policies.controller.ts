import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Policy } from '#domain/policies/policy.js';
import type { Author } from '#domain/policies/policy-version.js';
import { PolicyStore } from '#ports/policy-store.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { notFound, PolicyEditor, type SavedPolicy } from './policy-editor.js';
import { policyWriteSchema, seenVersion, type WrittenPolicy } from './policy-request.js';
import { changeAnswer, type ProposalDocument } from './proposal-document.js';

@Controller('api/v1/policies')
@UseGuards(RootKeyGuard)
export class PoliciesController {
  constructor(
    private readonly editor: PolicyEditor,
    private readonly store: PolicyStore,
  ) {}

  @Post()
  @Requires('policy.write_policy')
  async create(
    @Body({ schema: policyWriteSchema }) { policy, text }: WrittenPolicy,
    @Req() request: RequestWithRootKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SavedPolicy | ProposalDocument> {
    return changeAnswer(await this.editor.create(policy, { author: authorOf(request), text }), reply);
  }

  @Get()
  @Requires('policy.read_policy')
  async list(): Promise<{ items: Policy[] }> {
    return { items: (await this.store.list()).map(({ policy }) => policy) };
  }

  @Get(':id')
  @Requires('policy.read_policy')
  async find(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Policy> {
    const policy = (await this.store.find(id))?.policy ?? notFound(id);
    reply.header('ETag', `"${policy.version}"`);
    return policy;
  }

  @Put(':id')
  @Requires('policy.write_policy')
  async replace(
    @Param('id') id: string,
    @Body({ schema: policyWriteSchema }) { policy, text }: WrittenPolicy,
    @Headers('if-match') ifMatch: string | undefined,
    @Req() request: RequestWithRootKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SavedPolicy | ProposalDocument> {
    const options = { author: authorOf(request), text, seen: seenVersion(ifMatch) };
    return changeAnswer(await this.editor.replace(id, policy, options), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('policy.write_policy')
  remove(@Param('id') id: string, @Headers('if-match') ifMatch: string | undefined): Promise<void> {
    return this.editor.remove(id, { seen: seenVersion(ifMatch) });
  }
}

export function authorOf({ rootKey: { id, name } }: RequestWithRootKey): Author {
  return { id, name };
}
