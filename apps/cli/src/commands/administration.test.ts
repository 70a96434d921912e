import { cli, server } from '../cli-with-server.fixture.js';

const ENFORCEMENT = {
  id: 'enf_1',
  policyId: 'pol_1',
  policyName: 'burst',
  policyVersion: 1,
  mode: 'on',
  action: { type: 'throttle', limit: 5, windowMs: 60_000 },
  target: { per: 'key', value: 'key_1' },
  window: { kind: 'sliding', start: 0, end: 60_000 },
  value: 101,
  threshold: 100,
  cause: { partition: 0, offset: 1, index: 0 },
  events: [],
  eventCount: 101,
  begin: Date.UTC(2026, 0, 1),
  until: null,
};

const run = (...args: string[]) => cli.run(server.url, args);
const answer = (route: string, body: unknown, status = 200) => server.routes.set(route, { status, body });
const sent = () => JSON.parse(server.requests.at(-1)?.body ?? '');

describe('keys', () => {
  test('create sends what was asked for and prints the key once', async () => {
    answer('POST /v2/keys.createKey', { meta: {}, data: { keyId: 'key_1', key: 'sk_new' } });
    const { code, stdout } = await run(
      'keys',
      'create',
      '--api',
      'api_1',
      '--credits',
      '10',
      '--rate-limit',
      '100/60',
      '--expires',
      '2026-12-31',
    );
    expect([code, stdout]).toEqual([0, 'apiId  api_1\nkeyId  key_1\nkey    sk_new\n']);
    expect(sent()).toEqual({
      apiId: 'api_1',
      expires: Date.UTC(2026, 11, 31),
      credits: { remaining: 10 },
      ratelimits: [{ name: 'requests', limit: 100, duration: 60_000, autoApply: true }],
    });
  });

  test('create makes the API first where --new-api names one', async () => {
    answer('POST /v2/apis.createApi', { meta: {}, data: { apiId: 'api_9' } });
    answer('POST /v2/keys.createKey', { meta: {}, data: { keyId: 'key_1', key: 'sk_new' } });
    expect(JSON.parse((await run('keys', 'create', '--new-api', 'demo', '--json')).stdout).apiId).toBe('api_9');
    expect(sent()).toEqual({ apiId: 'api_9' });
  });

  test('verify takes the key from standard input and exits 1 where it is not valid', async () => {
    answer('POST /v2/keys.verifyKey', { meta: {}, data: { valid: false, code: 'DISABLED' } });
    const { code, stdout } = await cli.run(server.url, ['keys', 'verify'], { stdin: 'sk_secret\n' });
    expect([code, stdout]).toEqual([1, 'valid  false\ncode   DISABLED\n']);
    expect(sent()).toEqual({ key: 'sk_secret' });
  });

  test('revoke deletes the key', async () => {
    answer('POST /v2/keys.deleteKey', { meta: {}, data: {} });
    expect((await run('keys', 'revoke', 'key_1')).stdout).toBe('Revoked key_1\n');
    expect(sent()).toEqual({ keyId: 'key_1', permanent: false });
  });

  test('apis create prints the id alone, ready for a shell variable', async () => {
    answer('POST /v2/apis.createApi', { meta: {}, data: { apiId: 'api_1' } });
    expect((await run('apis', 'create', 'payments')).stdout).toBe('api_1\n');
  });
});

describe('policies', () => {
  beforeEach(() => answer('GET /api/v1/policies', [{ id: 'pol_1', name: 'burst', mode: 'on', version: 3 }]));

  test('apply replaces the policy of the same name and creates the others', async () => {
    answer('PUT /api/v1/policies/pol_1', { id: 'pol_1', name: 'burst' });
    answer('POST /api/v1/policies', { id: 'pol_2', name: 'abuse' }, 201);
    await cli.file('p.json', JSON.stringify({ policies: [{ name: 'burst', threshold: 5 }, { name: 'abuse' }] }));
    expect((await run('policies', 'apply', 'p.json')).stdout).toBe('replaced burst (pol_1)\ncreated abuse (pol_2)\n');
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /api/v1/policies',
      'PUT /api/v1/policies/pol_1',
      'POST /api/v1/policies',
    ]);
  });

  test('apply sends the version that it has seen, leaves alone what is the same, and deletes the others only with --prune', async () => {
    const burst = { id: 'pol_1', name: 'burst', version: 3, threshold: 5 };
    answer('GET /api/v1/policies', [
      burst,
      { id: 'pol_2', name: 'same', version: 1, x: 1 },
      { id: 'pol_3', name: 'old' },
    ]);
    answer('PUT /api/v1/policies/pol_1', { id: 'pol_1', name: 'burst' });
    answer('DELETE /api/v1/policies/pol_3', '', 204);
    await cli.file(
      'p.json',
      JSON.stringify([
        { name: 'burst', threshold: 6 },
        { name: 'same', x: 1 },
      ]),
    );
    expect((await run('policies', 'apply', 'p.json')).stdout).toBe('replaced burst (pol_1)\nunchanged same (pol_2)\n');
    expect(server.requests.at(-1)?.headers['if-match']).toBe('"3"');
    expect(await run('policies', 'apply', 'p.json', '--prune')).toMatchObject({ code: 2 });
    const { stdout } = await run('policies', 'apply', 'p.json', '--prune', '--yes');
    expect(stdout).toContain('deleted old (pol_3)\n');
  });

  test('plan says what apply would do, field by field, changes nothing and exits with 2; with 0 where nothing would change', async () => {
    answer('GET /api/v1/policies', [{ id: 'pol_1', name: 'burst', version: 3, threshold: 5 }]);
    await cli.file('p.json', JSON.stringify([{ name: 'burst', threshold: 6 }, { name: 'new' }]));
    const { code, stdout } = await run('policies', 'plan', 'p.json');
    expect(code).toBe(2);
    expect(stdout).toBe(
      '~ burst is changed, from version 3\n    threshold: 5 → 6\n+ new is created\n' +
        '1 to create, 1 to change, 0 to delete, 0 unchanged\n',
    );
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
    await cli.file('same.json', JSON.stringify({ name: 'burst', threshold: 5 }));
    expect((await run('policies', 'plan', 'same.json')).code).toBe(0);
  });

  test('on a terminal apply shows the plan and asks; anything but yes applies nothing', async () => {
    answer('PUT /api/v1/policies/pol_1', { id: 'pol_1', name: 'burst' });
    await cli.file('p.json', JSON.stringify({ name: 'burst', threshold: 6 }));
    const asked = await cli.run(server.url, ['policies', 'apply', 'p.json'], { stdin: '\n', keyboard: true });
    expect(asked.code).toBe(1);
    expect(asked.stderr).toContain('Apply this? [y/N] ');
    expect(asked.stderr).toContain('nothing was applied');
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
    const yes = await cli.run(server.url, ['policies', 'apply', 'p.json'], { stdin: 'y\n', keyboard: true });
    expect(yes.stdout).toBe('replaced burst (pol_1)\n');
  });

  test('a document is sent as it was written', async () => {
    answer('POST /api/v1/policies', { id: 'pol_2', name: 'calls' }, 201);
    const text =
      '# why\nkind: Policy\napiVersion: keymeter/v1\nname: calls\nmatch: type == "request"\nper: keyId\n' +
      'measures: {calls: {aggregate: count, window: 1m}}\nwhen: calls > 2\nthen: [{action: warn}]';
    await cli.file('p.yaml', `${text}\n`);
    expect((await run('policies', 'apply', 'p.yaml')).stdout).toBe('created calls (pol_2)\n');
    expect(server.requests.at(-1)).toMatchObject({ body: text, headers: { 'content-type': 'application/yaml' } });
  });

  test('a refused policy is named, with how many were applied before it', async () => {
    answer('PUT /api/v1/policies/pol_1', { id: 'pol_1', name: 'burst' });
    answer('POST /api/v1/policies', { title: 'Bad Request', status: 400, detail: 'threshold is missing' }, 400);
    await cli.file('p.json', JSON.stringify([{ name: 'burst' }, { name: 'abuse' }]));
    const { code, stderr } = await run('policies', 'apply', 'p.json');
    expect([code, stderr]).toEqual([1, "keymeter: policy 'abuse' (1 applied before): threshold is missing (400)\n"]);
  });

  test.each([
    ['{', 'is no JSON'],
    ['[{}]', 'policy 1 has no name'],
    ['[{"name":"a"},{"name":"a"}]', "two policies are called 'a'"],
  ])('a file of %s is refused before anything is sent', async (content, reason) => {
    await cli.file('p.json', content);
    const { code, stderr } = await run('policies', 'apply', 'p.json');
    expect(code).toBe(1);
    expect(stderr).toContain(reason);
    expect(server.requests).toHaveLength(0);
  });

  describe('with a second person', () => {
    const proposal = {
      status: 'waiting',
      policyId: 'pol_1',
      name: 'burst',
      mode: 'on',
      version: 4,
      digest: 'd'.repeat(64),
      author: { id: 'root_1', name: 'ada' },
      expiresAt: Date.UTC(2026, 0, 8),
      changes: [{ path: 'mode', from: 'shadow', to: 'on' }],
    };
    const paths = () => server.requests.map(({ method, url }) => `${method} ${url}`);
    beforeEach(() => answer('GET /api/v1/policies/proposals', { items: [proposal] }));

    test('apply says that a policy waits, and how it is approved', async () => {
      answer('PUT /api/v1/policies/pol_1', proposal, 202);
      answer('POST /api/v1/policies', { ...proposal, policyId: 'pol_2', name: 'new' }, 202);
      await cli.file('p.json', JSON.stringify([{ name: 'burst' }, { name: 'new' }]));
      const { code, stdout } = await run('policies', 'apply', 'p.json');
      expect([code, stdout]).toEqual([
        0,
        'burst waits for a second person: keymeter policies approve burst\n' +
          'new waits for a second person: keymeter policies approve new\n',
      ]);
      expect(JSON.parse((await run('policies', 'apply', 'p.json', '--json')).stdout)).toEqual([
        { name: 'burst', id: 'pol_1', change: 'waiting' },
        { name: 'new', id: 'pol_2', change: 'waiting' },
      ]);
    });

    test('proposals lists what waits, by whom and until when', async () => {
      expect((await run('policies', 'proposals')).stdout).toMatch(
        /^burst +4 +on +waiting +ada +2026-01-08T00:00:00Z +d{64}$/m,
      );
    });

    test('approve shows what would come in force and asks; anything but yes approves nothing', async () => {
      answer('POST /api/v1/policies/pol_1/proposal/approve', { version: 4, mode: 'on' });
      const ask = (stdin: string) => cli.run(server.url, ['policies', 'approve', 'burst'], { stdin, keyboard: true });
      const no = await ask('\n');
      expect(no.code).toBe(1);
      expect(no.stderr).toContain('burst, version 4, proposed by ada\n    mode: "shadow" → "on"\n');
      expect(paths()).toEqual(['GET /api/v1/policies/proposals']);
      expect((await ask('y\n')).stdout).toBe('burst is in force: version 4, on\n');
      expect(sent()).toEqual({ digest: proposal.digest });
    });

    test('where nobody can be asked, approve wants the digest that was looked at, and sends that one', async () => {
      answer('POST /api/v1/policies/pol_1/proposal/approve', { version: 4, mode: 'on' });
      expect((await run('policies', 'approve', 'burst')).code).toBe(2);
      const seen = 'e'.repeat(64);
      expect((await run('policies', 'approve', 'burst', '--digest', seen, '--reason', 'load test')).code).toBe(0);
      expect(sent()).toEqual({ digest: seen, reason: 'load test' });
    });

    test('reject wants a reason; a name under which nothing waits is said', async () => {
      answer('POST /api/v1/policies/pol_1/proposal/reject', '', 204);
      expect((await run('policies', 'reject', 'burst')).code).toBe(2);
      expect((await run('policies', 'reject', 'burst', '--reason', 'too hard')).stdout).toBe('rejected burst\n');
      expect(sent()).toEqual({ digest: proposal.digest, reason: 'too hard' });
      expect((await run('policies', 'reject', 'nope', '--reason', 'x')).stderr).toContain(
        "nothing waits for a second person under the name 'nope'",
      );
    });
  });

  test('delete finds the policy by its name', async () => {
    answer('DELETE /api/v1/policies/pol_1', '', 204);
    expect((await run('policies', 'delete', 'burst')).stdout).toBe('deleted burst (pol_1)\n');
    expect((await run('policies', 'delete', 'nope')).stderr).toContain("there is no policy 'nope'");
  });
});

describe('enforcements', () => {
  test('list explains each in a line; --active leaves out what is lifted or over', async () => {
    const lifted = { ...ENFORCEMENT, id: 'enf_2', lifted: { at: 1, by: 'ada', reason: 'mistake' } };
    const over = { ...ENFORCEMENT, id: 'enf_3', until: Date.UTC(2025, 0, 1) };
    answer('GET /api/v1/enforcements', { items: [ENFORCEMENT, lifted, over] });
    const { stdout } = await run('enforcements', 'list');
    expect(stdout).toContain(
      'enf_1  burst   key key_1  throttle 5 per 60 s  active    101        100  2026-01-01T00:00:00Z  until lifted',
    );
    expect(stdout).toMatch(/enf_2 .* lifted /);
    expect(stdout).toMatch(/enf_3 .* over /);
    const active = JSON.parse((await run('enforcements', 'list', '--active', '--json')).stdout);
    expect(active.map((row: { id: string }) => row.id)).toEqual(['enf_1']);
  });

  test('lift sends the reason', async () => {
    answer('DELETE /api/v1/enforcements/enf_1', '', 204);
    expect((await run('enforcements', 'lift', 'enf_1', '--reason', 'false alarm')).stdout).toBe('Lifted enf_1\n');
    expect(sent()).toEqual({ reason: 'false alarm' });
  });

  test('lift by filters goes on until nothing is left', async () => {
    answer('POST /api/v1/enforcements/lift', { lifted: 2, more: false });
    const { stdout } = await run('enforcements', 'lift', '--policy', 'burst', '--reason', 'false alarm');
    expect(stdout).toBe('Lifted 2\n');
    expect(sent()).toEqual({ policy: 'burst', reason: 'false alarm' });
    expect((await run('enforcements', 'lift', '--reason', 'x')).code).toBe(2);
  });

  test('show prints every field', async () => {
    answer('GET /api/v1/enforcements/enf_1', ENFORCEMENT);
    const { stdout } = await run('enforcements', 'show', 'enf_1');
    for (const name of Object.keys(ENFORCEMENT)) expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
  });
});

describe('status', () => {
  test('a ready server exits 0 and shows its own metrics; one that is not exits 1', async () => {
    answer('GET /health/ready', { status: 'ok' });
    server.routes.set('GET /metrics', { status: 200, body: 'keymeter_events_total 5\nnodejs_heap 3\n' });
    expect(await run('status')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/is ready\n.*keymeter_events_total.*5\n$/s),
    });
    const status = JSON.parse((await run('status', '--json')).stdout);
    expect(status).toMatchObject({ ready: true, metrics: [{ name: 'keymeter_events_total', value: 5 }] });
    answer('GET /health/ready', { status: 'error', reason: 'log full' }, 503);
    expect(await run('status')).toMatchObject({ code: 1, stdout: expect.stringContaining('log full') });
  });
});

describe('webhooks', () => {
  const hook = {
    id: 'wh_1',
    url: 'https://x.example/',
    enabled: true,
    eventTypes: ['enforcement.begun'],
    description: '',
  };

  test('create sends URL and types and prints the secret', async () => {
    answer('POST /api/v1/webhooks', { id: 'wh_1', secret: 'whsec_new' }, 201);
    const { code, stdout } = await run('webhooks', 'create', hook.url, '--event', 'enforcement.begun');
    expect([code, stdout]).toEqual([0, 'id      wh_1\nsecret  whsec_new\n']);
    expect(sent()).toEqual({ url: hook.url, eventTypes: ['enforcement.begun'] });
  });

  test('list shows where they go and whether they are enabled', async () => {
    answer('GET /api/v1/webhooks', { items: [{ ...hook, enabled: false, disabled: { reason: 'gone' } }] });
    expect((await run('webhooks', 'list')).stdout).toContain('https://x.example/  disabled (gone)');
  });

  test('update, disable, rotate and delete ask for what they say', async () => {
    answer('PATCH /api/v1/webhooks/wh_1', hook);
    answer('POST /api/v1/webhooks/wh_1/rotate-secret', { ...hook, secret: 'whsec_2' });
    answer('DELETE /api/v1/webhooks/wh_1', '', 204);
    await run('webhooks', 'update', 'wh_1', '--to', 'https://y.example/');
    expect(sent()).toEqual({ url: 'https://y.example/' });
    await run('webhooks', 'disable', 'wh_1');
    expect(sent()).toEqual({ enabled: false });
    expect((await run('webhooks', 'rotate', 'wh_1', '--overlap-seconds', '60')).stdout).toContain('whsec_2');
    expect(sent()).toEqual({ overlapSeconds: 60 });
    expect((await run('webhooks', 'rotate', 'wh_1', '--overlap-seconds', 'soon')).code).toBe(2);
    expect((await run('webhooks', 'delete', 'wh_1')).stdout).toBe('Deleted wh_1\n');
  });

  test('replay goes on until nothing more was given up since then', async () => {
    answer('POST /api/v1/webhooks/wh_1/replay', { replayed: 2, added: 1, more: false });
    const { stdout } = await run('webhooks', 'replay', 'wh_1', '--since', '2026-06-01T00:00:00Z');
    expect(stdout).toBe('2 are sent again, 1 made anew\n');
    expect(sent()).toEqual({ since: '2026-06-01T00:00:00Z' });
    expect((await run('webhooks', 'replay', 'wh_1')).code).toBe(2);
  });

  test('deliveries are listed by state, with what the last attempt came to', async () => {
    const last = { at: '2026-06-01T00:00:00.000Z', failure: 'timeout' };
    const delivery = {
      id: 'msg_1',
      type: 'enforcement.begun',
      createdAt: '2026-05-29T00:00:00.000Z',
      attempts: 10,
      last,
    };
    answer('GET /api/v1/webhooks/wh_1/deliveries', { items: [delivery] });
    expect((await run('webhooks', 'deliveries', 'wh_1')).stdout).toMatch(/msg_1 .* 10 +timeout/);
  });
});
