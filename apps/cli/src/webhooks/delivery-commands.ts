/** `webhooks deliveries` and `webhooks replay`: what became of messages, and sending them again. */
import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';
import { webhookPath } from './webhook-path.js';

interface Delivery {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly createdAt: string;
  readonly attempts: number;
  readonly nextAttemptAt?: string;
  readonly last?: { readonly status?: number; readonly failure?: string };
}

/** The latest 100; --json has their messages too. */
export async function listDeliveries(invocation: Invocation, id: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const state = options.text('state') ?? 'dead';
  const path = webhookPath(id, `deliveries?state=${encodeURIComponent(state)}`);
  const deliveries = listItems<Delivery>(await api.json('GET', path));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(deliveries, null, 2)}\n`);
  else if (deliveries.length === 0) context.stdout.write(`No delivery is ${state}.\n`);
  else {
    const header = ['id', 'type', 'made', 'attempts', 'last', 'next attempt'];
    const rows = deliveries.map((it) => [it.id, it.type, it.createdAt, it.attempts, lastOf(it), it.nextAttemptAt]);
    writeTable(context.stdout, header, rows);
  }
  return EXIT.ok;
}

function lastOf({ last }: Delivery): string | undefined {
  return last?.status === undefined ? last?.failure : String(last.status);
}

export async function replayDeliveries(invocation: Invocation, id: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const [delivery, since] = [options.text('delivery'), options.text('since')];
  if ((delivery === undefined) === (since === undefined)) {
    throw new CliError(EXIT.usage, 'webhooks replay wants ID and either --delivery MSG or --since TIME');
  }
  const api = new ApiClient(context, await findLogin(invocation));
  let total = { replayed: 0, added: 0 };
  for (let more = true; more && !context.interrupt.aborted; ) {
    const answer = await api.json<{ replayed: number; added: number; more: boolean }>(
      'POST',
      webhookPath(id, 'replay'),
      {
        body: { delivery, since },
      },
    );
    total = { replayed: total.replayed + answer.replayed, added: total.added + answer.added };
    more = answer.more;
  }
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(total)}\n`);
  else context.stdout.write(`${total.replayed} are sent again${total.added > 0 ? `, ${total.added} made anew` : ''}\n`);
  return EXIT.ok;
}
