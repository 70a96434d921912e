/** `npm run bench`: runs the suites, prints the table, saves the figures. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Measurement, Options, Suite } from './measurement.js';
import { markdown, saveResults, thisMachine } from './report.js';
import { clickhouseHttp } from './suites/clickhouse-http.js';
import { consumer } from './suites/consumer.js';
import { enforcement } from './suites/enforcement.js';
import { freshness } from './suites/freshness.js';
import { importSuite } from './suites/import.js';
import { ingest } from './suites/ingest.js';
import { interference } from './suites/interference.js';
import { kafka } from './suites/kafka.js';
import { limits } from './suites/limits.js';
import { parts } from './suites/parts.js';
import { policies } from './suites/policies.js';
import { policyCost } from './suites/policy-cost.js';
import { redisVerify } from './suites/redis-verify.js';
import { revocation } from './suites/revocation.js';
import { scaleOut } from './suites/scale-out.js';
import { soak } from './suites/soak.js';
import { verify } from './suites/verify.js';

const SUITES: Readonly<Record<string, Suite>> = {
  verify,
  ingest,
  consumer,
  'clickhouse-http': clickhouseHttp,
  import: importSuite,
  freshness,
  interference,
  kafka,
  'redis-verify': redisVerify,
  revocation,
  limits,
  enforcement,
  'scale-out': scaleOut,
  parts,
  policies,
  'policy-cost': policyCost,
  soak,
};
const RESULTS = fileURLToPath(new URL('../../bench/results', import.meta.url));

const USAGE = `Usage: npm run bench -- [options]
  --only NAMES     some of ${Object.keys(SUITES).join(', ')}
  --seconds N      length of one measured round, default 2
  --rounds N       rounds, default 3; figures are their medians
  --rows N         rows of the consumer's log, default 1000000
  --lines N        lines of the imported file, default 1000000
  --revocations N  calls of the suite of revocations, default 1000
  --limits LIST    limits that are tried, default 1,10,1000
  --trials N       how often each is tried, default 3
  --enforcements N enforcements that are timed, quiet and under load, default 30
  --events N       events of one run of scale-out, default 100000
  --passes N       runs of scale-out for each number of consumers, default 1
  --soak TIME      also a soak of this length, such as 10m
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '1000000' },
    lines: { type: 'string', default: '1000000' },
    revocations: { type: 'string', default: '1000' },
    limits: { type: 'string', default: '1,10,1000' },
    trials: { type: 'string', default: '3' },
    enforcements: { type: 'string', default: '30' },
    events: { type: 'string', default: '100000' },
    passes: { type: 'string', default: '1' },
    soak: { type: 'string', default: '0s' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(USAGE);
else await run();

async function run(): Promise<void> {
  const options = readOptions();
  const root = mkdtempSync(join(tmpdir(), 'keymeter-bench-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  process.once('SIGINT', () => process.exit(130));
  const start = performance.now();
  const measurements: Measurement[] = [];
  for (const name of chosenSuites()) {
    const folder = join(root, name);
    mkdirSync(folder);
    const say = (text: string) => process.stderr.write(`${text}\n`);
    measurements.push(...(await (SUITES[name] as Suite)({ options, folder, say })));
    rmSync(folder, { recursive: true, force: true });
  }
  const file = saveResults(RESULTS, measurements, (performance.now() - start) / 1_000);
  const { cpu, processors, node, pinned } = thisMachine();
  const placed = pinned ? '' : ', processes not pinned';
  process.stdout.write(`${processors} × ${cpu}, Node.js ${node}${placed}\n\n${markdown(measurements)}\n\n${file}\n`);
}

function chosenSuites(): string[] {
  const names =
    values.only?.split(',') ?? Object.keys(SUITES).filter((name) => name !== 'soak' || values.soak !== '0s');
  const unknown = names.find((name) => !(name in SUITES));
  if (unknown !== undefined) fail(`there is no suite ${unknown}`);
  return names;
}

function readOptions(): Options {
  return {
    seconds: positive('seconds', values.seconds),
    rounds: positive('rounds', values.rounds),
    rows: positive('rows', values.rows),
    lines: positive('lines', values.lines),
    revocations: positive('revocations', values.revocations),
    limits: values.limits.split(',').map((limit) => positive('limits', limit)),
    trials: positive('trials', values.trials),
    enforcements: positive('enforcements', values.enforcements),
    events: positive('events', values.events),
    passes: positive('passes', values.passes),
    soakSeconds: seconds(values.soak),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  return value > 0 && Number.isFinite(value) ? value : fail(`--${name} is a number above 0, not '${text}'`);
}

function seconds(text: string): number {
  const [, number, unit] =
    /^(\d+)(s|m|h)$/.exec(text) ?? fail(`--soak is a time such as 90s, 10m or 1h, not '${text}'`);
  return Number(number) * { s: 1, m: 60, h: 3_600 }[unit as 's' | 'm' | 'h'];
}

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n\n${USAGE}`);
  process.exit(2);
}
