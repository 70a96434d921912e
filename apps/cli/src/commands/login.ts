import type { Command } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { readSecret } from '../input-text.js';
import { namedServers } from '../login/find-servers.js';
import { DEFAULT_URL, writeLogin } from '../login/login-file.js';
import { oneServer, serversText } from '../login/servers.js';

export const loginCommand: Command = {
  name: 'login',
  summary: 'store server and root key in ~/.keymeter/login.json (mode 600)',
  usage: ['login [--url URL | --cluster FILE]', 'login --no-check [--url URL] < FILE'],
  options: { 'no-check': { type: 'boolean', summary: 'do not ask the server whether it knows the key' } },
  notes: 'The root key is asked for without showing it, or read from standard input; never given as an argument.',
  async run(invocation) {
    const { context, options } = invocation;
    const servers = (await namedServers(invocation)) ?? oneServer(DEFAULT_URL);
    const text = serversText(servers);
    const rootKey = await readSecret(context, `Root key for ${text}: `);
    if (!/^[\x21-\x7e]{1,512}$/.test(rootKey)) {
      throw new CliError(EXIT.usage, 'a root key is one line of printable characters without blanks');
    }
    if (!options.flag('no-check')) {
      await new ApiClient(context, { servers, rootKey }).ok('GET', '/api/v1/meters');
    }
    const path = await writeLogin(context, servers, rootKey);
    const stored = { servers, path };
    context.stdout.write(
      options.flag('json') ? `${JSON.stringify(stored)}\n` : `Stored login for ${text} in ${path}\n`,
    );
    return EXIT.ok;
  },
};
