import type { Command } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';

interface CreatedApi {
  data: { apiId: string };
}

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
    const { data } = await api.json<CreatedApi>('POST', '/v2/apis.createApi', { body: { name } });
    context.stdout.write(options.flag('json') ? `${JSON.stringify(data, null, 2)}\n` : `${data.apiId}\n`);
    return EXIT.ok;
  },
};
