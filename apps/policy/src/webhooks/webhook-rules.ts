import { randomBytes } from 'node:crypto';
import { isSealed, SEAL_IV_BYTES, SecretSeal } from '#domain/webhooks/secret-seal.js';
import { signingSecrets, type WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { SECRET_BYTES, secretText } from '#domain/webhooks/webhook-signature.js';
import type { WebhookUrlRules } from '#domain/webhooks/webhook-url.js';
import type { Settings } from '#runtime/config/settings.js';

/** What the settings say of webhooks: where they may go, and how their secrets are stored. */
export class WebhookRules implements WebhookUrlRules {
  readonly #seal: SecretSeal | undefined;

  constructor(
    readonly allowsHttp: boolean,
    readonly allowsPrivateAddresses: boolean,
    secretKey?: string,
  ) {
    this.#seal = secretKey === undefined ? undefined : new SecretSeal(secretKey);
  }

  static of(settings: Settings): WebhookRules {
    return new WebhookRules(
      settings.KEYMETER_WEBHOOK_HTTP === 'allow',
      settings.KEYMETER_WEBHOOK_PRIVATE_ADDRESSES === 'allow',
      settings.KEYMETER_WEBHOOK_SECRET_KEY,
    );
  }

  /** A new secret, and the text of it that is stored. */
  mintSecret(endpointId: string): { readonly secret: string; readonly stored: string } {
    const secret = secretText(randomBytes(SECRET_BYTES));
    return { secret, stored: this.#seal?.seal(secret, endpointId, randomBytes(SEAL_IV_BYTES)) ?? secret };
  }

  /** Those that sign now and can be read: none where the key to them is not the configured one. */
  secretsOf(endpoint: WebhookEndpoint, now: number): string[] {
    const texts = signingSecrets(endpoint, now);
    const secrets = texts.map((text) => (isSealed(text) ? this.#seal?.open(text, endpoint.id) : text));
    return secrets.filter((secret) => secret !== undefined);
  }
}
