/** Where a delivery stands in the index that all stores keep: texts, ordered by endpoint, state and time. */
import type { DeliveryState, WebhookDelivery } from './webhook-delivery.js';

/** `open`: those that wait, by when they were made. */
export type DeliveryList = DeliveryState | 'open';

const DIGITS = 15;
/** Behind every digit and letter. */
const END = '~';

export function placesOf({ endpointId, state, at, id, createdAt }: WebhookDelivery): string[] {
  const own = placeText(endpointId, state, at, id);
  return state === 'waiting' ? [own, placeText(endpointId, 'open', createdAt, id)] : [own];
}

function placeText(endpointId: string, list: DeliveryList, at: number, id: string): string {
  return `${listStart(endpointId, list)}${String(at).padStart(DIGITS, '0')} ${id}`;
}

export function listStart(endpointId: string, list: DeliveryList): string {
  return `${endpointId} ${list} `;
}

export function listEnd(endpointId: string, list: DeliveryList, upTo?: number): string {
  const time = upTo === undefined ? '' : String(Math.floor(upTo)).padStart(DIGITS, '0');
  return `${listStart(endpointId, list)}${time}${END}`;
}

export function endpointEnd(endpointId: string): string {
  return `${endpointId} ${END}`;
}

export function placeParts(place: string): { readonly endpointId: string; readonly at: number; readonly id: string } {
  const [endpointId = '', , at = '', id = ''] = place.split(' ');
  return { endpointId, at: Number(at), id };
}
