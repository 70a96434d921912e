import { Injectable } from '@nestjs/common';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { IngressMetrics } from '#runtime/metrics/ingress-metrics.js';

/** Seen by this node; one that is forgotten is asked for once more, and the store knows that it was obeyed. */
const MAX_SEEN = 10_000;

interface Seen {
  /** Of the first verdict of this node under the enforcement. */
  readonly at: number;
  /** Told to the store, or on the way. */
  told: boolean;
}

/** Notes the first verdict that obeyed an enforcement: the end of the way that began with the event that caused it. */
@Injectable()
export class EnforcementWatch {
  readonly #seen = new Map<string, Seen>();

  constructor(
    private readonly store: EnforcementStore,
    private readonly metrics: IngressMetrics,
  ) {}

  /** Called by every verdict under these enforcements; nothing waits for what it does. */
  obeyed(enforcements: readonly Enforcement[], now: number): void {
    for (const enforcement of enforcements) {
      const seen = this.#seen.get(enforcement.id) ?? this.#remember(enforcement.id, now);
      if (!seen.told) this.#tell(enforcement, seen);
    }
  }

  #remember(id: string, at: number): Seen {
    if (this.#seen.size >= MAX_SEEN) this.#seen.delete(this.#seen.keys().next().value as string);
    const seen = { at, told: false };
    this.#seen.set(id, seen);
    return seen;
  }

  #tell(enforcement: Enforcement, seen: Seen): void {
    seen.told = true;
    this.store.obeyed(enforcement.id, seen.at).then(
      (first) => {
        if (first) this.metrics.obeyed.observe(enforcement, seen.at);
      },
      () => {
        seen.told = false; // the store is away: the next verdict tells it
      },
    );
  }
}
