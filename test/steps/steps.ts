/**
 * Every step of a consumer between a record of the log and the books, in the order in which a range meets them: each is
 * one call of a port, or one statement of the usage store's proof. The one place where they are listed: a call of a port
 * that has no step here fails the tests.
 */
export const PHASES = ['counting', 'takeover'] as const;
export type Phase = (typeof PHASES)[number];

export interface Step {
  readonly phase: Phase;
  readonly name: string;
  /** `Port.method`; inside UsageStore.prove the statement's name. */
  readonly call: string;
  /** Sends rows to the usage store: the process may also end when they are on their way. */
  readonly sends?: true;
}

const counting = (name: string, call: string, sends?: true): Step => ({ phase: 'counting', name, call, sends });
const takeover = (name: string, call: string, sends?: true): Step => ({ phase: 'takeover', name, call, sends });

export const STEPS: readonly Step[] = [
  counting('decide', 'Deduplicator.decide'),
  counting('look up stored ids', 'UsageStore.withHashes'),
  counting('intend', 'OffsetStore.intend'),
  counting('write dead letters', 'UsageStore.insertDeadLetters', true),
  counting('insert', 'UsageStore.insert', true),
  counting('commit', 'OffsetStore.commit'),
  counting('book', 'UsageStore.book', true),

  takeover('load known ids', 'UsageStore.identityHashes'),
  takeover('find the ends of the log', 'EventLogReader.refresh'),
  takeover('begin', 'OffsetStore.begin'),
  takeover('load progress', 'OffsetStore.load'),
  takeover('find the end of the data', 'UsageStore.nextOffset'),
  takeover('book what was committed', 'UsageStore.book', true),
  takeover('read again', 'EventLogReader.read'),
  takeover('decide again', 'Deduplicator.decide'),
  takeover('look up stored ids again', 'UsageStore.withHashes'),
  takeover('write dead letters again', 'UsageStore.insertDeadLetters', true),
  takeover('prove', 'UsageStore.prove'),
  takeover('fence', 'prove: fence'),
  takeover('replay', 'prove: replay', true),
  takeover('count', 'prove: count'),
  takeover('insert what is missing', 'prove: insert missing', true),
  takeover('measure rollups', 'prove: measure'),
  takeover('mend minutes', 'prove: mend minute', true),
  takeover('mend hours', 'prove: mend hour', true),
  takeover('mend days', 'prove: mend day', true),
  takeover('mend months', 'prove: mend month', true),
  takeover('commit what was proved', 'OffsetStore.commit'),
];

/** Methods of the writer's ports that are no steps of a range, and why. */
export const NO_STEPS: Readonly<Record<string, string>> = {
  'UsageStore.prepare': 'once per process, before any partition is held',
  'UsageStore.mendSince': 'after the machine has stopped: only where log and usage store are on it',
  'UsageStore.close': 'nothing is under way any more',
  'EventLogReader.lowWatermark': 'known here, asks nobody',
  'EventLogReader.highWatermark': 'known here, asks nobody',
  'EventLogReader.waitBeyond': 'only where one process reads the whole log',
  'EventLogReader.close': 'nothing is under way any more',
};

/**
 * Whether a step of the phase is this call. A writer whose insert lost its answer proves its own range while it counts:
 * the same statements, which are struck in takeovers.
 */
export function isStep(phase: Phase, call: string): boolean {
  const isProof = call === 'UsageStore.prove' || call.startsWith('prove: ');
  return STEPS.some((step) => step.call === call && (step.phase === phase || isProof));
}

export interface Point {
  readonly step: Step;
  readonly when: 'before' | 'sent' | 'after';
}

/** Between each two steps, and while rows are on their way. What is after a step is before the next one. */
export const POINTS: readonly Point[] = STEPS.flatMap((step, i) => {
  const isLast = STEPS[i + 1]?.phase !== step.phase;
  const whens = ['before', ...(step.sends ? ['sent'] : []), ...(isLast ? ['after'] : [])];
  return whens.map((when) => ({ step, when }) as Point);
});

export function nameOf({ step: { phase, name }, when }: Point): string {
  return `${phase}: ${when === 'sent' ? `${name}, on its way` : `${when} ${name}`}`;
}

/** Which statement of a proof this is. */
export function statementOf(sql: string, token = ''): string {
  const size = /window_size = '(\w+)'/.exec(sql.slice(sql.indexOf('UNION ALL')))?.[1];
  if (/^\s*INSERT INTO keymeter\.usage_rollups/.test(sql)) return `prove: mend ${size}`;
  if (sql.includes('system.processes')) return 'prove: fence';
  if (/^\s*SELECT count\(\) AS wrong/.test(sql)) return 'prove: measure';
  if (/^\s*SELECT offset, idx FROM keymeter\.events/.test(sql)) return 'prove: count';
  if (sql === 'keymeter.events') return token.includes('/missing/') ? 'prove: insert missing' : 'prove: replay';
  return `prove: ${sql.slice(0, 80)}`;
}
