/** What `npm run cluster` is asked for. */
import { parseArgs } from 'node:util';

/** In the order of their ports; at most so many together as there are ports below those of the servers. */
const COUNTS = { ingress: 2, query: 1, policy: 2, consumer: 2 };
const MAX_APPS = 20;
const APPS = Object.keys(COUNTS);

/**
 * `--consumer 0` leaves one kind out; without consumers nobody makes the tables that policies and queries read.
 * Throws an error with one sentence.
 */
export function clusterArguments(args) {
  const counts = APPS.map((app) => [app, { type: 'string' }]);
  const { values } = parseArgs({ args, options: { docker: { type: 'boolean' }, ...Object.fromEntries(counts) } });
  const counted = APPS.filter((app) => values[app] !== undefined);
  const wrong = counted.find((app) => !/^\d{1,2}$/.test(values[app]));
  if (wrong) throw new Error(`--${wrong} is a number of processes, not '${values[wrong]}'`);
  if (values.docker && counted.length > 0) {
    throw new Error(`docker-compose.yml says how many of each there are: --${counted[0]} does not go with --docker`);
  }
  const apps = APPS.flatMap((app) => Array(Number(values[app] ?? COUNTS[app])).fill(app));
  if (apps.length > MAX_APPS) throw new Error(`at most ${MAX_APPS} processes together`);
  return { docker: values.docker ?? false, apps };
}
