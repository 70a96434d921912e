import type { ExplainedEvent, Explanation } from '#domain/policies/explanation/explanation.js';
import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';
import { utcTime } from '../output/number-format.js';
import { printable, writeTable } from '../output/table.js';
import { chartLine } from './chart.js';

/** More are shown by --json. */
const SHOWN = 20;
const MOST_ASKED = 1_000;

/** `enforcements explain`: the decision made again from the stored events. Fails where it comes out otherwise. */
export async function explainEnforcement(invocation: Invocation, id: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const json = options.flag('json');
  const path = `/api/v1/enforcements/${encodeURIComponent(id)}/explanation?events=${json ? MOST_ASKED : SHOWN}`;
  const explanation = await api.json<Explanation>('GET', path);
  if (json) context.stdout.write(`${JSON.stringify(explanation, null, 2)}\n`);
  else writeExplanation(invocation, explanation);
  const { derived } = explanation;
  if (derived?.same !== false) return EXIT.ok;
  throw new CliError(EXIT.failed, 'the events that are stored do not give this decision; the notes say why');
}

function writeExplanation({ context: { stdout } }: Invocation, explanation: Explanation): void {
  const { enforcement, sentence, refusal, policy, derived, active } = explanation;
  const { window, begin } = enforcement;
  stdout.write(`${sentence}\n`);
  if (enforcement.mode === 'on') stdout.write(`${active ? 'It holds now.' : 'It does not hold now.'}\n`);
  if (refusal) stdout.write(`\nCallers that it blocks read:\n  ${printable(refusal)}\n`);
  for (const { name, points } of derived?.measures ?? []) {
    const last = points.at(-1)?.value ?? null;
    const line = chartLine({ name, points }, window.start, begin);
    stdout.write(`\n${name}, ${utcTime(window.start)} to ${utcTime(begin)}: ${last ?? 'not known'}\n  |${line}|\n`);
  }
  if (derived) writeEvents(stdout, derived.events, derived.eventCount);
  for (const note of derived?.notes ?? []) stdout.write(`${note}\n`);
  if (derived?.same) stdout.write('These events alone give the same decision.\n');
  if (!policy) {
    stdout.write('\nThe text of that version of the policy is not kept.\n');
    return;
  }
  const by = policy.author ? ` by "${printable(policy.author.name)}"` : '';
  stdout.write(`\nPolicy ${policy.name}, version ${policy.version}, put at ${utcTime(policy.at)}${by}:\n`);
  for (const line of policy.text.split('\n')) stdout.write(`  ${printable(line)}\n`);
}

function writeEvents(stdout: Invocation['context']['stdout'], events: readonly ExplainedEvent[], count: number): void {
  stdout.write(`\n${count} events${count > events.length ? `, the last ${events.length} of them` : ''}:\n`);
  writeTable(
    stdout,
    ['position', 'time', 'id', 'type', 'data'],
    events.map(({ partition, offset, index, time, id, type, data }) => [
      `${partition}:${offset}:${index}`,
      utcTime(time),
      id,
      type,
      data === undefined ? undefined : JSON.stringify(data).slice(0, 100),
    ]),
  );
}
