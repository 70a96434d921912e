/** Settings that go with every insert, explicitly: defaults of these have moved between releases (ClickHouse 24–26). */
import type { SqlClient } from './sql-client.js';
import { insertSettings, type Topology } from './topology.js';

export type InsertSettings = Readonly<Record<string, string | number>>;

const EXACT_INSERT: InsertSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  deduplicate_blocks_in_dependent_materialized_views: 1,
  input_format_parallel_parsing: 0,
  input_format_skip_unknown_fields: 1,
  // Small parts are read whole anyway; merges build the indexes of larger ones.
  materialize_skip_indexes_on_insert: 0,
  // One thread: on small inserts the engine otherwise spends most of its time starting and ending threads.
  max_threads: 1,
  max_insert_threads: 1,
  // With more than 100,000 groups the engine splits them over 256 buckets, and each bucket would become a part.
  group_by_two_level_threshold: 0,
  group_by_two_level_threshold_bytes: 0,
  min_insert_block_size_rows: 0,
  min_insert_block_size_bytes: 0,
};

/** Newer than the oldest servers that are supported, which refuse what they do not know. */
const NEWER = 'deduplicate_insert'; // ClickHouse 26.2

/** One block, known by its token, in one part of each table. */
export async function exactInsert(client: SqlClient, topology: Topology): Promise<InsertSettings> {
  const [row] = await client.query<{ known: string }>(
    'SELECT toString(count()) AS known FROM system.settings WHERE name = {name:String}',
    { name: NEWER },
  );
  const settings = { ...EXACT_INSERT, ...insertSettings(topology) };
  if (row?.known === '1') return settings;
  return Object.fromEntries(Object.entries(settings).filter(([name]) => name !== NEWER));
}

/** The engine reserves memory for a whole block before it reads: a block just as large as the rows that come. */
export function oneBlock(rows: number): InsertSettings {
  return { max_insert_block_size: rows + 1 };
}
