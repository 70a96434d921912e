import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { mintId } from '#domain/keys/key-text.js';
import type { Position } from '#domain/log/position.js';
import { UsageRecorder } from '#stream/usage-recorder.js';

/** Writes rows of the policy app to the event log. */
@Injectable()
export class AuditLog {
  constructor(private readonly recorder: UsageRecorder) {}

  newRowId(): string {
    return mintId('row', randomBytes(16));
  }

  /** Resolves with the row's place when it is durable; rejects when it is not in the log. */
  append(event: UsageEvent): Promise<Position> {
    return this.recorder.recorded(`${encodeRow(event)}\n`, 1);
  }
}
