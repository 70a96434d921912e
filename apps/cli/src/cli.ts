/** From arguments to an exit code. */
import { parseArgs } from 'node:util';
import { type CliContext, type Command, OptionReader, type OptionSpec, type OptionValues } from './command.js';
import { apisCommand } from './commands/apis.js';
import { auditCommand } from './commands/audit.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { enforcementsCommand } from './commands/enforcements.js';
import { importCommand } from './commands/import.js';
import { keysCommand } from './commands/keys.js';
import { loginCommand } from './commands/login.js';
import { migrateCommand } from './commands/migrate.js';
import { partitionsCommand } from './commands/partitions.js';
import { policiesCommand } from './commands/policies.js';
import { reconcileCommand } from './commands/reconcile.js';
import { spoolCommand } from './commands/spool.js';
import { statusCommand } from './commands/status.js';
import { topCommand } from './commands/top.js';
import { usageCommand } from './commands/usage.js';
import { webhooksCommand } from './commands/webhooks.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import { commandHelp, programHelp } from './help.js';

export const COMMANDS: readonly Command[] = [
  importCommand,
  usageCommand,
  topCommand,
  keysCommand,
  apisCommand,
  policiesCommand,
  enforcementsCommand,
  webhooksCommand,
  auditCommand,
  deadLettersCommand,
  reconcileCommand,
  spoolCommand,
  migrateCommand,
  partitionsCommand,
  statusCommand,
  loginCommand,
];

export const GLOBAL_OPTIONS = {
  url: { type: 'string', value: 'URL', summary: 'server, before KEYMETER_URL and the login file' },
  cluster: { type: 'string', value: 'FILE', summary: "addresses of a cluster's apps, as addresses.json has them" },
  json: { type: 'boolean', summary: 'print one JSON document' },
  help: { type: 'boolean', summary: 'print this help' },
} as const satisfies Record<string, OptionSpec>;

export async function runCli(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    context.stderr.write(`keymeter: ${error.message}\n`);
    return error.exitCode;
  }
}

async function dispatch(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const topic = name === 'help' ? rest[0] : undefined;
    context.stdout.write(topic === undefined ? programHelp(COMMANDS) : commandHelp(find(topic), GLOBAL_OPTIONS));
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = find(name);
  const { values, positionals } = parse(command, rest);
  const options = new OptionReader(values);
  if (options.flag('help')) {
    context.stdout.write(commandHelp(command, GLOBAL_OPTIONS));
    return EXIT.ok;
  }
  return command.run({ context, options, args: positionals });
}

function find(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((candidate) => candidate.name).join(', ');
  throw new CliError(EXIT.usage, `there is no command '${name}'; the commands are ${names}`);
}

function parse(command: Command, args: readonly string[]): { values: OptionValues; positionals: string[] } {
  const specs: Record<string, OptionSpec> = { ...GLOBAL_OPTIONS, ...command.options };
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { type, multiple = false }]) => [
      name,
      name === 'help' ? { type, multiple, short: 'h' } : { type, multiple },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    throw new CliError(EXIT.usage, `${sentence}; see keymeter ${command.name} --help`);
  }
}
