import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { mintId } from '#domain/keys/key-text.js';
import type { Position } from '#domain/log/position.js';
import { UsageRecorder } from '#stream/usage-recorder.js';

/** Of a row that this node has and the log, being away, has not: above every offset there is. */
const STILL_TO_COME: Position = { partition: 0, offset: Number.MAX_SAFE_INTEGER };

/** Writes rows of the policy app to the event log. */
@Injectable()
export class AuditLog {
  constructor(private readonly recorder: UsageRecorder) {}

  newRowId(): string {
    return mintId('row', randomBytes(16));
  }

  /** Resolves with the row's place when it is durable; rejects when it is not and never will be in the log. */
  async append(event: UsageEvent): Promise<Position> {
    const place = await this.recorder.recorded(`${encodeRow(event)}\n`, 1);
    const [first] = (await this.recorder.inLog(place))?.positions ?? [];
    return first ? { partition: first.partition, offset: first.offset - 1 } : STILL_TO_COME;
  }
}
