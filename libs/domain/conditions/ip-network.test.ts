import { addressGroups, parseNetwork } from './ip-network.js';

test.each([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['10.1.2.128/25', '10.1.2.129', true],
  ['10.1.2.128/25', '10.1.2.127', false],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['203.0.113.9/32', '203.0.113.9', true],
  ['203.0.113.9/32', '203.0.113.8', false],
  ['2001:db8::/32', '2001:db8:0:1::7', true],
  ['2001:db8::/32', '2001:db9::7', false],
  ['::/0', '2001:db9::7', true],
  ['::/0', '10.0.0.1', false],
  ['10.0.0.0/8', 'not an address', false],
])('%s holds %s: %s', (network, address, expected) => {
  expect(parseNetwork(network)?.(address)).toBe(expected);
});

test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0/8', '256.0.0.0/8', '2001:db8::/129', '1::2::3/64', '/8', '10.0.0.0/8/8'])(
  '%s is no network',
  (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  },
);

test('the same address written in different ways has the same groups', () => {
  const groups = addressGroups('2001:db8:0:0:0:0:c000:201');
  expect(addressGroups('2001:DB8::192.0.2.1')).toEqual(groups);
  expect(addressGroups('2001:db8::c000:201')).toEqual(groups);
  expect(addressGroups('2001:db8:::1')).toBeUndefined();
  expect(addressGroups('1:2:3:4:5:6:7')).toBeUndefined();
  expect(addressGroups('1:2:3:4:5:6:7:8:9')).toBeUndefined();
});
