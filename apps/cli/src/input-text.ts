/** Text that a person types or a file holds; bounded. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CliContext } from './command.js';
import { CliError, EXIT } from './exit-code.js';

const MAX_BYTES = 1024 * 1024;

/** The whole of a small file, or of standard input for '-'. */
export async function readText(context: CliContext, file: string): Promise<string> {
  if (file === '-') return readStdin(context);
  const path = resolve(context.cwd, file);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new CliError(EXIT.failed, `cannot read ${file}: there is no such file`);
  if (!found.isFile()) throw new CliError(EXIT.failed, `cannot read ${file}: it is no file`);
  if (found.size > MAX_BYTES) throw new CliError(EXIT.failed, `${file} is larger than 1 MiB`);
  return readFile(path, 'utf8').catch(() => {
    throw new CliError(EXIT.failed, `cannot read ${file}: this user may not read it`);
  });
}

async function readStdin(context: CliContext): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of context.stdin) {
    const part = Buffer.from(chunk as string);
    bytes += part.length;
    if (bytes > MAX_BYTES) throw new CliError(EXIT.failed, 'standard input is larger than 1 MiB');
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * One secret line: from a terminal without showing it, else the first line of standard input. Secrets are never
 * taken from arguments, which other users can see.
 */
export async function readSecret(context: CliContext, prompt: string): Promise<string> {
  if (context.stdin.isTTY !== true) return ((await readStdin(context)).split('\n', 1)[0] ?? '').trim();
  context.stderr.write(prompt);
  context.stdin.setRawMode?.(true);
  let typed = '';
  try {
    for await (const chunk of context.stdin) {
      for (const character of chunk.toString()) {
        if (character === '\r' || character === '\n') return typed.trim();
        if (character === '\u0003' || character === '\u0004') throw new CliError(EXIT.failed, 'interrupted');
        typed = character === '\u007f' || character === '\b' ? typed.slice(0, -1) : typed + character;
      }
      if (typed.length > MAX_BYTES) throw new CliError(EXIT.failed, 'that is too long');
    }
    return typed.trim();
  } finally {
    context.stdin.setRawMode?.(false);
    context.stderr.write('\n');
  }
}

/** A question on a terminal; anything but y or yes is no. */
export async function confirmed(context: CliContext, question: string): Promise<boolean> {
  context.stderr.write(question);
  let typed = '';
  for await (const chunk of context.stdin) {
    typed += chunk.toString();
    if (typed.includes('\n') || typed.length > MAX_BYTES) break;
  }
  return /^\s*y(es)?\s*$/i.test(typed.split('\n', 1)[0] ?? '');
}
