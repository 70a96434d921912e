import { SLOT, SLOT_DIGITS } from './load-plan.js';

/** Hands out the bytes of the next request. Requests with slots are copied once per connection and numbered in place. */
export class RequestSource {
  readonly #templates: { bytes: Buffer; slots: number[] }[];
  readonly #copies = new Map<number, Buffer>();
  #next = 0;

  /** `first` keeps the numbers of several runs apart. */
  constructor(
    requests: readonly string[],
    private readonly first: number,
  ) {
    this.#templates = requests.map((text) => ({ bytes: Buffer.from(text), slots: slotsOf(Buffer.from(text)) }));
  }

  /** The buffer stays the connection's own until its answer is there. */
  nextFor(connection: number): Buffer {
    const sequence = this.#next++;
    const which = sequence % this.#templates.length;
    const template = this.#templates[which] as { bytes: Buffer; slots: number[] };
    if (template.slots.length === 0) return template.bytes;
    const copy = this.#copyFor(connection * this.#templates.length + which, template.bytes);
    const digits = String(this.first + sequence).padStart(SLOT_DIGITS, '0');
    for (const at of template.slots) copy.write(digits, at, 'latin1');
    return copy;
  }

  #copyFor(key: number, bytes: Buffer): Buffer {
    let copy = this.#copies.get(key);
    if (!copy) {
      copy = Buffer.from(bytes);
      this.#copies.set(key, copy);
    }
    return copy;
  }
}

function slotsOf(bytes: Buffer): number[] {
  const slots: number[] = [];
  for (let at = bytes.indexOf(SLOT); at >= 0; at = bytes.indexOf(SLOT, at + SLOT.length)) slots.push(at);
  return slots;
}
