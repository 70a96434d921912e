import type { PlacedEvent } from '#domain/events/usage-event.js';
import { encodeRow } from '#domain/events/usage-row.js';
import type { UsageStore } from '#ports/usage-store.js';

/** One block per day of acceptance, as the consumer makes them. */
export async function insertByDay(store: UsageStore, events: readonly PlacedEvent[]): Promise<void> {
  const days = new Map<string, PlacedEvent[]>();
  for (const event of events) {
    const day = new Date(event.acceptedAt).toISOString().slice(0, 10);
    days.set(day, [...(days.get(day) ?? []), event]);
  }
  for (const [acceptedDay, members] of days) {
    const rows = Buffer.from(members.map((event) => `${placedRow(event)}\n`).join(''));
    const range = { partition: 0, first: 0, next: 0 };
    await store.insert({ range, token: acceptedDay, acceptedDay, count: members.length, rows });
  }
}

function placedRow(event: PlacedEvent): string {
  const { partition, offset, index, acceptedAt } = event;
  return `{"partition":${partition},"offset":${offset},"idx":${index},"accepted_at":${acceptedAt},${encodeRow(event).slice(1)}`;
}
