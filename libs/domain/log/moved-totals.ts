/** What a data folder holds and what a cluster holds of it, by key and month; pure. */

export interface KeyMonth {
  /** '' for events without a key. */
  readonly keyId: string;
  /** First day of the month of the events' own time, `2026-01-01`. */
  readonly month: string;
  readonly events: number;
  /** Sum of `bytes`, plain digits. */
  readonly bytes: string;
}

/** The first key and month, in their order, of which both do not hold the same; undefined when they do. */
export function firstDifference(folder: readonly KeyMonth[], cluster: readonly KeyMonth[]): string | undefined {
  const found = new Map(cluster.map((row) => [nameOf(row), row]));
  const wanted = new Map(folder.map((row) => [nameOf(row), row]));
  const names = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  for (const name of names) {
    const [here, there] = [wanted.get(name), found.get(name)];
    if (here?.events === there?.events && here?.bytes === there?.bytes) continue;
    const { keyId, month } = (here ?? there) as KeyMonth;
    const of = keyId === '' ? 'events without a key' : `key ${keyId}`;
    return `${of}, ${month.slice(0, 7)}: ${sumText(here)} in the folder, ${sumText(there)} in the cluster`;
  }
  return undefined;
}

export function sumOf(rows: readonly KeyMonth[]): number {
  return rows.reduce((sum, { events }) => sum + events, 0);
}

function nameOf({ keyId, month }: KeyMonth): string {
  return `${keyId}\n${month}`;
}

function sumText(row: KeyMonth | undefined): string {
  return row === undefined ? 'none' : `${row.events} events (${row.bytes} bytes)`;
}
