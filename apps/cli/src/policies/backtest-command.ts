/** `policies backtest`: what the policies of a file would have done over the server's stored events. */
import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { readText } from '../input-text.js';
import { findLogin } from '../login/login-file.js';
import { grouped } from '../output/number-format.js';
import { parseInstant } from '../usage/instant.js';
import { writeReport } from './backtest-table.js';
import { readDrafts } from './policy-drafts.js';

const PATH = '/api/v1/policies/backtests';
const ASK_EVERY_MS = 300;

interface State {
  readonly id: string;
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  readonly progress: { readonly read: number; readonly total: number };
  readonly report?: BacktestReport;
  readonly reason?: string;
}

export const BACKTEST_OPTIONS = {
  from: { type: 'string', value: 'TIME', summary: 'backtest: acceptance of the first event; the oldest stored one' },
  to: { type: 'string', value: 'TIME', summary: 'backtest: acceptance at which the range ends; now' },
  allow: { type: 'string', value: 'FILE', summary: 'backtest: subjects that must not be hit, one a line' },
  tagged: { type: 'string', value: 'FIELD=VALUE', summary: 'backtest: nor those with such an event: data.plan=paid' },
} as const;

/** One after the other: the server runs one at a time. */
export async function backtestPolicies(invocation: Invocation, file: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const drafts = await readDrafts(context, file);
  const asked = await askedOf(invocation);
  const api = new ApiClient(context, await findLogin(invocation));
  const reports: BacktestReport[] = [];
  for (const { policy } of drafts) {
    const report = await backtest(invocation, api, { policy, ...asked });
    reports.push(report);
    if (!options.flag('json')) writeReport(context.stdout, report);
  }
  if (options.flag('json')) context.stdout.write(`${JSON.stringify({ reports }, null, 2)}\n`);
  return EXIT.ok;
}

async function askedOf({ context, options }: Invocation): Promise<object> {
  const now = context.clock.now();
  const instant = (name: string) => {
    const text = options.text(name);
    return text === undefined ? undefined : parseInstant(`--${name}`, text, now);
  };
  const tagged = options.text('tagged');
  const equals = tagged?.indexOf('=') ?? 0;
  if (tagged !== undefined && equals < 1) {
    throw new CliError(EXIT.usage, `--tagged wants FIELD=VALUE, such as data.plan=paid, not '${tagged}'`);
  }
  const allow = options.text('allow');
  const lines = allow === undefined ? [] : (await readText(context, allow)).split('\n').map((line) => line.trim());
  return {
    from: instant('from'),
    to: instant('to'),
    allow: lines.filter((line) => line !== '' && !line.startsWith('#')),
    tagged: tagged && { field: tagged.slice(0, equals), value: tagged.slice(equals + 1) },
  };
}

async function backtest({ context }: Invocation, api: ApiClient, body: object): Promise<BacktestReport> {
  let state = await api.json<State>('POST', PATH, { body });
  const path = `${PATH}/${encodeURIComponent(state.id)}`;
  const isTerminal = context.stderr.isTTY === true;
  let told = '';
  while (state.state === 'running') {
    await context.sleep(ASK_EVERY_MS);
    if (context.interrupt.aborted) {
      await api.ok('DELETE', path);
      throw new CliError(EXIT.failed, `${isTerminal ? '\n' : ''}the backtest was cancelled; nothing has changed`);
    }
    state = await api.json<State>('GET', path);
    const line = progressText(state);
    if (line !== told && (isTerminal || told === '')) context.stderr.write(isTerminal ? `\r${line}` : `${line}\n`);
    told = line;
  }
  if (isTerminal && told !== '') context.stderr.write('\n');
  if (state.report) return state.report;
  throw new CliError(EXIT.failed, state.reason ?? 'the backtest was cancelled by somebody else');
}

function progressText({ progress: { read, total } }: State): string {
  const share = total === 0 ? 0 : Math.floor((100 * read) / total);
  return `${String(share).padStart(3)}%  ${grouped(read)} of ${grouped(total)} events`;
}
