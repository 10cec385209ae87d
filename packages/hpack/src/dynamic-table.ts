/** The dynamic table, RFC 7541 2.3.2 and 4: first in, first out, bounded by the sum of its entries' sizes. */

/** Octets that RFC 7541 4.1 adds to each entry for its overhead. */
export const ENTRY_OVERHEAD = 32;

/** Slots of a table's first allocation. */
const FIRST_CAPACITY = 8;

/** One field in a table. */
export class TableEntry {
  /** Octet string. */
  readonly name: string;
  /** Octet string. */
  readonly value: string;
  /** RFC 7541 4.1: octets of name and value plus 32. */
  readonly size: number;
  /** What the owner of the table noted about the field, 0..255. */
  readonly tag: number;

  constructor(name: string, value: string, tag: number) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + ENTRY_OVERHEAD;
    this.tag = tag;
  }
}

/**
 * A ring of entries, newest first. Nothing is allocated before the first insertion, and the ring only grows to the
 * number of entries it has held at once. The owner evicts before it inserts, so that it can note what leaves.
 */
export class DynamicTable<Entry extends TableEntry> {
  /** Number of entries. */
  length = 0;
  /** Sum of the entries' sizes, octets. */
  size = 0;
  /** Bound of `size`, octets (RFC 7541 4.2). */
  maxSize: number;

  private slots: (Entry | undefined)[] | null = null;
  /** Slots less one; their number is a power of two. */
  private mask = -1;
  /** Slot of the newest entry; counts on without bound modulo 2^32. */
  private head = -1;

  constructor(maxSize: number) {
    this.maxSize = maxSize;
  }

  /** The entry `age` places after the newest, 0..length-1. */
  at(age: number): Entry {
    return this.slots![(this.head - age) & this.mask]!;
  }

  /** Puts `entry` in front. The caller has evicted until it fits. */
  insert(entry: Entry): void {
    if (this.length > this.mask) this.grow();
    this.head = (this.head + 1) | 0;
    this.slots![this.head & this.mask] = entry;
    this.length++;
    this.size += entry.size;
  }

  /** Takes out the oldest entry. The table is not empty. */
  evictOldest(): Entry {
    const slots = this.slots!;
    const slot = (this.head - this.length + 1) & this.mask;
    const entry = slots[slot]!;
    slots[slot] = undefined;
    this.length--;
    this.size -= entry.size;
    return entry;
  }

  /** Lets go of everything. */
  clear(): void {
    this.slots = null;
    this.mask = -1;
    this.head = -1;
    this.length = 0;
    this.size = 0;
  }

  private grow(): void {
    const old = this.slots;
    const grown = new Array<Entry | undefined>(old === null ? FIRST_CAPACITY : old.length * 2).fill(undefined);
    for (let age = 0; age < this.length; age++) grown[this.length - 1 - age] = this.at(age);
    this.slots = grown;
    this.mask = grown.length - 1;
    this.head = this.length - 1;
  }
}
