/** What a run of faults is about: a running system, seen from outside. */
import type { HttpCaller } from '../crash/http-caller.js';
import type { RawEvent } from '../crash/server-view.js';
import type { AppProcess } from './app-process.js';
import type { Stage } from './injection.js';

export interface Subject<S extends Stage> {
  readonly stage: S;
  /** Of the whole: each path goes where it is served. */
  readonly caller: HttpCaller;
  /** Those that take load. */
  readonly ingresses: readonly AppProcess[];
  /** Those that count, and say in a metric what does not add up. */
  readonly consumers: readonly AppProcess[];
  /** Whether nodes answer from spools of their own, and send rows of them again after a kill. */
  readonly spools: boolean;
  /** What processes log in with. */
  readonly secrets: readonly string[];
  /** Whether everything below a position, as ingest answers it, is counted. */
  isCounted(position: string): boolean | Promise<boolean>;
  /** Resolves when every app that is meant to run says that it is ready. */
  ready(withinMs: number): Promise<void>;
  /** Resolves when all that was taken is counted; rejects when that takes too long. */
  counted(withinMs: number): Promise<void>;
  /** Every stored event of the type. */
  events(type: string): Promise<RawEvent[]>;
  stop(): Promise<void>;
}
