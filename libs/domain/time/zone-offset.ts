/** Offsets of IANA time zones from UTC, by the runtime's own zone data. */

const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,3}$/;
const MAX_NAME_CHARS = 64;
const MAX_ZONES = 700; // more than the zone database has names
/** Within one slot an offset that is the same at both ends is taken to hold in between. */
const SLOT_MS = 15 * 60_000;
const MAX_SLOTS = 4096;

interface Zone {
  readonly name: string;
  readonly format: Intl.DateTimeFormat;
  /** Slot number → offset in ms, or null for a slot in which the offset changes. */
  readonly slots: Map<number, number | null>;
}

const zones = new Map<string, Zone>([['UTC', { name: 'UTC', format: new Intl.DateTimeFormat(), slots: new Map() }]]);

/** The zone's canonical name, or undefined when the runtime knows no such zone. */
export function canonicalZone(zone: string): string | undefined {
  return findZone(zone)?.name;
}

/** Ms to add to UTC to get the zone's wall clock at that instant. Throws RangeError for an unknown zone. */
export function zoneOffset(timeMs: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const known = findZone(zone);
  if (!known) throw new RangeError(`unknown time zone ${zone}`);
  if (known.name === 'UTC') return 0;
  const slot = Math.floor(timeMs / SLOT_MS);
  const cached = known.slots.get(slot) ?? fillSlot(known, slot);
  return cached ?? measureOffset(timeMs, known.format);
}

/** As `zoneOffset`, for instants that nobody asks for again. */
export function measuredOffset(timeMs: number, zone: string): number {
  const known = findZone(zone);
  if (!known) throw new RangeError(`unknown time zone ${zone}`);
  return known.name === 'UTC' ? 0 : measureOffset(timeMs, known.format);
}

function fillSlot(zone: Zone, slot: number): number | null {
  if (zone.slots.has(slot)) return null;
  const first = measureOffset(slot * SLOT_MS, zone.format);
  const last = measureOffset((slot + 1) * SLOT_MS - 1, zone.format);
  if (zone.slots.size >= MAX_SLOTS) zone.slots.clear();
  const offset = first === last ? first : null;
  zone.slots.set(slot, offset);
  return offset;
}

function measureOffset(timeMs: number, format: Intl.DateTimeFormat): number {
  const wall = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of format.formatToParts(timeMs)) {
    if (type in wall) wall[type as keyof typeof wall] = Number(value);
  }
  const wallMs = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  return wallMs - Math.floor(timeMs / 1000) * 1000;
}

function findZone(zone: string): Zone | undefined {
  const known = zones.get(zone);
  if (known) return known;
  if (zone.length > MAX_NAME_CHARS || !ZONE_NAME.test(zone)) return undefined;
  const format = wallClock(zone);
  if (!format) return undefined;
  if (zones.size >= MAX_ZONES) zones.clear(); // spellings differ by case, so names alone do not bound the cache
  const found = { name: canonicalName(format), format, slots: new Map<number, number | null>() };
  zones.set(zone, found);
  return found;
}

function wallClock(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined; // RangeError: the runtime's way to say that it knows no such zone
  }
}

/** Older runtimes call UTC by its aliases. */
function canonicalName(format: Intl.DateTimeFormat): string {
  const { timeZone } = format.resolvedOptions();
  return /^(Etc\/)?(UTC|GMT|UCT|Zulu|Greenwich|Universal)$/.test(timeZone) ? 'UTC' : timeZone;
}
