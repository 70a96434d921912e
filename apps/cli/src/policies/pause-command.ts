/** `policies pause` and `policies resume`: the one switch of all enforcement. */
import type { Invocation } from '../command.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';

const PATH = '/api/v1/enforcement-pause';

interface Paused {
  readonly paused: boolean;
  readonly since?: string;
}

export async function turnEnforcement(invocation: Invocation, verb: 'pause' | 'resume'): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const method = verb === 'pause' ? 'PUT' : 'DELETE';
  const state = await api.json<Paused>(method, PATH, { body: { reason: options.text('reason') ?? '' } });
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
  else context.stdout.write(`${sentence(state)}\n`);
  return EXIT.ok;
}

function sentence({ paused, since }: Paused): string {
  if (paused) return `Enforcement is paused since ${since}: policies hold nobody back. End it by: policies resume`;
  return 'Enforcement acts.';
}
