import { CliFixture } from './cli.fixture.js';
import type { CliContext, TextSource } from './command.js';
import { readSecret, readText } from './input-text.js';

function terminal(...typed: string[]) {
  const raw: boolean[] = [];
  let shown = '';
  const stdin: TextSource = {
    isTTY: true,
    setRawMode: (on) => raw.push(on),
    async *[Symbol.asyncIterator]() {
      for (const text of typed) yield Buffer.from(text);
    },
  };
  const context = { stdin, stderr: { write: (text: string) => (shown += text) } } as unknown as CliContext;
  return { context, raw, shown: () => shown };
}

test('a secret typed on a terminal is never shown, and the terminal is given back', async () => {
  const { context, raw, shown } = terminal('roo', 'x\u007ft_1', '\r', 'later');
  expect(await readSecret(context, 'Key: ')).toBe('root_1');
  expect(shown()).toBe('Key: \n');
  expect(raw).toEqual([true, false]);
});

test('Ctrl-C at the prompt ends the command and gives the terminal back', async () => {
  const { context, raw } = terminal('ab\u0003');
  await expect(readSecret(context, 'Key: ')).rejects.toThrow('interrupted');
  expect(raw).toEqual([true, false]);
});

test('a file above 1 MiB is refused before it is read', async () => {
  const cli = await CliFixture.open();
  await cli.file('big.json', Buffer.alloc(1024 * 1024 + 1));
  const context = { cwd: cli.directory } as CliContext;
  await expect(readText(context, 'big.json')).rejects.toThrow('big.json is larger than 1 MiB');
  await cli.close();
});
