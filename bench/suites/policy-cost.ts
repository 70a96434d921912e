/**
 * What policies cost verifications: one server without any, one with all ready policies switched on, none of which is
 * reached; in turn, on one processor. Engines have threads of their own, so what is left when these run on the other
 * processor is the way to them and the processor's memory.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadGenerator } from '../load/load-generator.js';
import { requestText } from '../load/load-plan.js';
import type { Bench, Measurement, Target } from '../measurement.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { moveOtherThreads } from '../servers/thread-placement.js';
import { median } from '../statistics.js';
import { createKeys, VALID, VERIFY_PATH } from './verify-loads.js';
import { type Contender, figuresOf, type Rounds, referenceOf, VerifyRig } from './verify-rig.js';

const suite = 'policy-cost';
const SERVER_CPU = 0;
const LOAD_CPU = 1;
const KEYS = 1_000;
/** From dist/bench/suites. */
const READY = join(import.meta.dirname, '../../../policies');
const NONE = 'no policies';
const ALL = 'all ready policies';

export async function policyCost(bench: Bench): Promise<Measurement[]> {
  const load = new LoadGenerator(LOAD_CPU);
  const servers = [
    await KeymeterServer.start(join(bench.folder, 'none'), { cpu: SERVER_CPU }),
    await KeymeterServer.start(join(bench.folder, 'all'), { cpu: SERVER_CPU }),
  ] as const;
  try {
    await switchOn(servers[1]);
    const contenders = { [NONE]: await contender(servers[0]), [ALL]: await contender(servers[1]) };
    const drained = () => Promise.all(servers.map((server) => server.drained()));
    const rig = new VerifyRig(bench, load, { suite, drained }, contenders);
    const together = await rig.rounds([NONE, ALL], bench.options.rounds);
    for (const { process } of servers) moveOtherThreads(process.pid, LOAD_CPU);
    const apart = await rig.rounds([NONE, ALL], bench.options.rounds);
    return [
      compared('verify with all ready policies, everything on one processor', together),
      compared('verify with all ready policies, engine and stores beside the load', apart),
      serving(apart),
    ];
  } finally {
    load.close();
    for (const server of servers) await server.stop();
  }
}

async function switchOn(server: KeymeterServer): Promise<void> {
  for (const file of readdirSync(READY)) {
    const text = readFileSync(join(READY, file), 'utf8').replace(/^mode: \w+$/m, 'mode: on');
    await server.call('POST', '/api/v1/policies', text, 'application/yaml');
  }
}

/** A customer each, with all that policies look at. */
async function contender(server: KeymeterServer): Promise<Contender> {
  const apiId = await server.createApi();
  const keys = await createKeys(server, (n) => ({ apiId, prefix: 'sk', externalId: `customer-${n}` }), KEYS);
  const requests = keys.map((key, n) => {
    const tags = [`ip=192.0.2.${n % 50}`, 'method=GET', `route=/items/${n % 50}`, 'status=200'];
    return requestText({ path: VERIFY_PATH, rootKey: server.rootKey, body: JSON.stringify({ key, tags }) });
  });
  return { process: server.process, plan: { url: server.url, requests, expected: VALID } };
}

/** What ingress itself pays: rates are also those of a generator that shares its processor with the engine. */
function serving(rounds: Rounds): Measurement {
  const timeOf = (name: string) => median((rounds[name] ?? []).map(({ servingUs }) => servingUs));
  const [without, own] = [timeOf(NONE), timeOf(ALL)];
  const targets: readonly Target[] = [{ of: 'ratio', atLeast: 0.95 }];
  const reference = { name: NONE, value: without, ratio: without / own };
  return { suite, name: 'time of the serving thread for a verification', value: own, unit: 'µs', reference, targets };
}

function compared(name: string, rounds: Rounds): Measurement {
  const [without, own] = [rounds[NONE] ?? [], rounds[ALL] ?? []];
  const { note, ...figures } = figuresOf(own);
  const reference = referenceOf(NONE, own, without);
  return { suite, name, ...figures, reference, note: `${note}; without ${figuresOf(without).note}` };
}
