import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, UseGuards } from '@nestjs/common';
import { type Policy, type PolicyInput, policyInputSchema } from '#domain/policies/policy.js';
import { PolicyStore } from '#ports/policy-store.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { notFound, PolicyEditor } from './policy-editor.js';

@Controller('api/v1/policies')
@UseGuards(RootKeyGuard)
export class PoliciesController {
  constructor(
    private readonly editor: PolicyEditor,
    private readonly store: PolicyStore,
  ) {}

  @Post()
  @Requires('policy.write_policy')
  create(@Body({ schema: policyInputSchema }) input: PolicyInput): Promise<Policy> {
    return this.editor.create(input);
  }

  @Get()
  @Requires('policy.read_policy')
  async list(): Promise<{ items: Policy[] }> {
    return { items: (await this.store.list()).map(({ policy }) => policy) };
  }

  @Get(':id')
  @Requires('policy.read_policy')
  async find(@Param('id') id: string): Promise<Policy> {
    return (await this.store.find(id))?.policy ?? notFound(id);
  }

  @Put(':id')
  @Requires('policy.write_policy')
  replace(@Param('id') id: string, @Body({ schema: policyInputSchema }) input: PolicyInput): Promise<Policy> {
    return this.editor.replace(id, input);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('policy.write_policy')
  remove(@Param('id') id: string): Promise<void> {
    return this.editor.remove(id);
  }
}
