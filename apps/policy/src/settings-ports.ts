import { WebhookTransport } from '#ports/webhook-transport.js';
import type { Settings } from '#runtime/config/settings.js';
import { GateSettings } from './backtest/policy-gate.js';
import { LiveLateness } from './enforcement/explanation-desk.js';
import { ApprovalSettings } from './policies/policy-approvals.js';
import { PolicyBudget } from './policies/policy-budget.js';
import { WebhookRules } from './webhooks/webhook-rules.js';

/** What the settings say of policies and webhooks, in every process that has them, and the transport that heeds them. */
export function settingsPorts(settings: Settings, transport: (rules: WebhookRules) => WebhookTransport) {
  const webhookRules = WebhookRules.of(settings);
  return [
    [LiveLateness, new LiveLateness(settings.KEYMETER_POLICY_LATENESS_MS)],
    [GateSettings, new GateSettings(settings.KEYMETER_POLICY_GATE === 'on')],
    [ApprovalSettings, new ApprovalSettings(settings.KEYMETER_POLICY_APPROVAL === 'on')],
    [PolicyBudget, PolicyBudget.of(settings)],
    [WebhookRules, webhookRules],
    [WebhookTransport, transport(webhookRules)],
  ] as const;
}
