import { Injectable } from '@nestjs/common';
import { encodeRow } from '#domain/events/usage-row.js';
import type { JsonObject } from '#domain/json.js';
import type { TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { KeyStore } from '#ports/key-store.js';
import { IngressMetrics } from '#runtime/metrics/ingress-metrics.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { LogRoom } from '../log-room.js';

export interface ChargeEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  data(outcome: TakeOutcome): JsonObject;
}

/** What the operations of the key protocol work with. */
@Injectable()
export class KeyServices {
  readonly #source: string;

  constructor(
    readonly store: KeyStore,
    readonly counters: Counters,
    readonly enforcements: EnforcementStore,
    readonly clock: Clock,
    readonly metrics: IngressMetrics,
    private readonly recorder: UsageRecorder,
    private readonly room: LogRoom,
    node: NodeIdentity,
  ) {
    this.#source = `keymeter/ingress/${node.nodeId}`;
  }

  /** Takes from the counters and resolves when the event that carries the charge is durable. */
  async take(request: TakeRequest, event: ChargeEvent): Promise<TakeOutcome> {
    this.room.demand();
    const now = this.clock.now();
    const taken = this.counters.take(request, now);
    // Without a promise no turn may pass between taking and recording: a checkpoint could fall between them.
    const outcome = taken instanceof Promise ? await taken : taken;
    const { id, type, subject } = event;
    const fields = { id, source: this.#source, type, subject, time: now, idHash: 0, fingerprint: 0 };
    const row = encodeRow({ ...fields, data: event.data(outcome) }, { charge: outcome.charge });
    try {
      await this.recorder.recorded(`${row}\n`, 1);
    } catch (error) {
      if (outcome.charge) await this.counters.undo(outcome.charge);
      throw error;
    }
    return outcome;
  }
}
