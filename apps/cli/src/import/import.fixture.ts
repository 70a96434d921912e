/** `keymeter import` against the server of the test. */
import { cli, server } from '../cli-with-server.fixture.js';

export const GOOD = '203.0.113.7 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8"\n';

export const run = (args: string[], overrides = {}) => cli.run(server.url, ['import', ...args], overrides);

export const json = async (args: string[], overrides = {}) => {
  const result = await run([...args, '--json'], overrides);
  return { ...result, summary: JSON.parse(result.stdout).files[0] };
};
