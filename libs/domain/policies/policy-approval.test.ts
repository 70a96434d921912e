/** What a second person has to approve: everything by which a policy could act on somebody whom it leaves alone now. */
import { documentOf } from './documents/document-fixture.js';
import { needsApproval } from './policy-approval.js';
import { policyOf } from './policy-fixture.js';
import { expiresAt, isStale, PROPOSAL_LIFE_MS, proposalDigest, proposalOf } from './policy-proposal.js';

const inMode = (mode: string, change: object = {}, version = 1) =>
  documentOf({ mode, ...(mode === 'staged' ? { percent: 10 } : {}), ...change }, version);
const except = (...exceptions: object[]) => ({ except: exceptions });
const partner = { value: 'k1', until: '2027-01-01', reason: 'partner' };

test.each([
  ['a new policy that acts', inMode('on'), undefined],
  ['a new policy that acts on some', inMode('staged'), undefined],
  ['shadow to on', inMode('on'), inMode('shadow')],
  ['off to staged', inMode('staged'), inMode('off')],
  ['staged to on', inMode('on'), inMode('staged')],
  ['more percent', inMode('staged', { percent: 50 }), inMode('staged')],
  ['fewer percent, which ends a brake', inMode('staged', { percent: 5 }), inMode('staged')],
  ['another condition', inMode('on', { when: 'calls > 1' }), inMode('on')],
  ['another brake', inMode('on', { brake: { subjects: 900, share: 1, within: '1m' } }), inMode('on')],
  ['other words, which the blocked may read', inMode('on', { description: 'x' }), inMode('on')],
  ['an exception less', inMode('on'), inMode('on', except(partner))],
  [
    'an exception that ends sooner',
    inMode('on', except({ ...partner, until: '2026-06-01' })),
    inMode('on', except(partner)),
  ],
  [
    'an exception in place of another',
    inMode('on', except({ ...partner, value: 'k2' })),
    inMode('on', except(partner)),
  ],
  ['a threshold policy switched on', policyOf({ mode: 'on' }), policyOf({ mode: 'shadow' })],
  ['a lower threshold', policyOf({ threshold: 1 }), policyOf({ threshold: 3 })],
  ['a threshold in place of a document', policyOf(), inMode('on')],
])('%s needs approval', (_what, next, current) => {
  expect(needsApproval(next, current)).toBe(true);
});

test.each([
  ['a new policy in shadow', inMode('shadow'), undefined],
  ['on to shadow, whatever else changes', inMode('shadow', { when: 'calls > 1' }), inMode('on')],
  ['on to off', inMode('off'), inMode('on')],
  ['a change in shadow', inMode('shadow', { when: 'calls > 1' }), inMode('shadow')],
  ['one more exception', inMode('on', except(partner, { value: 'k2' })), inMode('on', except(partner))],
  ['an exception that lasts longer', inMode('on', except({ value: 'k1' })), inMode('on', except(partner))],
  ['the same again', inMode('on', {}, 2), inMode('on')],
  ['a threshold policy switched to shadow', policyOf({ mode: 'shadow' }), policyOf()],
])('%s needs nobody', (_what, next, current) => {
  expect(needsApproval(next, current)).toBe(false);
});

test('a digest is of all that comes in force and of the version that was seen, not of who proposes and when', () => {
  const digest = proposalDigest(inMode('on'), 'text');
  expect(proposalDigest({ ...inMode('on'), createdAt: 7, updatedAt: 9 }, 'text')).toBe(digest);
  const others = [
    proposalDigest(inMode('on', {}, 2), 'text'),
    proposalDigest(inMode('on', { when: 'calls > 1' }), 'text'),
    proposalDigest(inMode('staged'), 'text'),
    proposalDigest({ ...inMode('on'), id: 'pol_other' }, 'text'),
    proposalDigest(inMode('on'), 'other text'),
    proposalDigest(inMode('on'), undefined),
  ];
  expect(new Set([digest, ...others]).size).toBe(7);
});

test('a proposal is stale as soon as another version is in force, or none', () => {
  const proposal = proposalOf(inMode('on', {}, 3), {}, 5);
  expect([2, 3, 4].map((version) => isStale(proposal, inMode('shadow', {}, version)))).toEqual([false, true, true]);
  expect(isStale(proposal, undefined)).toBe(true);
  expect(isStale(proposalOf(inMode('on'), {}, 5), undefined)).toBe(false);
  expect(expiresAt(proposal)).toBe(5 + PROPOSAL_LIFE_MS);
});
