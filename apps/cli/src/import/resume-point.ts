/** Finds out how many lines of a file need not be sent again, and proves it before anything is skipped. */
import { LineChain, sameChain } from '#domain/access-log/line-chain.js';
import type { CliContext } from '../command.js';
import { addOutcome, type BatchOutcome } from './batch-outcome.js';
import type { BatchSender } from './batch-sender.js';
import { openChunks } from './chunk-source.js';
import { EventBatch } from './event-batch.js';
import type { ImportPlan } from './import-plan.js';
import type { ImportState } from './import-state.js';
import { FormatDecoder } from './line-format.js';
import { LineSplitter } from './line-splitter.js';
import { lineText } from './line-text.js';
import type { OutcomeReader } from './outcome-reader.js';

export interface ResumePoint {
  /** True where the server has everything up to the state's line. */
  readonly proven: boolean;
  /** The probe's own outcome, where it turned out to be new to this server. */
  readonly sent?: { readonly line: number; readonly outcome: BatchOutcome };
}

export async function proveResumePoint(
  plan: ImportPlan,
  state: ImportState,
  context: CliContext,
  sender: BatchSender,
  outcomes: OutcomeReader,
): Promise<ResumePoint> {
  const json = await lastAcknowledgedEvent(plan, state, context);
  if (json === undefined) return { proven: false };
  const probe = new EventBatch();
  probe.add(state.provenLine, json);
  const outcome = await sender.send(probe);
  for (const stored of outcome.stored.splice(0)) addOutcome(outcome, await outcomes.outcomeOf(stored));
  if (outcome.duplicate + outcome.conflict === 1) return { proven: true };
  // Another or an emptied server: everything is sent, except for this one event.
  return outcome.accepted === 1 ? { proven: false, sent: { line: state.provenLine, outcome } } : { proven: false };
}

/** Undefined where the file is not the one the state was written for. */
async function lastAcknowledgedEvent(
  plan: ImportPlan,
  state: ImportState,
  context: CliContext,
): Promise<string | undefined> {
  const chain = new LineChain();
  const decoder = new FormatDecoder(state.format, plan.source, plan.mapping);
  let json: string | undefined;
  let same = false;
  const splitter = new LineSplitter((bytes, length) => {
    if (chain.line >= state.chain.line) return;
    chain.add(bytes, length);
    if (chain.line === state.provenLine) {
      const decoded = decoder.decode(lineText(bytes), chain.id);
      if (decoded.ok) json = decoded.json;
    }
    if (chain.line === state.chain.line) same = sameChain(chain.state, state.chain);
  });
  const chunks = await openChunks(plan.file, context);
  try {
    for await (const chunk of chunks.chunks()) {
      splitter.push(chunk);
      if (chain.line >= state.chain.line || context.interrupt.aborted) break;
    }
    splitter.end();
  } finally {
    await chunks.close();
  }
  return same ? json : undefined;
}
