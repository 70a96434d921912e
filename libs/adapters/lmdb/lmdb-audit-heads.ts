import type { Database, RootDatabase } from 'lmdb';
import { AuditHeads, type NotedHead } from '#ports/audit-trail.js';
import { commit } from './commit.js';

export class LmdbAuditHeads extends AuditHeads {
  readonly #heads: Database<NotedHead, number>;

  constructor(private readonly root: RootDatabase) {
    super();
    this.#heads = root.openDB({ name: 'audit_heads', encoding: 'json' });
  }

  async save(partition: number, head: NotedHead): Promise<void> {
    await commit(this.root, () => this.#heads.put(partition, head));
  }

  async load(partition: number): Promise<NotedHead | undefined> {
    return this.#heads.get(partition);
  }
}
