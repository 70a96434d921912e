import type { Command, Invocation, OptionReader } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { createApi } from '../http/create-api.js';
import { readSecret } from '../input-text.js';
import { findLogin } from '../login/login-file.js';
import { writeRecord } from '../output/record.js';
import { parseInstant } from '../usage/instant.js';

type Answer = { data: Record<string, unknown> };

const VERBS: Readonly<Record<string, (invocation: Invocation, api: ApiClient) => Promise<ExitCode>>> = {
  create: createKey,
  show: showKey,
  verify: verifyKey,
  revoke: revokeKey,
};

export const keysCommand: Command = {
  name: 'keys',
  summary: 'create, show, verify or revoke a key',
  usage: [
    'keys create --api APIID [options]',
    'keys create --new-api NAME [options]',
    'keys show KEYID',
    'keys verify [options] < KEY',
    'keys revoke KEYID',
  ],
  options: {
    api: { type: 'string', value: 'APIID', summary: 'create: the API of the key' },
    'new-api': { type: 'string', value: 'NAME', summary: 'create: make an API of this name for the key' },
    name: { type: 'string', value: 'TEXT', summary: 'create: name for people' },
    prefix: { type: 'string', value: 'TEXT', summary: 'create: how the key begins' },
    'external-id': { type: 'string', value: 'ID', summary: 'create: whose key it is' },
    expires: { type: 'string', value: 'TIME', summary: 'create: 2026-12-31 or RFC 3339' },
    credits: { type: 'string', value: 'N', summary: 'create: number of uses' },
    'rate-limit': { type: 'string', value: 'N/SECONDS', summary: 'create: uses per window, 100/60' },
    permanent: { type: 'boolean', summary: 'revoke: delete the record, too' },
  },
  notes:
    'create prints the key once; it cannot be shown again. verify reads the key from standard input, or asks for it\n' +
    'without showing it, counts as a use, and exits with 1 where the key is not valid. revoke returns when no server\n' +
    'accepts the key any more.',
  async run(invocation) {
    const [verb = ''] = invocation.args;
    const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
    if (run === undefined) throw new CliError(EXIT.usage, `keys wants one of: ${Object.keys(VERBS).join(', ')}`);
    return run(invocation, new ApiClient(invocation.context, await findLogin(invocation)));
  },
};

async function createKey({ context, options, args }: Invocation, api: ApiClient): Promise<ExitCode> {
  noMore(args, 1);
  const [known, newName] = [options.text('api'), options.text('new-api')];
  if ((known === undefined) === (newName === undefined)) {
    throw new CliError(EXIT.usage, 'keys create wants one of --api APIID and --new-api NAME');
  }
  const settings = keySettings(options, context.clock.now());
  const apiId = known ?? (await createApi(api, newName as string));
  const { data } = await api.json<Answer>('POST', '/v2/keys.createKey', { body: { apiId, ...settings } });
  writeRecord(context.stdout, { apiId, ...data }, options.flag('json'));
  return EXIT.ok;
}

function keySettings(options: OptionReader, nowMs: number): object {
  const expires = options.text('expires');
  const credits = options.text('credits');
  return {
    name: options.text('name'),
    prefix: options.text('prefix'),
    externalId: options.text('external-id'),
    expires: expires === undefined ? undefined : Date.parse(parseInstant('--expires', expires, nowMs)),
    credits: credits === undefined ? undefined : { remaining: wholeNumber('--credits', credits) },
    ratelimits: rateLimits(options),
  };
}

async function showKey({ context, options, args }: Invocation, api: ApiClient): Promise<ExitCode> {
  const { data } = await api.json<Answer>('POST', '/v2/keys.getKey', { body: { keyId: keyId(args, 'show') } });
  writeRecord(context.stdout, data, options.flag('json'));
  return EXIT.ok;
}

async function verifyKey({ context, options, args }: Invocation, api: ApiClient): Promise<ExitCode> {
  if (args.length > 1) {
    throw new CliError(
      EXIT.usage,
      'keys verify reads the key from standard input, not from an argument others can see',
    );
  }
  const key = await readSecret(context, 'Key: ');
  if (key === '') throw new CliError(EXIT.usage, 'no key was given on standard input');
  const { data } = await api.json<Answer>('POST', '/v2/keys.verifyKey', { body: { key } });
  writeRecord(context.stdout, data, options.flag('json'));
  return data.valid === true ? EXIT.ok : EXIT.failed;
}

async function revokeKey({ context, options, args }: Invocation, api: ApiClient): Promise<ExitCode> {
  const id = keyId(args, 'revoke');
  await api.json<Answer>('POST', '/v2/keys.deleteKey', { body: { keyId: id, permanent: options.flag('permanent') } });
  context.stdout.write(options.flag('json') ? `${JSON.stringify({ keyId: id, revoked: true })}\n` : `Revoked ${id}\n`);
  return EXIT.ok;
}

function keyId(args: readonly string[], verb: string): string {
  noMore(args, 2);
  const id = args[1];
  if (id === undefined) throw new CliError(EXIT.usage, `keys ${verb} wants a KEYID`);
  return id;
}

function noMore(args: readonly string[], count: number): void {
  if (args.length > count) throw new CliError(EXIT.usage, `unexpected argument '${args[count]}'`);
}

function rateLimits(options: OptionReader): object[] | undefined {
  const text = options.text('rate-limit');
  if (text === undefined) return undefined;
  const [limit = '', seconds = '', ...rest] = text.split('/');
  if (rest.length > 0) throw new CliError(EXIT.usage, `--rate-limit wants N/SECONDS, not '${text}'`);
  const duration = wholeNumber('--rate-limit', seconds) * 1000;
  return [{ name: 'requests', limit: wholeNumber('--rate-limit', limit), duration, autoApply: true }];
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CliError(EXIT.usage, `${option} wants a whole number, not '${text}'`);
}
