/** A process that generates load: plans come in as messages, results go out. */
import { LoadLoop } from './load-loop.js';
import type { LoadPlan } from './load-plan.js';

const PROCESS_SPACING = 1e9; // of twelve digits: three for the process
const RUN_SPACING = 1e7;
let runs = 0;

process.on('message', (plan: LoadPlan) => {
  const firstNumber = (process.pid % 1_000) * PROCESS_SPACING + (runs++ % 100) * RUN_SPACING;
  new LoadLoop(plan, firstNumber).run().then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
