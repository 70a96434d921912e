/** A backtest's report as plain text. */
import type { BacktestReport, ReportedSubject } from '#domain/policies/backtest/backtest-report.js';
import type { TextSink } from '../command.js';
import { duration, grouped, utcTime } from '../output/number-format.js';
import { printable, writeTable } from '../output/table.js';

const TIMELINES = 5;
const TIMELINE_LINES = 8;

export function writeReport(out: TextSink, report: BacktestReport): void {
  const { policy, subjects, top } = report;
  out.write(`${printable(policy.name)}, version ${policy.version}\n`);
  for (const [name, text] of factsOf(report)) out.write(`  ${name.padEnd(19)}${text}\n`);
  if (subjects === 0) {
    out.write('\n');
    return;
  }
  out.write('\n');
  writeTable(
    out,
    ['subject', 'decisions', 'first', 'held', 'refused', 'last step'],
    top.map((it) => [named(it.subject), it.decisions, utcTime(it.first), heldText(it), it.refused, lastStep(it)]),
  );
  for (const subject of top.slice(0, TIMELINES)) writeTimeline(out, subject);
  out.write('\n');
}

function factsOf(report: BacktestReport): [string, string][] {
  const { range, warmUp, events, eventTime, passedOver, decisions, subjects, actedOn, refused, pausedAt } = report;
  const before = warmUp.events === 0 ? '' : `, after ${grouped(warmUp.events)} before the range`;
  const facts: [string, string][] = [
    ['accepted', `${utcTime(range.from)} to ${utcTime(range.to)}`],
    ['events', `${grouped(events)}${before}`],
  ];
  if (eventTime) facts.push(['of the time', `${utcTime(eventTime.first)} to ${utcTime(eventTime.last)}`]);
  const { late, unmeasured, truncated } = passedOver;
  if (late + unmeasured + truncated > 0) {
    facts.push(['passed over', `${grouped(late)} too late, ${grouped(unmeasured)} without subject or number`]);
  }
  if (truncated > 0) facts.push(['understated', `windows left out ${grouped(truncated)} events beyond their limit`]);
  facts.push([
    'decisions',
    `${grouped(decisions)} on ${grouped(subjects)} subjects, of which ${grouped(actedOn)} held`,
  ]);
  facts.push(['requests refused', grouped(refused)]);
  if (pausedAt !== null) facts.push(['brake', `would have paused the policy at ${utcTime(pausedAt)}`]);
  const { falsePositives, compared } = report;
  if (falsePositives.subjects > 0) {
    const names = falsePositives.list.slice(0, 5).map(({ subject, why }) => `${named(subject)} (${why})`);
    facts.push(['should not be hit', `${grouped(falsePositives.subjects)}: ${names.join(', ')}`]);
  }
  if (compared) {
    const { version, both, onlyNew, onlyCurrent } = compared;
    const text = `${grouped(both)} hit by both, ${grouped(onlyNew)} only by this one, ${grouped(onlyCurrent)} only by that one; that one refuses ${grouped(compared.refused)}`;
    facts.push([`version ${version} in force`, text]);
  }
  facts.push(['at the beginning', warmUp.note]);
  return facts;
}

function writeTimeline(out: TextSink, { subject, timeline, decisions }: ReportedSubject): void {
  out.write(`\n${named(subject)}\n`);
  for (const { at, step, until, value, threshold, measure, acts } of timeline.slice(0, TIMELINE_LINES)) {
    const end = until === null ? 'until lifted' : `until ${utcTime(until)}`;
    const what = `${measure === undefined ? '' : `${measure} `}${grouped(value)} over ${grouped(threshold)}`;
    out.write(`  ${utcTime(at)}  ${step.padEnd(8)}  ${end}  ${what}${acts ? '' : '  (paused)'}\n`);
  }
  if (decisions > TIMELINE_LINES) out.write(`  and ${grouped(decisions - TIMELINE_LINES)} more\n`);
}

function named(subject: readonly string[]): string {
  return printable(subject.join(' '));
}

function heldText({ heldMs }: ReportedSubject): string {
  return heldMs === 0 ? '-' : duration(heldMs / 1_000);
}

function lastStep({ timeline }: ReportedSubject): string {
  return timeline.at(-1)?.step ?? '-';
}
