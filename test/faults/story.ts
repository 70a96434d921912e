/** Everything that is known of one wrong id: what was sent and answered, what is stored, what logs say, which faults ran. */
import type { View } from '../crash/kill-run.js';
import type { Entry } from '../crash/ledger.js';
import type { AppProcess } from './app-process.js';
import type { FaultRecord } from './fault-lane.js';

const MOST_LINES = 40;
const LONGEST_LINE = 600;
/** Ids of the ledger, of keys and of enforcements, as sentences of the oracles name them. */
const ID = /\b(?:e\d+|v\d+|key_\w+|enf_\w+|[0-9a-f]{16,})\b/;
/** Faults that ended this long before still count as being there. */
const AFTER_MS = 10_000;

export interface Scene {
  /** Undefined where nothing came to rest. */
  readonly view: View | undefined;
  readonly apps: readonly AppProcess[];
  readonly records: readonly FaultRecord[];
  /** Epoch ms of the begin that `records` count from. */
  readonly beganAt: number;
}

/** Of the first broken promise that names an id. */
export function storyOf(problems: readonly string[], scene: Scene): string[] {
  const problem = problems.find((text) => ID.test(text));
  const id = problem && ID.exec(problem)?.[0];
  if (!problem || !id) return [];
  const mentions = new RegExp(`\\b${id}\\b`);
  const { view } = scene;
  const entries = (view?.entries ?? []).filter((entry) => mentions.test(JSON.stringify(entry)));
  return [
    problem,
    '',
    `sent and answered (${id}):`,
    ...lines(entries.map((entry) => `${new Date(entry.at).toISOString()} ${JSON.stringify(entry)}`)),
    'stored:',
    ...lines(view ? stored(view, mentions) : []),
    'faults at that time:',
    ...lines(faultsAt(entries, scene)),
    ...scene.apps.flatMap((app) => [`log of ${app.name}:`, ...lines(logLines(app, mentions))]),
  ];
}

function stored(view: View, mentions: RegExp): string[] {
  const { usage, requests, credits, audit, letters, enforcements } = view;
  return Object.entries({ usage, requests, credits, audit, letters, enforcements }).flatMap(([name, items]) =>
    items.map((item) => `${name} ${JSON.stringify(item)}`).filter((text) => mentions.test(text)),
  );
}

function faultsAt(entries: readonly Entry[], { records, beganAt }: Scene): string[] {
  const times = entries.map(({ at }) => at - beganAt);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return records
    .filter(({ begin, end, recoveryMs = 0 }) => begin <= last + AFTER_MS && end + recoveryMs >= first - AFTER_MS)
    .map(({ number, kind, target, begin, end, bite }) => {
      const from = new Date(beganAt + begin).toISOString();
      return `${from} for ${end - begin} ms: fault ${number}, ${kind} of ${target}: ${bite}`;
    });
}

function logLines(app: AppProcess, mentions: RegExp): string[] {
  return app
    .logSince(0)
    .split('\n')
    .filter((line) => mentions.test(line));
}

function lines(all: readonly string[]): string[] {
  const shown = all.slice(0, MOST_LINES).map((text) => `  ${text.slice(0, LONGEST_LINE)}`);
  if (all.length > MOST_LINES) shown.push(`  … and ${all.length - MOST_LINES} more`);
  return shown.length > 0 ? shown : ['  nothing'];
}
