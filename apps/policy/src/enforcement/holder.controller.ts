import { Body, Controller, Headers, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { hashKey } from '#domain/keys/key-text.js';
import { isActive } from '#domain/policies/enforcement.js';
import { enforcementSentence } from '#domain/policies/enforcement-sentence.js';
import type { DerivedDecision, ExplainedPolicy } from '#domain/policies/explanation/explanation.js';
import { Clock } from '#ports/clock.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { KeyStore } from '#ports/key-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { bearerOf } from '#runtime/http/root-keys.js';
import { EnforcementDesk, type ExplainedEnforcement } from './enforcement-desk.js';
import { ExplanationDesk } from './explanation-desk.js';

export const explainSchema = z.strictObject({ enforcementId: z.string().min(1).max(80).optional() }).prefault({});

/** The newest ones; a holder who is decided on more often than this has read enough. */
const MOST = 20;
/** Events of one explanation. */
const LISTED = 1_000;

export interface HolderExplanation {
  /** What a person is to read. */
  readonly sentence: string;
  readonly active: boolean;
  readonly enforcement: ExplainedEnforcement;
  /** Only where one enforcement was asked for. */
  readonly policy?: ExplainedPolicy;
  readonly derived?: DerivedDecision;
}

/** Explains to the holder of a key, by that key alone, what holds it or its identity. Nothing of anybody else's. */
@Controller('v1')
export class HolderController {
  constructor(
    private readonly keys: KeyStore,
    private readonly store: EnforcementStore,
    private readonly desk: EnforcementDesk,
    private readonly explanations: ExplanationDesk,
    private readonly clock: Clock,
  ) {}

  @Post('enforcements.explain')
  @HttpCode(200)
  async explain(
    @Headers('authorization') authorization: string | undefined,
    @Body({ schema: explainSchema }) { enforcementId }: z.output<typeof explainSchema>,
  ): Promise<{ data: HolderExplanation[] }> {
    const view = await this.keys.findByHash(hashKey(bearerOf(authorization, 'key')));
    const own = view ? await this.#own(view.key.id, view.identity?.id) : [];
    const wanted = enforcementId === undefined ? own : own.filter((id) => id === enforcementId);
    if (!view || (enforcementId !== undefined && wanted.length === 0)) {
      throw new HttpProblem(404, 'enforcement/not_found', 'There is no such enforcement of this key.');
    }
    const data = await Promise.all(wanted.map((id) => this.#explained(id)));
    if (enforcementId === undefined) return { data };
    const derived = await this.explanations.explain(enforcementId, { isOperator: false, events: LISTED });
    return { data: data.map((it) => ({ ...it, policy: derived?.policy, derived: derived?.derived })) };
  }

  /** Those that act or acted: a shadow is nobody's business but the operator's. */
  async #own(keyId: string, identityId: string | undefined): Promise<string[]> {
    const ofKey = await this.store.list({ per: 'key', value: keyId, mode: 'on', limit: MOST });
    const ofIdentity =
      identityId === undefined
        ? []
        : await this.store.list({ per: 'identity', value: identityId, mode: 'on', limit: MOST });
    return [...ofKey, ...ofIdentity]
      .sort((a, b) => b.begin - a.begin)
      .slice(0, MOST)
      .map(({ id }) => id);
  }

  async #explained(id: string): Promise<HolderExplanation> {
    const enforcement = await this.desk.explain(id);
    const { events: _events, ...made } = enforcement;
    const whole = { ...made, events: [] };
    return { sentence: enforcementSentence(whole), active: isActive(whole, this.clock.now()), enforcement };
  }
}
