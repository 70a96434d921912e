import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { HttpWebhookTransport } from '#adapters/http/http-webhook-transport.js';
import type { Clock } from '#ports/clock.js';
import type { Settings } from '#runtime/config/settings.js';
import { appModule } from '#runtime/http/app-module.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { frameworkLog } from '#runtime/process-log.js';
import type { provided } from '#runtime/provided.js';
import { AuditVerification } from '#stream/audit-verification.js';
import { AuditModule } from './audit/audit.module.js';
import type { AuditChains } from './audit/audit-chains.js';
import { EnforcementRecorder } from './enforcement/enforcement-recorder.js';
import type { LateSink } from './enforcement/late-sink.js';
import { PolicyFramesModule } from './engine/policy-frames.module.js';
import { PolicyRunner } from './engine/policy-runner.js';
import { PolicyModule } from './policy.module.js';
import { settingsPorts } from './settings-ports.js';
import { finishUnfinished } from './unfinished.js';
import { usagePorts } from './usage-ports.js';
import type { LateFeed } from './webhooks/late-feed.js';
import { WebhookModule } from './webhooks/webhook.module.js';
import { WebhookIntake } from './webhooks/webhook-intake.js';

type Ports = Parameters<typeof provided>[0];

interface Process {
  readonly clock: Clock;
  readonly settings: Settings;
  ports(): Ports;
}

export interface PolicyParts {
  readonly usage: Parameters<typeof usagePorts>[0];
  readonly runner: PolicyRunner;
  readonly audit: AuditChains;
  /** Opened here: until then nothing is enforced, and nobody is told. */
  readonly sink: LateSink;
  readonly webhooks: LateFeed;
  /** Ports that one kind of process has, and the other not. */
  readonly ports?: Ports;
}

/** The app over the stores of its process, with what an earlier life left undone finished; it does not listen yet. */
export async function openPolicyApp(
  process: Process,
  { usage, runner, audit, sink, webhooks, ports = [] }: PolicyParts,
): Promise<NestFastifyApplication> {
  const { clock, settings } = process;
  const all = [
    ...process.ports(),
    ...usagePorts(usage),
    ...settingsPorts(settings, (rules) => new HttpWebhookTransport(clock, rules)),
    [PolicyRunner, runner],
    [AuditVerification, audit.verification],
    ...ports,
  ] as const;
  const modules = [PolicyModule, PolicyFramesModule, AuditModule, WebhookModule];
  const app = await createHttpApp(appModule(all, modules), { logger: frameworkLog() });
  await app.init();
  sink.open(app.get(EnforcementRecorder));
  webhooks.open(app.get(WebhookIntake));
  await finishUnfinished(app);
  return app;
}
