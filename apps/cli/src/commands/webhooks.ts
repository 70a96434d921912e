import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { findLogin } from '../login/login-file.js';
import { writeRecord } from '../output/record.js';
import { writeTable } from '../output/table.js';
import { listDeliveries, replayDeliveries } from '../webhooks/delivery-commands.js';
import { WEBHOOKS_PATH, webhookPath } from '../webhooks/webhook-path.js';

interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly enabled: boolean;
  readonly disabled?: { readonly reason: string };
  readonly eventTypes: readonly string[];
  readonly description: string;
}

export const webhooksCommand: Command = {
  name: 'webhooks',
  summary: 'send decisions, warnings and lifts to endpoints',
  usage: [
    'webhooks create URL [--event TYPE]... [--description TEXT]',
    'webhooks list',
    'webhooks show ID',
    'webhooks update ID [--to URL] [--event TYPE]... [--description TEXT]',
    'webhooks enable ID',
    'webhooks disable ID',
    'webhooks delete ID',
    'webhooks rotate ID [--overlap-seconds N]',
    'webhooks test ID',
    'webhooks deliveries ID [--state waiting|delivered|dead]',
    'webhooks replay ID --delivery MSG',
    'webhooks replay ID --since TIME',
  ],
  options: {
    to: { type: 'string', value: 'URL', summary: 'update: another URL' },
    event: {
      type: 'string',
      multiple: true,
      value: 'TYPE',
      summary: 'create, update: only these types, enforcement.begun',
    },
    description: { type: 'string', value: 'TEXT', summary: 'create, update: what it is for' },
    'overlap-seconds': {
      type: 'string',
      value: 'N',
      summary: 'rotate: how long the old secret signs too, default 86400',
    },
    state: { type: 'string', value: 'STATE', summary: 'deliveries: waiting, delivered or dead (default)' },
    delivery: { type: 'string', value: 'MSG', summary: 'replay: this delivery' },
    since: { type: 'string', value: 'TIME', summary: 'replay: all that were given up since then, ISO 8601' },
  },
  notes: 'create and rotate print the secret, this once: it is what receivers verify signatures with.',
  async run(invocation) {
    const [verb = '', id, ...rest] = invocation.args;
    if (verb === 'list' && id === undefined) return list(invocation);
    const action = rest.length === 0 && id !== undefined ? ACTIONS[verb] : undefined;
    if (action && id !== undefined) return action(invocation, id);
    const verbs = Object.keys(ACTIONS).map((name) => `${name} ${name === 'create' ? 'URL' : 'ID'}`);
    throw new CliError(EXIT.usage, `webhooks wants one of: list, ${verbs.join(', ')}`);
  },
};

const ACTIONS: Readonly<Record<string, (invocation: Invocation, id: string) => Promise<ExitCode>>> = {
  create: (invocation, url) => record(invocation, 'POST', WEBHOOKS_PATH, { url, ...fieldsOf(invocation) }),
  show: (invocation, id) => record(invocation, 'GET', webhookPath(id)),
  update: (invocation, id) => {
    const change = { url: invocation.options.text('to'), ...fieldsOf(invocation) };
    return record(invocation, 'PATCH', webhookPath(id), change);
  },
  enable: (invocation, id) => record(invocation, 'PATCH', webhookPath(id), { enabled: true }),
  disable: (invocation, id) => record(invocation, 'PATCH', webhookPath(id), { enabled: false }),
  delete: remove,
  rotate: (invocation, id) => record(invocation, 'POST', webhookPath(id, 'rotate-secret'), overlapOf(invocation)),
  test: (invocation, id) => record(invocation, 'POST', webhookPath(id, 'test')),
  deliveries: listDeliveries,
  replay: replayDeliveries,
};

async function list(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const webhooks = listItems<Webhook>(await api.json('GET', WEBHOOKS_PATH));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(webhooks, null, 2)}\n`);
  else if (webhooks.length === 0) context.stdout.write('There are no webhooks.\n');
  else {
    const rows = webhooks.map((it) => [it.id, it.url, stateOf(it), it.eventTypes.join(' '), it.description]);
    writeTable(context.stdout, ['id', 'url', 'state', 'events', 'description'], rows);
  }
  return EXIT.ok;
}

function stateOf({ enabled, disabled }: Webhook): string {
  return enabled ? 'enabled' : `disabled (${disabled?.reason ?? ''})`;
}

async function record(invocation: Invocation, method: string, path: string, body?: object): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const answer = await api.json<Record<string, unknown>>(method, path, { body });
  writeRecord(context.stdout, answer, options.flag('json'));
  return EXIT.ok;
}

async function remove(invocation: Invocation, id: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  await api.ok('DELETE', webhookPath(id));
  context.stdout.write(options.flag('json') ? `${JSON.stringify({ id, deleted: true })}\n` : `Deleted ${id}\n`);
  return EXIT.ok;
}

function fieldsOf({ options }: Invocation): object {
  const events = options.list('event');
  return { description: options.text('description'), eventTypes: events.length > 0 ? events : undefined };
}

function overlapOf({ options }: Invocation): object {
  const text = options.text('overlap-seconds');
  if (text !== undefined && !/^\d{1,7}$/.test(text)) {
    throw new CliError(EXIT.usage, `--overlap-seconds wants a number of seconds, not '${text}'`);
  }
  return text === undefined ? {} : { overlapSeconds: Number(text) };
}
