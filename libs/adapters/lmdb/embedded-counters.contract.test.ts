import { join } from 'node:path';
import { describeCounters } from '#contracts/counters.contract.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ManualClock } from '../clock/manual-clock.js';
import { EmbeddedCounters } from './embedded-counters.js';
import { openEnvironment } from './environment.js';

const folder = temporaryFolder('counters-contract');
let count = 0;

describeCounters('in memory beside the log', async () => {
  const environment = await openEnvironment(join(folder, String(count++)));
  const counters = new EmbeddedCounters(environment, new ManualClock(), async () => 0);
  return { counters, close: () => environment.close() };
});
