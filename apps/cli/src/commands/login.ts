import type { Command } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { readSecret } from '../input-text.js';
import { DEFAULT_URL, serverUrl, writeLogin } from '../login/login-file.js';

export const loginCommand: Command = {
  name: 'login',
  summary: 'store server and root key in ~/.keymeter/login.json (mode 600)',
  usage: ['login [--url URL]', 'login --no-check [--url URL] < FILE'],
  options: { 'no-check': { type: 'boolean', summary: 'do not ask the server whether it knows the key' } },
  notes: 'The root key is asked for without showing it, or read from standard input; never given as an argument.',
  async run({ context, options }) {
    const url = serverUrl(options.text('url') ?? (context.env.KEYMETER_URL || DEFAULT_URL));
    const rootKey = await readSecret(context, `Root key for ${url}: `);
    if (!/^[\x21-\x7e]{1,512}$/.test(rootKey)) {
      throw new CliError(EXIT.usage, 'a root key is one line of printable characters without blanks');
    }
    if (!options.flag('no-check')) {
      await new ApiClient(context, { url, rootKey }).ok('GET', '/api/v1/meters');
    }
    const path = await writeLogin(context, url, rootKey);
    const stored = { url, path };
    context.stdout.write(options.flag('json') ? `${JSON.stringify(stored)}\n` : `Stored login for ${url} in ${path}\n`);
    return EXIT.ok;
  },
};
