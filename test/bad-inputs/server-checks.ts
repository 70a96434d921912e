import type { CheckTable } from './checks.js';

const MAX_GROWTH_BYTES = 32 * 1024 * 1024;

/** Sentences about the server's health, logs, memory, keys and limits. */
export const serverChecks: CheckTable = [
  [
    /^server still answers \/health\/live 200$/,
    async ({ fixture }) =>
      async () => {
        expect((await fixture.call({ method: 'GET', path: '/health/live' })).status).toBe(200);
      },
  ],
  [
    /^the first process still answers$/,
    async ({ started }) =>
      async () => {
        expect(started).toHaveLength(1);
        expect(await started[0]?.isReady()).toBe(true);
      },
  ],
  [
    /^a fresh \{\} in the server has no property isRoot: the next verify of an unknown key is still NOT_FOUND$/,
    async ({ fixture }) =>
      async () => {
        const verdict = await fixture.operation('keys.verifyKey', { key: 'sk_unknown' });
        expect(verdict).toEqual({ valid: false, code: 'NOT_FOUND' });
      },
  ],
  [
    /^no line of any app log contains \{\{(\w+)\}\}$/,
    async ({ fixture }, name) =>
      async () => {
        expect(fixture.server.logs).not.toContain(fixture.text(name as string));
      },
  ],
  [
    /^no log line starts with (\S+)$/,
    async ({ fixture }, start) =>
      async () => {
        expect(fixture.server.logs.split(/\r|\n/).filter((line) => line.startsWith(start as string))).toEqual([]);
      },
  ],
  [
    /^resident memory of the app grew by less than 32 MiB$/,
    async ({ fixture }) => {
      await fixture.drained();
      const before = fixture.residentBytes();
      return async () => {
        const after = fixture.residentBytes();
        if (before === undefined || after === undefined) return notMeasured();
        expect(after - before).toBeLessThan(MAX_GROWTH_BYTES);
      };
    },
  ],
  [
    /^the credits of \{\{keyId\}\} are unchanged$/,
    async ({ fixture }) => {
      const before = await fixture.creditsOf(fixture.text('keyId'));
      expect(before).toBeGreaterThan(0);
      return async () => {
        expect(await fixture.creditsOf(fixture.text('keyId'))).toBe(before);
      };
    },
  ],
  [
    /^the credits of \{\{keyWithCredits\}\} fell by exactly 1$/,
    async ({ fixture }) => {
      const before = await fixture.creditsOf(fixture.text('keyWithCreditsId'));
      return async () => {
        expect(await fixture.creditsOf(fixture.text('keyWithCreditsId'))).toBe(before - 1);
      };
    },
  ],
  [
    /^the limit (\w+)\/(\w+) is unspent$/,
    async ({ fixture }, namespace, identifier) =>
      async () => {
        const limit = { namespace, identifier, limit: 1, duration: 1_000 };
        expect(await fixture.operation('ratelimit.limit', limit)).toMatchObject({ success: true });
      },
  ],
  [
    /^the store look-up counter has not moved$/,
    async ({ fixture }) => {
      const before = await fixture.metric('keymeter_key_lookups_total');
      return async () => {
        expect(await fixture.metric('keymeter_key_lookups_total')).toBe(before);
        await fixture.operation('keys.verifyKey', { key: fixture.text('key') });
        expect(await fixture.metric('keymeter_key_lookups_total')).toBe(before + 1);
      };
    },
  ],
];

function notMeasured(): void {
  process.stderr.write('bad inputs: this system does not tell the memory of a process; its growth was not checked\n');
}
