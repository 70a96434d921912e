import { isPublicAddress } from './public-address.js';
import { webhookUrlFault } from './webhook-url.js';

const strict = { allowsHttp: false, allowsPrivateAddresses: false };
const httpToo = { allowsHttp: true, allowsPrivateAddresses: false };

test.each([
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '10.1.2.3',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254', // where clouds tell instances their credentials
  '100.64.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fd12:3456::1',
  'ff02::1',
  '2001:db8::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::127.0.0.1',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::1',
  '2002:7f00:1::1',
  '2001::1',
  'no address',
])('%s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:1.1.1.1', '64:ff9b::1.1.1.1'])(
  '%s is public',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  'https://127.0.0.1/',
  'https://2130706433/', // 127.0.0.1 in decimal
  'https://0x7f000001/',
  'https://0177.0.0.1/',
  'https://127.1/',
  'https://0/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]:8443/x',
  'https://localhost/',
  'https://LOCALHOST./',
  'https://x.localhost/',
  'https://printer.local/',
  'https://169.254.169.254/latest/meta-data',
  'https://１２７.0.0.1/', // full-width digits
])('an endpoint at %s is refused', (url) => {
  expect(webhookUrlFault(url, strict)).toContain('KEYMETER_WEBHOOK_PRIVATE_ADDRESSES=allow');
  expect(webhookUrlFault(url, { ...strict, allowsPrivateAddresses: true })).toBeUndefined();
});

test('an endpoint must be https, unless http is allowed, and hold no credentials and no fragment', () => {
  expect(webhookUrlFault('https://example.com/hook?team=1', strict)).toBeUndefined();
  expect(webhookUrlFault('http://example.com/', strict)).toContain('KEYMETER_WEBHOOK_HTTP=allow');
  expect(webhookUrlFault('http://example.com/', httpToo)).toBeUndefined();
  for (const url of [
    'ftp://example.com',
    'file:///etc/passwd',
    'example.com',
    '',
    `https://example.com/${'x'.repeat(3000)}`,
  ]) {
    expect(webhookUrlFault(url, httpToo)).toBe('must be an https URL');
  }
  expect(webhookUrlFault('https://user:pass@example.com/', strict)).toContain('no password');
  expect(webhookUrlFault('https://example.com/#x', strict)).toContain('fragment');
});
