/** Ports of the usage store, whose engine lives on the pipeline thread. */
import type { Fate } from '#domain/events/deduplication.js';
import type { EventPosition, Position } from '#domain/log/position.js';
import { DeadLetterBook } from '#ports/dead-letter-book.js';
import { EventFates, type FateCounts } from '#ports/event-fates.js';
import { EventLookup } from '#ports/event-lookup.js';
import { UsageReader } from '#ports/usage-reader.js';
import { AuditVerification, type PartitionHead } from '#stream/audit-verification.js';
import { FullReconciliation } from '#stream/reconciliation.js';
import type { PipelineClient } from './pipeline-client.js';

export class RemoteUsageReader extends UsageReader {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  usage(...args: Parameters<UsageReader['usage']>): ReturnType<UsageReader['usage']> {
    return this.pipeline.call('usageReader', 'usage', args);
  }

  values(...args: Parameters<UsageReader['values']>): ReturnType<UsageReader['values']> {
    return this.pipeline.call('usageReader', 'values', args);
  }

  events(...args: Parameters<UsageReader['events']>): ReturnType<UsageReader['events']> {
    return this.pipeline.call('usageReader', 'events', args);
  }

  deadLetters(...args: Parameters<UsageReader['deadLetters']>): ReturnType<UsageReader['deadLetters']> {
    return this.pipeline.call('usageReader', 'deadLetters', args);
  }
}

export class RemoteEventLookup extends EventLookup {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  idsAt(positions: readonly EventPosition[]): Promise<(string | undefined)[]> {
    return this.pipeline.call('eventLookup', 'idsAt', [positions]);
  }

  eventsOf(...args: Parameters<EventLookup['eventsOf']>): ReturnType<EventLookup['eventsOf']> {
    return this.pipeline.call('eventLookup', 'eventsOf', args);
  }

  newest(...args: Parameters<EventLookup['newest']>): ReturnType<EventLookup['newest']> {
    return this.pipeline.call('eventLookup', 'newest', args);
  }
}

export class RemoteFates extends EventFates {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  of(frame: Position, count: number, timeoutMs: number): Promise<(Fate | 'undecodable')[] | undefined> {
    return this.pipeline.call('fates', 'of', [frame, count, timeoutMs]);
  }

  counts(frame: Position, timeoutMs: number): Promise<FateCounts | 'undecided' | 'unknown'> {
    return this.pipeline.call('fates', 'counts', [frame, timeoutMs]);
  }
}

export class RemoteDeadLetterBook extends DeadLetterBook {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  find(...args: Parameters<DeadLetterBook['find']>): ReturnType<DeadLetterBook['find']> {
    return this.pipeline.call('deadLetters', 'find', args);
  }

  settle(...args: Parameters<DeadLetterBook['settle']>): ReturnType<DeadLetterBook['settle']> {
    return this.pipeline.call('deadLetters', 'settle', args);
  }

  waiting(): ReturnType<DeadLetterBook['waiting']> {
    return this.pipeline.call('deadLetters', 'waiting', []);
  }
}

export class RemoteAuditVerification extends AuditVerification {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  verify(...args: Parameters<AuditVerification['verify']>): ReturnType<AuditVerification['verify']> {
    return this.pipeline.call('auditVerification', 'verify', args);
  }

  heads(): Promise<PartitionHead[]> {
    return this.pipeline.call('auditVerification', 'heads', []);
  }
}

export class RemoteReconciliation extends FullReconciliation {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  full(withLog: boolean): ReturnType<FullReconciliation['full']> {
    return this.pipeline.call('reconciliation', 'full', [withLog]);
  }
}
