/** The policy engine alone: how fast it decides, what a subject takes, what snapshots cost, how fast a backtest reads. */
import { join } from 'node:path';
import type { Bench, Measurement } from '../measurement.js';
import { backtestRates } from '../policies/backtest-rate.js';
import { millionSubjects } from '../policies/million-subjects.js';
import { mixedRate } from '../policies/mixed-rate.js';
import { subjectBytes } from '../policies/subject-bytes.js';
import { thresholdRates } from '../policies/threshold-rate.js';
import { median } from '../statistics.js';

const suite = 'policies';
/** From dist/bench/suites. */
const READY = join(import.meta.dirname, '../../../policies');

export async function policies(bench: Bench): Promise<Measurement[]> {
  bench.say('policies: rates');
  const backtested = backtests(); // first: a backtest has a thread to itself, whose code has seen no other policies
  const rates = thresholdRates().map(({ name, eventsPerSecond }, i): Measurement => {
    const targets = i === 0 ? ([{ of: 'value', atLeast: 1_000_000 }] as const) : undefined;
    return { suite, name: `one policy, ${name}`, value: eventsPerSecond, unit: 'events/s', targets };
  });
  return [...rates, mixed(), ...backtested, ...memory(), ...snapshots(bench)];
}

function mixed(): Measurement {
  const { eventsPerSecond, policies: note } = mixedRate(READY);
  const targets = [{ of: 'value', atLeast: 300_000 }] as const;
  return { suite, name: 'ten policies, 100,000 keys', value: eventsPerSecond, unit: 'events/s', targets, note };
}

function backtests(): Measurement[] {
  return backtestRates().map(({ of, eventsPerSecond, decisions }): Measurement => {
    const targets = [{ of: 'value', atLeast: 500_000 }] as const;
    const name = `backtest, pages of ${of} to decisions`;
    return { suite, name, value: eventsPerSecond, unit: 'events/s', targets, note: `${decisions} decisions` };
  });
}

function memory(): Measurement[] {
  return subjectBytes().map(({ name, bytes, atMost }) => {
    return { suite, name: `a subject, ${name}`, value: bytes, unit: 'bytes', targets: [{ of: 'value', atMost }] };
  });
}

function snapshots(bench: Bench): Measurement[] {
  bench.say('policies: snapshots of a million subjects');
  const { subjects, wholeMs, wholeBytes, partMs, storedBytes, restoreMs } = millionSubjects();
  const of = `${subjects.toLocaleString('en')} subjects`;
  const note = `${(storedBytes / wholeBytes).toFixed(1)} times the bytes of the whole state are stored`;
  const reference = { name: 'whole state', value: wholeMs, ratio: median(partMs) / wholeMs };
  const targets = [{ of: 'value', atMost: 10_000 }] as const;
  return [
    { suite, name: `a part, ${of}, 30,000 changed`, value: median(partMs), unit: 'ms', reference, note },
    { suite, name: `restored, ${of}`, value: restoreMs, unit: 'ms', targets },
  ];
}
