/** Signatures of the Standard Webhooks specification 1.0.0, symmetric: HMAC-SHA256 over `<id>.<timestamp>.<body>`. */
import { createHmac } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
/** The specification asks for 24 to 64. */
export const SECRET_BYTES = 32;

export function secretText(random: Uint8Array): string {
  return `${SECRET_PREFIX}${Buffer.from(random).toString('base64')}`;
}

export interface SignedMessage {
  readonly id: string;
  readonly body: string;
  /** Of this attempt, epoch ms: receivers refuse what is older than some minutes. */
  readonly at: number;
}

/** One signature per secret, in their order: a receiver takes the message when it knows any of them. */
export function signedHeaders({ id, body, at }: SignedMessage, secrets: readonly string[]): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => `v1,${signature(`${id}.${timestamp}.${body}`, secret)}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

function signature(content: string, secret: string): string {
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}
