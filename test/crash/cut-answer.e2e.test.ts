/** A long answer cut off by a kill must not look like a short one. */
import { request } from 'node:http';
import { ROOT_KEY, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { NUMBERED_TYPE, numberedEvents, postEvents } from './numbered-events.js';
import { settled } from './server-view.js';

const SUBJECTS = 40_000;
const BATCH = 2_000;
const dataDir = temporaryFolder('cut-answer');

interface Reading {
  readonly complete: boolean;
  readonly failed: boolean;
  readonly bytes: number;
}

it('a CSV export cut off by a kill is recognisable as cut off', async () => {
  const standalone = await startStandalone({ dataDir });
  const caller = new HttpCaller(standalone.url, ROOT_KEY);
  await caller.demand('POST', '/api/v1/meters', { slug: 'numbered', aggregation: 'COUNT', eventType: NUMBERED_TYPE });
  for (let first = 0; first < SUBJECTS; first += BATCH) {
    const events = numberedEvents(BATCH, { first }).map((event, i) => ({
      ...event,
      subject: `subject-${first + i}-${'long'.repeat(60)}`,
    }));
    expect(await postEvents(caller, events)).toMatchObject({ status: 204 });
  }
  await settled(caller);
  const path = '/api/v1/meters/numbered/query?groupBy=subject';
  const whole = await caller.call(path, { headers: { accept: 'text/csv' } });
  if (whole.kind === 'lost') throw new Error(whole.reason);
  expect(whole.text.trimEnd().split('\n').length).toBe(SUBJECTS + 1);

  const cut = await readUntilKilled(`${standalone.url}${path}`, () => standalone.kill('SIGKILL'));
  expect(cut.bytes).toBeGreaterThan(0); // the answer had begun
  expect(cut.bytes).toBeLessThan(Buffer.byteLength(whole.text));
  expect(cut).toMatchObject({ complete: false, failed: true });
  await standalone.exited;
}, 120_000);

/** Reads a little, lets the rest back up in the sender, kills it, and reads what is still to come. */
function readUntilKilled(url: string, kill: () => void): Promise<Reading> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${ROOT_KEY}`, accept: 'text/csv' };
    request(url, { headers }, (answer) => {
      let bytes = 0;
      let failed = false;
      answer.on('error', () => {
        failed = true;
      });
      answer.on('close', () => resolve({ complete: answer.complete, failed, bytes }));
      answer.once('data', (chunk: Buffer) => {
        bytes += chunk.length;
        answer.pause();
        setTimeout(() => {
          kill();
          answer.on('data', (more: Buffer) => {
            bytes += more.length;
          });
          answer.resume();
        }, 100);
      });
    }).end();
  });
}
