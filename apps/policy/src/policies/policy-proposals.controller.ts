import { Body, Controller, Get, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { PolicyStore } from '#ports/policy-store.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { authorOf } from './policies.controller.js';
import { noProposal, PolicyApprovals } from './policy-approvals.js';
import { PolicyEditor, type SavedPolicy } from './policy-editor.js';
import { type ProposalDocument, proposalDocument } from './proposal-document.js';

const digest = z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be the digest of the proposal that you have seen' });
const reason = z.string().trim().min(1).max(300);

export const approvalSchema = z.strictObject({ digest, reason: reason.optional() });
type ApprovalInput = z.output<typeof approvalSchema>;
export const rejectionSchema = z.strictObject({ digest, reason });
type RejectionInput = z.output<typeof rejectionSchema>;

/** Versions that wait for a second person, at most one of each policy. */
@Controller('api/v1/policies')
@UseGuards(RootKeyGuard)
export class PolicyProposalsController {
  constructor(
    private readonly editor: PolicyEditor,
    private readonly approvals: PolicyApprovals,
    private readonly store: PolicyStore,
  ) {}

  @Get('proposals')
  @Requires('policy.read_policy')
  async list(): Promise<{ items: ProposalDocument[] }> {
    const policies = new Map((await this.store.list()).map(({ policy }) => [policy.id, policy]));
    const proposals = await this.approvals.list();
    return { items: proposals.map((proposal) => proposalDocument(proposal, policies.get(proposal.policy.id))) };
  }

  @Get(':id/proposal')
  @Requires('policy.read_policy')
  async find(@Param('id') id: string): Promise<ProposalDocument> {
    const proposal = (await this.approvals.find(id)) ?? noProposal(id);
    return proposalDocument(proposal, (await this.store.find(id))?.policy);
  }

  @Post(':id/proposal/approve')
  @HttpCode(200)
  @Requires('policy.approve_policy')
  approve(
    @Param('id') id: string,
    @Body({ schema: approvalSchema }) input: ApprovalInput,
    @Req() request: RequestWithRootKey,
  ): Promise<SavedPolicy> {
    return this.editor.approve(id, { ...input, by: authorOf(request) });
  }

  /** Whoever may write policies may take a proposal back; its author, too. */
  @Post(':id/proposal/reject')
  @HttpCode(204)
  @Requires('policy.write_policy')
  reject(
    @Param('id') id: string,
    @Body({ schema: rejectionSchema }) input: RejectionInput,
    @Req() request: RequestWithRootKey,
  ): Promise<void> {
    return this.editor.reject(id, { ...input, by: authorOf(request) });
  }
}
