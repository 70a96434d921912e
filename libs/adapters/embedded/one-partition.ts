import { LogPartitions, type LogPartitionsState, type RaiseOutcome } from '#ports/log-partitions.js';

/** Partitions spread work over machines; the log of one machine has one. */
export class OnePartition extends LogPartitions {
  async state(): Promise<LogPartitionsState> {
    return { partitions: 1, counts: [1], moving: [] };
  }

  async raise(partitions: number): Promise<RaiseOutcome> {
    if (partitions === 1) return { ok: true, state: await this.state() };
    const detail = 'The log of one machine has one partition: more of them spread work over the machines of a cluster.';
    return { ok: false, fault: 'impossible', detail };
  }
}
