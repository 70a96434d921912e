/** Which addresses of the network belong to the public: what is sent to others must not reach what is ours. */
import { addressGroups, parseNetwork } from '../conditions/ip-network.js';

/** IANA's registries of special-purpose addresses, and multicast. */
const NOT_PUBLIC_4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16', // also where clouds tell instances their credentials
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
].map(network);

/** Of IPv6 only this is given out, and not all of it. */
const PUBLIC_6 = network('2000::/3');
const NOT_PUBLIC_6 = ['2001::/23', '2001:db8::/32', '3fff::/20'].map(network);
/** IPv4 in IPv6: the groups in which it lies. */
const CARRIERS = [
  { within: network('::ffff:0:0/96'), at: 6 }, // mapped
  { within: network('::/96'), at: 6 }, // compatible, deprecated
  { within: network('64:ff9b::/96'), at: 6 }, // NAT64
  { within: network('2002::/16'), at: 1 }, // 6to4
];

/** False also for what is no address. */
export function isPublicAddress(address: string): boolean {
  const [bare = ''] = address.split('%'); // a zone
  const groups = addressGroups(bare);
  if (groups === undefined) return false;
  if (groups.length === 2) return !NOT_PUBLIC_4.some((it) => it(bare));
  const carrier = CARRIERS.find(({ within }) => within(bare));
  if (carrier) return isPublicAddress(dotted(groups[carrier.at] as number, groups[carrier.at + 1] as number));
  return PUBLIC_6(bare) && !NOT_PUBLIC_6.some((it) => it(bare));
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function network(text: string): (address: string) => boolean {
  const parsed = parseNetwork(text);
  if (!parsed) throw new Error(`${text} is no network`);
  return parsed;
}
