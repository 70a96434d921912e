/** A seeded access log in combined format, like a busy site's: few clients make most requests, times grow. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { randomFrom } from '../statistics.js';

const SEED = 1;
const CLIENTS = 5_000;
const LINES_PER_WRITE = 10_000;
const LINES_PER_SECOND = 50;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'Mozilla/5.0 (compatible; ExampleBot/2.1; +http://www.example.com/bot.html)',
  'curl/8.5.0',
];

/** `name` makes the lines of one file differ from those of another from the first one on. */
export async function writeAccessLog(path: string, lines: number, name: string): Promise<void> {
  const random = randomFrom(SEED);
  const file = createWriteStream(path);
  const start = Date.now() - 86_400_000;
  for (let done = 0; done < lines; done += LINES_PER_WRITE) {
    let text = '';
    for (let n = done; n < Math.min(lines, done + LINES_PER_WRITE); n++)
      text += line(n, start + (n / LINES_PER_SECOND) * 1_000, name, random);
    if (!file.write(text)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

function line(n: number, time: number, name: string, random: () => number): string {
  const client = Math.floor(CLIENTS * random() ** 3);
  const agent = AGENTS[Math.floor(random() * AGENTS.length)];
  const status = random() < 0.95 ? 200 : 404;
  const path = `/${name}/items/${Math.floor(random() * 200)}?page=${n % 10}`;
  const address = `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`;
  const bytes = Math.floor(random() * 20_000);
  return `${address} - - [${stamp(time)}] "GET ${path} HTTP/1.1" ${status} ${bytes} "http://www.example.com/" "${agent}"\n`;
}

function stamp(epochMs: number): string {
  const date = new Date(epochMs);
  return `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:${date.toISOString().slice(11, 19)} +0000`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
