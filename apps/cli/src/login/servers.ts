/** One address for everything, or those of a cluster's apps: the path of a request chooses which app it goes to. */
import { z } from 'zod';
import { CliError, EXIT } from '../exit-code.js';

export const APPS = ['ingress', 'query', 'policy'] as const;
export type App = (typeof APPS)[number];

/** Addresses without a slash at the end; the first one that answers is used. */
export type Servers = Readonly<Record<App, readonly [string, ...string[]]>> & {
  /** Asked for their state only. */
  readonly consumer: readonly string[];
};

const PATHS_OF_POLICY = /^\/api\/v1\/(policies|enforcements|enforcement-pause|audit|webhooks)\b/;

/** Who answers a request: events are sent to an ingress, which also has the keys, and read from a query process. */
export function appOf(method: string, path: string): App {
  if (!path.startsWith('/api/')) return 'ingress';
  if (PATHS_OF_POLICY.test(path)) return 'policy';
  return method === 'POST' && path === '/api/v1/events' ? 'ingress' : 'query';
}

export function oneServer(url: string): Servers {
  return { ingress: [url], query: [url], policy: [url], consumer: [] };
}

export interface Address {
  /** Undefined where one address stands for all. */
  readonly app: App | 'consumer' | undefined;
  readonly url: string;
}

export function addressesOf(servers: Servers): Address[] {
  const all = [...APPS, 'consumer' as const].flatMap((app) => servers[app].map((url) => ({ app, url })));
  const [first, ...others] = new Set(all.map(({ url }) => url));
  return first !== undefined && others.length === 0 ? [{ app: undefined, url: first }] : all;
}

/** As messages name it. */
export function serversText(servers: Servers): string {
  const addresses = addressesOf(servers);
  return addresses.length === 1 ? (addresses[0]?.url ?? '') : `the cluster of ${servers.ingress[0]}`;
}

const someUrls = z.union([z.string(), z.array(z.string())]).transform((given) => [given].flat());
const urls = someUrls.refine((given) => given.length > 0);
const addressesSchema = z.object({ ingress: urls, query: urls, policy: urls, consumer: someUrls.default([]) });

/** What `npm run cluster` writes as addresses.json, and a login file keeps. Undefined where it is nothing of the kind. */
export function parseServers(document: unknown): Servers | undefined {
  const parsed = addressesSchema.safeParse(document);
  if (!parsed.success) return undefined;
  const { ingress, query, policy, consumer } = parsed.data;
  return {
    ingress: serverUrls(ingress),
    query: serverUrls(query),
    policy: serverUrls(policy),
    consumer: serverUrls(consumer),
  };
}

export function serverUrls(texts: readonly string[]): [string, ...string[]] {
  return texts.map(serverUrl) as [string, ...string[]];
}

export function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new CliError(EXIT.usage, `the server must be an http or https URL without a user, not '${text}'`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}
