import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import type { Policy } from '#domain/policies/policy.js';
import { type FieldChange, policyDifference } from '#domain/policies/policy-difference.js';
import { KEPT_VERSIONS, type PolicyVersion } from '#domain/policies/policy-version.js';
import { PolicyStore } from '#ports/policy-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { notFound } from './policy-editor.js';

const number = z.coerce.number().int().min(1).max(1_000_000_000);
export const differenceSchema = z.object({ from: number, to: number });
const versionSchema = z.object({ version: number });

export interface VersionSummary extends Pick<PolicyVersion, 'author' | 'reason' | 'approval'> {
  readonly version: number;
  /** When it was put, epoch ms. */
  readonly at: number;
  readonly mode: Policy['mode'];
}

/** What a policy was: its versions, who put them and when, their texts, and what differs between two. */
@Controller('api/v1/policies')
@UseGuards(RootKeyGuard)
export class PolicyVersionsController {
  constructor(private readonly store: PolicyStore) {}

  @Get(':id/versions')
  @Requires('policy.read_policy')
  async list(@Param('id') id: string): Promise<{ items: VersionSummary[] }> {
    const { policy } = (await this.store.find(id)) ?? notFound(id);
    const oldest = Math.max(1, policy.version - KEPT_VERSIONS + 1);
    const numbers = Array.from({ length: policy.version - oldest + 1 }, (_, n) => policy.version - n);
    const kept = await Promise.all(numbers.map((version) => this.store.version(id, version)));
    return { items: kept.filter((it) => it !== undefined).map(summaryOf) };
  }

  /** Also of a policy that was deleted. */
  @Get(':id/versions/:version')
  @Requires('policy.read_policy')
  async find(
    @Param('id') id: string,
    @Param({ schema: versionSchema }) { version }: z.output<typeof versionSchema>,
  ): Promise<PolicyVersion> {
    return this.#version(id, version);
  }

  @Get(':id/difference')
  @Requires('policy.read_policy')
  async difference(
    @Param('id') id: string,
    @Query({ schema: differenceSchema }) { from, to }: z.output<typeof differenceSchema>,
  ): Promise<{ from: number; to: number; changes: FieldChange[] }> {
    const [before, after] = [await this.#version(id, from), await this.#version(id, to)];
    return { from, to, changes: policyDifference(before.policy, after.policy) };
  }

  async #version(id: string, version: number): Promise<PolicyVersion> {
    const found = await this.store.version(id, version);
    if (found) return found;
    throw new HttpProblem(
      404,
      'policy/version_not_found',
      `There is no version ${version} of policy ${id.slice(0, 64)}.`,
    );
  }
}

function summaryOf({ policy, author, reason, approval }: PolicyVersion): VersionSummary {
  return { version: policy.version, at: policy.updatedAt, mode: policy.mode, author, reason, approval };
}
