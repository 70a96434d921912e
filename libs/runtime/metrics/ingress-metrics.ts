import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import { VERIFY_CODES, type Verdict, type VerifyCode } from '#domain/keys/verdict.js';
import { EnforcementLag } from './enforcement-lag.js';

const SAMPLE_EVERY = 16;

/** What ingress counts. Verifications only add to plain numbers; the registry reads them when it is asked. */
@Injectable()
export class IngressMetrics {
  readonly #outcomes = Object.fromEntries(VERIFY_CODES.map((code) => [code, 0])) as Record<VerifyCode, number>;
  /** From the event that caused an enforcement to the first verdict that obeyed it. */
  readonly obeyed: EnforcementLag;
  readonly #latency: Histogram;
  readonly #revocation: Histogram<'by'>;
  #lookUps = 0;
  #keptAnswersLost = 0;
  #unverified = 0;
  #seen = 0;

  constructor(registry: Registry) {
    const registers = [registry];
    const outcomes = this.#outcomes;
    new Counter({
      name: 'keymeter_verifications_total',
      help: 'Answered verifications by code.',
      labelNames: ['code'],
      registers,
      collect() {
        this.reset();
        for (const code of VERIFY_CODES) this.inc({ code }, outcomes[code]);
      },
    });
    plainCounter(
      registry,
      'keymeter_key_lookups_total',
      'Keys asked for by hash; keys refused by their checksum are not among them.',
      () => this.#lookUps,
    );
    plainCounter(
      registry,
      'keymeter_kept_answers_lost_total',
      'Answers that could not be kept for a repeat under their Idempotency-Key: such a repeat is a new verification.',
      () => this.#keptAnswersLost,
    );
    plainCounter(
      registry,
      'keymeter_verifies_unverified_total',
      'Verifications answered while Redis was away by what was last known, without limits and credits.',
      () => this.#unverified,
    );
    this.#latency = verifySeconds(registry);
    this.obeyed = new EnforcementLag(
      registry,
      'keymeter_enforcement_obeyed_seconds',
      'From the acceptance of the event that crossed a threshold to the first verdict that obeyed, once per enforcement. Includes the time until the caller came again.',
    );
    this.#revocation = revocationSeconds(registry);
  }

  /** A change of a key is known everywhere; `lapsed`: since some node's lease ran out. */
  announced(seconds: number, lapsed: boolean): void {
    this.#revocation.observe({ by: lapsed ? 'leases' : 'nodes' }, seconds);
  }

  get keyLookUps(): number {
    return this.#lookUps;
  }

  lookedUp(): void {
    this.#lookUps++;
  }

  keptAnswerLost(): void {
    this.#keptAnswersLost++;
  }

  verified({ code, unverified }: Verdict): void {
    this.#outcomes[code]++;
    if (unverified) this.#unverified++;
  }

  /** A start time for `took`, for the requests that are sampled. */
  sample(): number | undefined {
    return this.#seen++ % SAMPLE_EVERY === 0 ? performance.now() : undefined;
  }

  took(start: number | undefined): void {
    if (start !== undefined) this.#latency.observe((performance.now() - start) / 1000);
  }
}

function verifySeconds(registry: Registry): Histogram {
  return new Histogram({
    name: 'keymeter_verify_seconds',
    help: 'From the parsed request to the durable verdict, one of 16 sampled.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
    registers: [registry],
  });
}

function revocationSeconds(registry: Registry): Histogram<'by'> {
  return new Histogram({
    name: 'keymeter_revocation_seconds',
    help: 'From a call that changes, disables, rerolls or deletes a key to the moment when no node answers from before it: by the word of all nodes, or by the end of leases. Leases: a node is cut off, paused or dead.',
    labelNames: ['by'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
}

/** Of a number that is counted elsewhere, read when the registry is asked. */
function plainCounter(registry: Registry, name: string, help: string, value: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}
