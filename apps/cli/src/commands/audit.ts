import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';

interface Head {
  readonly partition: number;
  readonly sequence: number;
  readonly link: string;
}

interface Verified {
  readonly partition: number;
  readonly links: number;
  readonly rows: number;
  readonly expired: number;
  readonly unlinked: number;
  readonly gaps: number;
  readonly fault?: {
    readonly fault: string;
    readonly position: { readonly partition: number; readonly offset: number; readonly index: number };
    readonly sequence: number;
    readonly detail: string;
  };
}

/** The server reads the whole trail. */
const TIMEOUT_MS = 10 * 60_000;
const COLUMNS = ['links', 'rows', 'expired', 'unlinked', 'gaps'] as const;

export const auditCommand: Command = {
  name: 'audit',
  summary: 'prove that no decision, lift or policy change was altered or removed, or name the first that was',
  usage: ['audit verify [--from TIME] [--head FILE]', 'audit head'],
  options: {
    from: { type: 'string', value: 'TIME', summary: 'verify: what was accepted from then on (2026-01-31T12:00:00Z)' },
    head: { type: 'string', value: 'FILE', summary: 'verify: against what audit head printed earlier' },
  },
  notes:
    'Exits with 1 where the trail is broken, and names partition, offset and index.\n' +
    'Who can write to every store can make a whole new trail: keep what audit head prints somewhere else.',
  async run(invocation) {
    const [verb, ...rest] = invocation.args;
    if (verb === 'verify' && rest.length === 0) return verify(invocation);
    if (verb === 'head' && rest.length === 0) return head(invocation);
    throw new CliError(EXIT.usage, 'audit wants one of: verify, head');
  },
};

async function verify(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const query = new URLSearchParams();
  const from = options.text('from');
  const file = options.text('head');
  if (from !== undefined) query.set('from', from);
  if (file !== undefined) query.set('heads', await noted(resolve(context.cwd, file)));
  const path = `/api/v1/audit/verification?${query}`;
  const answer = await api.json<{ whole: boolean; partitions: Verified[] }>('GET', path, { timeoutMs: TIMEOUT_MS });
  const faults = answer.partitions.flatMap(({ fault }) => fault ?? []);
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else {
    const rows = answer.partitions.map((it) => [it.partition, ...COLUMNS.map((column) => it[column])]);
    writeTable(context.stdout, ['partition', ...COLUMNS], rows);
    for (const { fault, position, detail } of faults) {
      const place = `${position.partition}:${position.offset}:${position.index}`;
      context.stdout.write(`broken at ${place}: ${fault}: ${detail}\n`);
    }
    if (answer.whole) context.stdout.write('The audit trail is whole.\n');
  }
  return answer.whole ? EXIT.ok : EXIT.failed;
}

async function head(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const answer = await api.json<{ heads: Head[] }>('GET', '/api/v1/audit/head');
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  else for (const it of answer.heads) context.stdout.write(`${it.partition}:${it.sequence}:${it.link}\n`);
  return EXIT.ok;
}

/** The lines that `audit head` prints. */
async function noted(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new CliError(EXIT.usage, `cannot read ${path}`);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length > 0 && lines.every((line) => /^\d+:\d+:[0-9a-f]{64}$/.test(line.trim()))) {
    return lines.map((line) => line.trim()).join(',');
  }
  throw new CliError(EXIT.usage, `${path} is not what audit head prints: lines of partition:sequence:link`);
}
