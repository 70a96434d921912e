import type { Policy } from '#domain/policies/policy.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { type PolicyProposal, proposalOf } from '#domain/policies/policy-proposal.js';
import type { PolicyIntent, PolicyStore } from '#ports/policy-store.js';

export interface OpenPolicyStore {
  readonly store: PolicyStore;
  /** Ends the store as a stop of the process would, and opens it again. */
  reopen(): Promise<OpenPolicyStore>;
  close(): Promise<void>;
}

function put(policy: Policy): PolicyIntent {
  return { kind: 'put', policy, rowId: `row of ${policy.id} ${policy.version}` };
}

const author = { id: 'root_1', name: 'ops' };

function proposed(name: string, version = 1): PolicyProposal {
  return proposalOf(policyOf({ name }, version), { author, text: `name: ${name}`, reason: 'why' }, 5);
}

const place = { partition: 0, offset: 7 };

export function describePolicyStore(name: string, open: () => Promise<OpenPolicyStore>): void {
  describe(`policy store: ${name}`, () => {
    let opened: OpenPolicyStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    test('a committed policy is found and listed by name, also after the store was closed and opened', async () => {
      for (const policy of [policyOf({ name: 'b' }), policyOf({ name: 'a' })]) {
        await opened.store.commit(put(policy), place);
      }
      opened = await opened.reopen();
      expect(await opened.store.find('pol_a')).toEqual({ policy: policyOf({ name: 'a' }), position: place });
      expect((await opened.store.list()).map(({ policy }) => policy.name)).toEqual(['a', 'b']);
      expect(await opened.store.find('pol_c')).toBeUndefined();
    });

    test('an intended change is no policy yet, and is known after the store was closed and opened', async () => {
      const intent = put(policyOf());
      await opened.store.intend(intent);
      opened = await opened.reopen();
      expect(await opened.store.list()).toEqual([]);
      expect(await opened.store.intents()).toEqual([intent]);
    });

    test('a commit ends the intention; a repeat of it changes nothing', async () => {
      const intent = put(policyOf({}, 2));
      await opened.store.intend(intent);
      for (let n = 0; n < 2; n++) await opened.store.commit(intent, place);
      expect(await opened.store.intents()).toEqual([]);
      expect((await opened.store.list()).map(({ policy }) => policy.version)).toEqual([2]);
    });

    test('an abandoned change leaves what was there', async () => {
      await opened.store.commit(put(policyOf()), place);
      await opened.store.intend(put(policyOf({}, 2)));
      await opened.store.abandon(put(policyOf({}, 2)));
      expect(await opened.store.intents()).toEqual([]);
      expect((await opened.store.find('pol_test'))?.policy.version).toBe(1);
    });

    test('a version that was put stays known with author and text, also when it was replaced and the policy removed', async () => {
      const written = { author: { id: 'root_1', name: 'ops' }, text: 'name: test', reason: 'first' };
      await opened.store.commit({ ...put(policyOf()), written }, place);
      await opened.store.commit(put(policyOf({}, 2)), { ...place, offset: 8 });
      await opened.store.commit({ kind: 'delete', policy: policyOf({}, 2), rowId: 'r' }, { ...place, offset: 9 });
      opened = await opened.reopen();
      expect(await opened.store.version('pol_test', 1)).toEqual({ policy: policyOf(), position: place, ...written });
      expect((await opened.store.version('pol_test', 2))?.position.offset).toBe(8);
      expect(await opened.store.version('pol_test', 3)).toBeUndefined();
    });

    test('of each policy the newest 100 versions are kept', async () => {
      for (const version of [1, 2, 101]) await opened.store.commit(put(policyOf({}, version)), place);
      const kept = [1, 2, 101].map(async (version) => (await opened.store.version('pol_test', version)) !== undefined);
      expect(await Promise.all(kept)).toEqual([false, true, true]);
    });

    test('a committed deletion removes the policy', async () => {
      await opened.store.commit(put(policyOf()), place);
      const intent: PolicyIntent = { kind: 'delete', policy: policyOf(), rowId: 'r' };
      await opened.store.intend(intent);
      await opened.store.commit(intent, place);
      expect([await opened.store.list(), await opened.store.intents()]).toEqual([[], []]);
    });

    test('a proposal is no policy; it is found and listed by name, also after the store was closed and opened', async () => {
      for (const name of ['b', 'a']) await opened.store.propose(proposed(name));
      opened = await opened.reopen();
      expect(await opened.store.proposal('pol_a')).toEqual(proposed('a'));
      expect((await opened.store.proposals()).map(({ policy }) => policy.name)).toEqual(['a', 'b']);
      expect([await opened.store.list(), await opened.store.proposal('pol_c')]).toEqual([[], undefined]);
    });

    test('a later proposal of a policy replaces the one before; one that is withdrawn is gone, also a second time', async () => {
      for (const version of [1, 2]) await opened.store.propose(proposed('a', version));
      expect(await opened.store.proposals()).toEqual([proposed('a', 2)]);
      for (let n = 0; n < 2; n++) await opened.store.withdraw('pol_a');
      expect(await opened.store.proposals()).toEqual([]);
    });

    test('the commit of the approved version ends the proposal and keeps who approved; another one leaves it', async () => {
      const approval = { by: { id: 'root_2', name: 'sec' }, at: 9, proposedAt: 5, digest: 'd' };
      await opened.store.propose(proposed('a'));
      const intent = put(policyOf({ name: 'a' }));
      await opened.store.commit(intent, place);
      expect(await opened.store.proposals()).toHaveLength(1);
      await opened.store.commit({ ...intent, written: { author, approval } }, place);
      expect(await opened.store.proposals()).toEqual([]);
      expect(await opened.store.version('pol_a', 1)).toMatchObject({ author, approval });
    });

    test('a deletion ends the proposal', async () => {
      await opened.store.commit(put(policyOf()), place);
      await opened.store.propose(proposed('test', 2));
      await opened.store.commit({ kind: 'delete', policy: policyOf(), rowId: 'r' }, place);
      expect(await opened.store.proposals()).toEqual([]);
    });
  });
}
