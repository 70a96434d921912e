/** Everything that can be done to a cluster. */
import type { Injection } from './injection.js';
import { linkFaults } from './link-faults.js';
import { processFaults } from './process-faults.js';
import { serverFaults } from './server-faults.js';

export const CLUSTER_KINDS: readonly Injection[] = [...processFaults, ...serverFaults, ...linkFaults];
