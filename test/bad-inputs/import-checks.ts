import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CheckTable } from './checks.js';
import type { Fixture } from './fixture.js';

const LINE = '203.0.113.7 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8"\n';
const WHOLE_FILE_LINES = 10_000;
const MAX_REJECT_BYTES = 64 * 1024;
const MAX_GROWTH_BYTES = 32 * 1024 * 1024;

/** Sentences about imported files. What an import cannot read is saved beside the file: its dead letters. */
export const importChecks: CheckTable = [
  [
    /^(\d+) events counted(, 1 dead letter( with line number and original bytes| cut to the limit)?)?$/,
    async (run, count, letter, kind) => {
      const before = await importedLines(run.fixture);
      return async () => {
        expect((await importedLines(run.fixture)) - before).toBe(Number(count));
        const rejects = rejectsOf(run.folder);
        expect(rejects.map(([number]) => number)).toEqual(letter === undefined ? [] : ['2']);
        const original = rejects[0]?.[2];
        if (kind?.includes('original bytes')) expect(original).toBe('this is no log line');
        if (kind?.includes('limit')) expect(original).toBe('x'.repeat(MAX_REJECT_BYTES));
      };
    },
  ],
  [
    /^memory grew by less than 32 MiB$/,
    async (run) => {
      // The same shape without the long line, from an address that no case counts.
      const small = Buffer.from(`${LINE}x\n${LINE}`.replaceAll('203.0.113.7', '203.0.113.8'));
      const usual = await run.importFile('keymeter import small.log', small, join(run.folder, 'small'));
      return async ({ peakBytes }) => {
        if (peakBytes === undefined || usual.peakBytes === undefined) {
          process.stderr.write(
            'bad inputs: this system does not tell the memory of a process; its growth was not checked\n',
          );
          return;
        }
        expect(peakBytes - usual.peakBytes).toBeLessThan(MAX_GROWTH_BYTES);
      };
    },
  ],
  [
    /^a second run on the whole file counts every line exactly once$/,
    async (run) => {
      const before = await importedLines(run.fixture);
      return async () => {
        const whole = gzipSync(LINE.repeat(WHOLE_FILE_LINES));
        const again = await run.importFile('keymeter import access.log.gz', whole);
        expect(again).toMatchObject({ status: 0 });
        expect((await importedLines(run.fixture)) - before).toBe(WHOLE_FILE_LINES);
      };
    },
  ],
];

async function importedLines(fixture: Fixture): Promise<number> {
  await fixture.drained();
  return fixture.total('requests', 'subject=203.0.113.7');
}

/** Number, reason and original text of each saved line. */
function rejectsOf(folder: string): string[][] {
  const file = join(folder, 'access.log.rejected');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'latin1').split('\n').slice(0, -1);
  return lines.map((line) => line.split('\t'));
}
