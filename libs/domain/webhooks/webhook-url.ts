/** Which URLs an endpoint may have. What a name resolves to is looked at again at every attempt. */
import { addressGroups } from '../conditions/ip-network.js';
import { isPublicAddress } from './public-address.js';

export interface WebhookUrlRules {
  readonly allowsHttp: boolean;
  readonly allowsPrivateAddresses: boolean;
}

export const MAX_URL_CHARS = 2_048;

/** The literal address that a URL names, in whatever form; undefined for a name. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, ''); // decimal and hexadecimal forms are dotted already: WHATWG URL
  return addressGroups(bare) === undefined ? undefined : bare;
}

/** Undefined when it may be called; otherwise a sentence for the caller. */
export function webhookUrlFault(text: string, rules: WebhookUrlRules): string | undefined {
  const url = text.length <= MAX_URL_CHARS && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return 'must be an https URL';
  if (url.username !== '' || url.password !== '') return 'must hold no user and no password';
  if (url.hash !== '') return 'must have no fragment';
  if (url.protocol === 'http:' && !rules.allowsHttp) {
    return 'must be https; plain http is refused unless KEYMETER_WEBHOOK_HTTP=allow';
  }
  if (rules.allowsPrivateAddresses) return undefined;
  const address = literalAddress(url);
  const isOurs = address !== undefined ? !isPublicAddress(address) : isLocalName(url.hostname);
  return isOurs ? PRIVATE : undefined;
}

const PRIVATE =
  'points to a loopback, private or reserved address: refused unless KEYMETER_WEBHOOK_PRIVATE_ADDRESSES=allow';

/** RFC 6761: never a public name. */
function isLocalName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || name.endsWith('.local');
}
