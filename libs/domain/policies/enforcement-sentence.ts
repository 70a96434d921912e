/** One sentence for the person who is held: what was measured, over which threshold, by which policy, until when. */
import type { Enforcement, EnforcementAction } from './enforcement.js';

export function enforcementSentence(enforcement: Enforcement): string {
  const { action, until, policyName, policyVersion, lifted, mode } = enforcement;
  const end = until === null ? 'until somebody lifts it' : `until ${instant(until)}`;
  const held = lifted ? `${DONE[action.type]}, lifted at ${instant(lifted.at)}` : `${DONE[action.type]} ${end}`;
  const said = `${held}${limitOf(action)}: ${measuredOf(enforcement)} (policy "${policyName}", version ${policyVersion}).`;
  return mode === 'on' ? said : `In shadow, without effect: ${said.charAt(0).toLowerCase()}${said.slice(1)}`;
}

/** What a blocked caller is told with the refusal. */
export function refusalSentence({ policyName, value, threshold, window }: Enforcement): string {
  const span = `${instant(window.start)} to ${instant(window.end)}`;
  return `Policy "${policyName}": ${value} exceeded the threshold of ${threshold} (${window.kind} window, ${span}).`;
}

const DONE = { warn: 'Warned', throttle: 'Throttled', suspend: 'Suspended', revoke: 'Revoked' } as const;

function limitOf(action: EnforcementAction): string {
  return action.type === 'throttle' ? ` to ${action.limit} uses in ${action.windowMs / 1000} s` : '';
}

function measuredOf({ measure, value, threshold, window }: Enforcement): string {
  const name = measure === undefined ? 'the value' : `"${measure}"`;
  return `${name} was ${number(value)} and may be ${number(threshold)}, from ${instant(window.start)} to ${instant(window.end)}`;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}
