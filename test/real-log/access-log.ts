/** The access log of the tests: the real one with its independent answers, or a generated one of the same shape. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { answersOf, type LogAnswers } from './log-answers.js';

export interface AccessLog {
  readonly text: string;
  readonly answers: LogAnswers;
}

const DATA = new URL('../../../shared/data/', import.meta.url);
const REAL_LOG = fileURLToPath(new URL('apache-access.log', DATA));
const START = Date.UTC(2015, 4, 17, 10, 5);
const HOUR_MS = 3_600_000;
const HOURS = 84;
const CUT_LINE = 8_899;

/** Under CI=true the real log must be there. */
export function accessLog(random: () => number): AccessLog {
  if (existsSync(REAL_LOG)) {
    const answers = JSON.parse(readFileSync(new URL('apache-answers.json', DATA), 'utf8')) as LogAnswers;
    return { text: readFileSync(REAL_LOG, 'utf8'), answers };
  }
  if (process.env.CI === 'true') throw new Error(`the real log is not there: ${REAL_LOG}`);
  process.stderr.write('the real log is not there; a generated one of the same shape stands in\n');
  const text = generatedLog(10_000, random);
  return { text, answers: answersOf(text) };
}

/**
 * Hours of traffic, some clients in bursts that cross the edge of a calendar minute: what a sliding minute sees and a
 * calendar minute does not. One line is cut off, as in the real log.
 */
export function generatedLog(lines: number, random: () => number): string {
  const times: { client: string; time: number }[] = [];
  while (times.length < lines) {
    const hour = START + Math.floor(random() * HOURS) * HOUR_MS;
    const client = `198.51.100.${Math.floor(random() * 250)}`;
    const burst = random() < 0.2 ? Math.ceil(random() * 70) : 1;
    const first = hour + Math.floor(random() * 60_000);
    for (let n = 0; n < burst && times.length < lines; n++)
      times.push({ client, time: first + Math.floor(random() * 50_000) });
  }
  times.sort((a, b) => a.time - b.time);
  return `${times.map(({ client, time }, i) => lineOf(client, time, i + 1, random)).join('\n')}\n`;
}

function lineOf(client: string, time: number, number: number, random: () => number): string {
  const route = `/page/${Math.floor(30 * random() ** 2)}`;
  const query = random() < 0.3 ? `?n=${number}` : '';
  const method = random() < 0.98 ? 'GET' : 'HEAD';
  const status = random() < 0.92 ? 200 : random() < 0.5 ? 304 : 404;
  const bytes = status === 304 ? '-' : Math.floor(random() * 500_000);
  const request = `${client} - - [${stampOf(time)}] "${method} ${route}${query} HTTP/1.1" ${status} ${bytes}`;
  return `${request} "-" "${number === CUT_LINE ? 'Mozilla' : 'Mozilla"'}`;
}

function stampOf(time: number): string {
  const [, , day, month, year, clock] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(time).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${clock} +0000`;
}
