import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { parseProblem } from '../http/problem-text.js';
import { findLogin } from '../login/login-file.js';
import { type Address, addressesOf } from '../login/servers.js';
import { type MetricSample, parseMetrics } from '../output/metrics-text.js';
import { writeTable } from '../output/table.js';

const OWN_METRICS = /^keymeter_/;

interface ServerState extends Address {
  readonly ready: boolean;
  /** HTTP status of the health check; undefined where there was no answer. */
  readonly status: number | undefined;
  readonly health: string;
  readonly metrics: readonly MetricSample[];
}

export const statusCommand: Command = {
  name: 'status',
  summary: 'show whether the server, or every process of a cluster, is ready, and its main figures',
  usage: ['status', 'status --cluster FILE'],
  options: {},
  notes: 'Exits with 1 where a server is not ready.',
  async run(invocation) {
    const api = new ApiClient(invocation.context, await findLogin(invocation));
    const [only, ...others] = addressesOf(api.login.servers);
    if (only !== undefined && others.length === 0) return showServer(invocation, await stateOf(api, only));
    return showCluster(invocation, await Promise.all(addressesOf(api.login.servers).map((it) => reachable(api, it))));
  },
};

async function stateOf(api: ApiClient, address: Address): Promise<ServerState> {
  const health = await api.sendTo(address.url, 'GET', '/health/ready');
  const metrics = await api.sendTo(address.url, 'GET', '/metrics', { headers: { Accept: 'text/plain' } });
  const shown = metrics.status === 200 ? parseMetrics(metrics.body).filter((row) => OWN_METRICS.test(row.name)) : [];
  return { ...address, ready: health.status === 200, status: health.status, health: health.body, metrics: shown };
}

/** One process of several may be away: that is part of the answer. */
function reachable(api: ApiClient, address: Address): Promise<ServerState> {
  return stateOf(api, address).catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error;
    return { ...address, ready: false, status: undefined, health: error.message, metrics: [] };
  });
}

function showServer({ context, options }: Invocation, { url, ready, status, health, metrics }: ServerState): ExitCode {
  if (options.flag('json')) {
    const answer = { url, ready, health: parseProblem(health), metrics };
    context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return ready ? EXIT.ok : EXIT.failed;
  }
  context.stdout.write(`${url} is ${ready ? 'ready' : `not ready (${status})`}\n`);
  if (!ready) context.stdout.write(`${health.trim()}\n`);
  if (metrics.length > 0) {
    context.stdout.write('\n');
    writeTable(
      context.stdout,
      ['metric', 'labels', 'value'],
      metrics.map((row) => [row.name, row.labels, row.value]),
    );
  }
  return ready ? EXIT.ok : EXIT.failed;
}

function showCluster({ context, options }: Invocation, states: readonly ServerState[]): ExitCode {
  if (states.every(({ status }) => status === undefined)) throw new CliError(EXIT.unreachable, states[0]?.health ?? '');
  const ready = states.every((state) => state.ready);
  if (options.flag('json')) {
    const servers = states.map(({ health, ...state }) => ({ ...state, health: parseProblem(health) }));
    context.stdout.write(`${JSON.stringify({ ready, servers }, null, 2)}\n`);
    return ready ? EXIT.ok : EXIT.failed;
  }
  writeTable(context.stdout, ['app', 'url', 'state'], states.map(stateRow));
  for (const { url, health } of states.filter((state) => !state.ready && state.status !== undefined)) {
    context.stdout.write(`${url}: ${health.trim()}\n`);
  }
  const rows = states.flatMap(({ app, url, metrics }) =>
    metrics.map(({ name, labels, value }) => [`${app} ${url}`, name, labels, value]),
  );
  context.stdout.write('\n');
  if (rows.length > 0) writeTable(context.stdout, ['process', 'metric', 'labels', 'value'], rows);
  return ready ? EXIT.ok : EXIT.failed;
}

function stateRow({ app, url, ready, status }: ServerState): string[] {
  return [app ?? 'all', url, ready ? 'ready' : status === undefined ? 'unreachable' : `not ready (${status})`];
}
