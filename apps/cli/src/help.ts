import type { Command, OptionSpec } from './command.js';

const ENVIRONMENT = `Environment:
  KEYMETER_URL         server, default http://127.0.0.1:8080
  KEYMETER_CLUSTER     file with the addresses of a cluster's apps (addresses.json); or each by itself:
  KEYMETER_INGRESS_URL, KEYMETER_QUERY_URL, KEYMETER_POLICY_URL
  KEYMETER_ROOT_KEY    root key; else the file that keymeter login writes (~/.keymeter/login.json)
`;

const EXIT_CODES = `Exit codes:
  0 done   1 failed or incomplete   2 wrong usage   3 server unreachable   4 refused (no or too few rights)
`;

export function programHelp(commands: readonly Command[]): string {
  const list = columns(commands.map((command) => [command.name, command.summary]));
  return (
    'keymeter: verify API keys, meter usage exactly, enforce policies\n\n' +
    `Usage: keymeter COMMAND [options]\n\nCommands:\n${list}\n${ENVIRONMENT}\n${EXIT_CODES}\n` +
    'keymeter COMMAND --help explains one command.\n'
  );
}

export function commandHelp(command: Command, globals: Readonly<Record<string, OptionSpec>>): string {
  const usage = command.usage.map((form) => `  keymeter ${form}\n`).join('');
  const own = Object.entries(command.options);
  const options = columns([...own, ...Object.entries(globals)].map(([name, spec]) => [flag(name, spec), spec.summary]));
  const notes = command.notes === undefined ? '' : `\n${command.notes}\n`;
  return `keymeter ${command.name}: ${command.summary}\n\nUsage:\n${usage}\nOptions:\n${options}${notes}\n${ENVIRONMENT}`;
}

function flag(name: string, spec: OptionSpec): string {
  return spec.type === 'boolean' ? `--${name}` : `--${name} ${spec.value ?? 'VALUE'}`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join('');
}
