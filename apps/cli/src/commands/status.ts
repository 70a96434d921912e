import type { Command } from '../command.js';
import { EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { parseProblem } from '../http/problem-text.js';
import { findLogin } from '../login/login-file.js';
import { parseMetrics } from '../output/metrics-text.js';
import { writeTable } from '../output/table.js';

const OWN_METRICS = /^keymeter_/;

export const statusCommand: Command = {
  name: 'status',
  summary: 'show whether the server is ready, and its main figures',
  usage: ['status'],
  options: {},
  notes: 'Exits with 1 where the server answers but is not ready.',
  async run(invocation) {
    const { context, options } = invocation;
    const api = new ApiClient(context, await findLogin(invocation));
    const health = await api.send('GET', '/health/ready');
    const metrics = await api.send('GET', '/metrics', { headers: { Accept: 'text/plain' } });
    const ready = health.status === 200;
    const shown = metrics.status === 200 ? parseMetrics(metrics.body).filter((row) => OWN_METRICS.test(row.name)) : [];
    if (options.flag('json')) {
      const answer = { url: api.login.url, ready, health: parseProblem(health.body), metrics: shown };
      context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    } else {
      context.stdout.write(`${api.login.url} is ${ready ? 'ready' : `not ready (${health.status})`}\n`);
      if (!ready) context.stdout.write(`${health.body.trim()}\n`);
      if (shown.length > 0) {
        context.stdout.write('\n');
        writeTable(
          context.stdout,
          ['metric', 'labels', 'value'],
          shown.map((row) => [row.name, row.labels, row.value]),
        );
      }
    }
    return ready ? EXIT.ok : EXIT.failed;
  },
};
