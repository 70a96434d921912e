import type { Enforcement } from '#domain/policies/enforcement.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';

/** Stands for the recorder until the application that makes it is there. */
export class LateSink extends EnforcementSink {
  #sink: EnforcementSink | undefined;

  open(sink: EnforcementSink): void {
    this.#sink = sink;
  }

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    if (this.#sink === undefined) throw new Error('a decision came before the application was ready');
    return this.#sink.enforce(enforcement);
  }
}
