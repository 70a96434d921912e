import { resolve } from 'node:path';
import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { BatchSender } from '../import/batch-sender.js';
import { FieldMapping } from '../import/field-mapping.js';
import type { ImportPlan } from '../import/import-plan.js';
import { ImportProgress } from '../import/import-progress.js';
import { ImportRun } from '../import/import-run.js';
import { importSource } from '../import/import-source.js';
import { ImportStateFile } from '../import/import-state.js';
import { type ImportSummary, summarize, writeSummary } from '../import/import-summary.js';
import { LINE_FORMATS, parseLineFormat } from '../import/line-format.js';
import { OutcomeReader } from '../import/outcome-reader.js';
import { RejectsFile } from '../import/rejects-file.js';
import { findLogin, type Login } from '../login/login-file.js';

const NOTES = `Formats: access logs in common and combined format (each line becomes a 'request' event of the client's
address, outcome LOGGED), CloudEvents one a line, JSON objects one a line. gzip is seen from the bytes. Text that is
not valid UTF-8 is read as ISO 8859-1.

Events are named by the file's name (without .gz and rotation suffix), the line number and a hash of all lines up to
there. So a file may be imported again, after it grew, after it was rotated or compressed, or after an interruption,
and every line counts once; identical lines each count. Two different files of the same name that begin with the same
lines need --source. How far an import came is also kept in ~/.keymeter/imports; that directory may be deleted.

Malformed lines stop nothing: they are listed and saved in FILE.rejected as number, tab, reason, tab, original bytes
(lines over 64 KiB cut).

Fields for --map of access logs: ip, user, method, route, path, status, bytes, referer, userAgent. JSON objects need
subject and time, by these names or mapped; times are RFC 3339 or epoch seconds or milliseconds.
  keymeter import calls.ndjson --map subject=user.id --map time=ts --map data.route=path --set type=request`;

export const importCommand: Command = {
  name: 'import',
  summary: 'import access logs, CloudEvents or JSON lines, each line once',
  usage: ['import FILE... [options]', 'import - [options] < FILE'],
  options: {
    format: { type: 'string', value: 'NAME', summary: `${LINE_FORMATS.join(', ')}; default auto` },
    map: {
      type: 'string',
      multiple: true,
      value: 'TARGET=FIELD',
      summary: 'take subject, time, type, id or data.NAME from a field',
    },
    set: { type: 'string', multiple: true, value: 'TARGET=TEXT', summary: 'set subject, type or data.NAME to a text' },
    source: { type: 'string', value: 'URI', summary: "source of the events, default import/<file's name>" },
    rejects: { type: 'string', value: 'FILE', summary: 'where malformed lines go, default FILE.rejected' },
  },
  notes: NOTES,
  run: runImport,
};

async function runImport(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const plans = importPlans(invocation);
  const login = await findLogin(invocation);
  const summaries: ImportSummary[] = [];
  let failure: CliError | undefined;
  for (const plan of plans) {
    const { summary, problem } = await importFile(invocation, plan, login);
    summaries.push(summary);
    if (!options.flag('json')) writeSummary(context.stdout, summary);
    if (problem !== undefined) context.stderr.write(`keymeter: ${problem.message}\n`);
    failure ??= problem;
    // The next file would meet the same server.
    if (problem !== undefined && (problem.exitCode !== EXIT.failed || context.interrupt.aborted)) break;
  }
  if (options.flag('json')) context.stdout.write(`${JSON.stringify({ files: summaries }, null, 2)}\n`);
  return failure?.exitCode ?? EXIT.ok;
}

function importPlans({ context, options, args }: Invocation): ImportPlan[] {
  if (args.length === 0) throw new CliError(EXIT.usage, 'import wants a FILE, or - for standard input');
  const format = parseLineFormat(options.text('format'));
  const mapping = FieldMapping.parse(options.list('map'), options.list('set'));
  const rejects = options.text('rejects');
  if (rejects !== undefined && args.length > 1) {
    throw new CliError(EXIT.usage, '--rejects goes with one FILE; several files have one FILE.rejected each');
  }
  return args.map((file) => {
    const beside = file === '-' ? undefined : `${file}.rejected`;
    const rejectsPath = rejects ?? beside;
    return {
      file,
      format,
      mapping,
      mappingText: JSON.stringify([options.list('map'), options.list('set')]),
      source: importSource(file, options.text('source')),
      rejectsPath: rejectsPath === undefined ? undefined : resolve(context.cwd, rejectsPath),
    };
  });
}

async function importFile(
  { context }: Invocation,
  plan: ImportPlan,
  login: Login,
): Promise<{ summary: ImportSummary; problem: CliError | undefined }> {
  const progress = new ImportProgress(context);
  const api = new ApiClient(context, login);
  const notice = (text: string) => progress.notice(text);
  const sender = new BatchSender(api, context, notice);
  const outcomes = new OutcomeReader(api, context, notice);
  const rejects = new RejectsFile(plan.rejectsPath, context.cwd);
  const identity = [
    login.servers.ingress[0],
    resolve(context.cwd, plan.file),
    plan.source,
    plan.format,
    plan.mappingText,
  ];
  const stateFile = plan.file === '-' ? undefined : new ImportStateFile(context, identity);
  const run = new ImportRun(plan, { context, sender, outcomes, progress, rejects, stateFile });
  await run.run();
  const { tally } = run;
  const read = tally.lines - tally.blank - tally.skipped;
  const problem =
    run.problem ??
    (tally.malformed > 0 && tally.malformed === read
      ? new CliError(EXIT.failed, `${plan.file}: not one line could be read; see --format and --map`)
      : undefined);
  const { elapsedMs } = progress;
  const end = { problem: problem?.message, rejectsFile: rejects.location, elapsedMs, storedMs: run.storedMs };
  return { summary: summarize(plan, tally, end), problem };
}
