/** One version of a policy as it was put: who, when, and the text that they wrote. */
import type { Position } from '../log/position.js';
import type { Policy } from './policy.js';

/** Older ones of a policy are forgotten. */
export const KEPT_VERSIONS = 100;

/** A root key, by its id and by its name at that time. */
export interface Author {
  readonly id: string;
  readonly name: string;
}

/** By a second person, before the version came in force. */
export interface Approval {
  readonly by: Author;
  /** Epoch ms, as all times here. */
  readonly at: number;
  readonly proposedAt: number;
  /** Of the proposal, as it was shown and approved. */
  readonly digest: string;
  readonly reason?: string;
}

export interface PolicyVersion {
  readonly policy: Policy;
  /** Where its row stands in the log. */
  readonly position: Position;
  /** Absent in versions from before authors were kept. */
  readonly author?: Author;
  /** As it was written, where that is not the policy as JSON. */
  readonly text?: string;
  /** What an operator said about the change. */
  readonly reason?: string;
  /** Where a second person had to approve it. */
  readonly approval?: Approval;
}
