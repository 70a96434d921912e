/**
 * Protections that a run can switch off, to see that it can fail: changes of the compiled text of one module, made while
 * it is loaded in the processes of that run alone. The product has no such switch.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './project-root.js';

export interface Change {
  /** Below dist/. */
  readonly file: string;
  /** Must stand in it exactly once. */
  readonly text: string;
  readonly becomes: string;
}

export interface Broken {
  /** What is switched off, and what must come of it. */
  readonly meaning: string;
  readonly changes: readonly Change[];
}

const STORE = 'libs/adapters/clickhouse/clickhouse-usage-store.js';
const PROOF = 'libs/adapters/clickhouse/range-proof.js';
const OFFSETS = 'libs/adapters/kafka/kafka-offset-store.js';
const MEMBERSHIP = 'libs/adapters/kafka/group-membership.js';
const RECORDER = 'libs/stream/usage-recorder.js';
const LEASE = 'libs/adapters/redis/node-lease.js';

export const BREAKABLE = {
  token: {
    meaning: 'every insert has a token of its own, and what is in doubt is inserted again without looking',
    changes: [
      { file: STORE, text: 'insert_deduplication_token: block.token', becomes: token('block.token') },
      { file: PROOF, text: 'insert_deduplication_token: token', becomes: token('token') },
      { file: PROOF, text: 'if (present.length > block.count) {', becomes: 'if (false) {' },
      { file: PROOF, text: 'if (present.length === block.count)', becomes: 'if (present.length >= block.count)' },
    ],
  },
  intent: {
    meaning: 'no range is written down before its insert',
    changes: [
      {
        file: OFFSETS,
        text: 'await this.#commit({ ...this.#current(range), intended: range });',
        becomes: 'void this.#current(range);',
      },
    ],
  },
  fence: {
    meaning: 'a consumer that was taken for dead goes on with its partitions',
    changes: [
      { file: MEMBERSHIP, text: 'const lost = [...this.#leases.values()];', becomes: 'return;' },
      { file: MEMBERSHIP, text: 'performance.now() - this.#heardAt >= this.#sessionMs', becomes: 'false' },
    ],
  },
  wal: {
    meaning: 'a verdict is told before its event is on the disk, which it reaches a second later',
    changes: [
      {
        file: RECORDER,
        text: 'frame.settles.push({ first: frame.count, settle });',
        becomes: `if (rows.includes('"type":"request"'))
            setImmediate(() => settle(undefined, { partition: this.partition, offset: 0, first: 0 }));
        else
            frame.settles.push({ first: frame.count, settle });`,
      },
      { file: RECORDER, text: 'setImmediate(() => {', becomes: 'setTimeout(() => {' },
      { file: RECORDER, text: 'this.#flush();\n        });', becomes: 'this.#flush();\n        }, 1_000);' },
    ],
  },
  lease: {
    meaning: 'a node that has had its lease once believes its memory for ever',
    changes: [
      {
        file: LEASE,
        text: 'return this.clock.monotonic() < this.#trustedUntil;',
        becomes: 'return this.#trustedUntil > 0;',
      },
    ],
  },
} as const satisfies Record<string, Broken>;

export type Breakable = keyof typeof BREAKABLE;

export function isBreakable(name: string): name is Breakable {
  return name in BREAKABLE;
}

/** What apps need to run without it. Throws RangeError, see `demandPlaces`. */
export function brokenBuild(name: Breakable): { preload: string[]; env: Record<string, string> } {
  const root = projectRoot();
  demandPlaces(name, root);
  const module = pathToFileURL(join(root, 'dist/test/faults/preload/broken-protection.js')).href;
  return { preload: [module], env: { FAULTS_BREAK: name } };
}

/** Throws RangeError unless every change of it finds its place: a run that breaks nothing proves nothing. */
export function demandPlaces(name: Breakable, root: string): void {
  for (const { file, text } of BREAKABLE[name].changes) {
    const times = readFileSync(join(root, 'dist', file), 'utf8').split(text).length - 1;
    if (times !== 1) throw new RangeError(`${file} holds ${times} times, not once: ${text}`);
  }
}

/** The module's text without the protection; unchanged where it has no part in it. */
export function broken(name: Breakable, url: string, source: string): string {
  const changes: readonly Change[] = BREAKABLE[name].changes;
  return changes
    .filter(({ file }) => url.endsWith(`/dist/${file}`))
    .reduce((text, change) => text.replace(change.text, () => change.becomes), source);
}

function token(name: string): string {
  return `insert_deduplication_token: \`\${${name}}/\${Math.random()}\``;
}
