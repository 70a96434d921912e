import type { Command } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { createApi } from '../http/create-api.js';
import { findLogin } from '../login/login-file.js';

export const apisCommand: Command = {
  name: 'apis',
  summary: 'create an API, which keys belong to',
  usage: ['apis create NAME'],
  options: {},
  async run(invocation) {
    const { context, options, args } = invocation;
    const [verb, name, ...rest] = args;
    if (verb !== 'create' || name === undefined || rest.length > 0) {
      throw new CliError(EXIT.usage, 'apis wants: create NAME');
    }
    const api = new ApiClient(context, await findLogin(invocation));
    const apiId = await createApi(api, name);
    context.stdout.write(options.flag('json') ? `${JSON.stringify({ apiId }, null, 2)}\n` : `${apiId}\n`);
    return EXIT.ok;
  },
};
