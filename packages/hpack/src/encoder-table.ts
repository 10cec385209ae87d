/** The encoder's dynamic table with its look-up by name and value. */

import { DynamicTable, TableEntry } from './dynamic-table.ts';
import { STATIC_TABLE_LENGTH, type StaticName } from './static-table.ts';

/**
 * Entries of one name that are compared before a value counts as absent. A table full of one name would otherwise make
 * each field a walk through all of it; missing an older entry only costs octets.
 */
const MAX_COMPARED = 64;

/** An entry with its place among the entries of the same name. */
export class IndexedEntry extends TableEntry {
  /** Number of insertions before this one, from which its present index follows. */
  readonly serial: number;
  /** What the static table has for the name. */
  readonly known: StaticName | undefined;
  /** Neighbours in the chain of entries with this name. */
  newer: IndexedEntry | null = null;
  older: IndexedEntry | null;

  constructor(name: string, value: string, serial: number, known: StaticName | undefined, older: IndexedEntry | null) {
    super(name, value, 0);
    this.serial = serial;
    this.known = known;
    this.older = older;
  }
}

/** Static names are numbered by their index, so that no second look-up by string is needed for them. */
const HEADS = STATIC_TABLE_LENGTH + 1;

/** A dynamic table that knows its newest entry of each name. */
export class EncoderTable extends DynamicTable<IndexedEntry> {
  /** Changes so far: what was encoded means the same as long as this stays the same. */
  revision = 0;
  private inserted = 0;
  private staticHeads: (IndexedEntry | null)[] | null = null;
  private heads: Map<string, IndexedEntry> | null = null;

  /** The newest entry with this name; `known` is what the static table has for it. */
  newestOf(name: string, known: StaticName | undefined): IndexedEntry | null {
    if (known !== undefined) return this.staticHeads === null ? null : this.staticHeads[known.index]!;
    return this.heads?.get(name) ?? null;
  }

  /** Present index of the newest entry with this value from `newest` on, 0 when none of those compared has it. */
  indexWith(newest: IndexedEntry, value: string): number {
    let entry: IndexedEntry | null = newest;
    for (let compared = 0; entry !== null && compared < MAX_COMPARED; compared++) {
      if (entry.value === value) return this.indexOf(entry);
      entry = entry.older;
    }
    return 0;
  }

  /** Present index of an entry of this table, 62 or above (RFC 7541 2.3.3). */
  indexOf(entry: IndexedEntry): number {
    return STATIC_TABLE_LENGTH + this.inserted - entry.serial;
  }

  /** Evicts until a new entry of `size` octets fits and returns how many had to go. */
  makeRoom(size: number): number {
    let evicted = 0;
    while (this.size + size > this.maxSize && this.length > 0) {
      this.unlink(this.evictOldest());
      evicted++;
    }
    return evicted;
  }

  /** Puts a field in front; `makeRoom` has been called. */
  add(name: string, value: string, known: StaticName | undefined): void {
    this.revision++;
    const older = this.newestOf(name, known);
    const entry = new IndexedEntry(name, value, this.inserted++, known, older);
    if (older !== null) older.newer = entry;
    this.setNewest(name, known, entry);
    this.insert(entry);
  }

  override clear(): void {
    super.clear();
    this.staticHeads = null;
    this.heads = null;
  }

  // The oldest entry of all is also the oldest of its name, the last of its chain.
  private unlink(entry: IndexedEntry): void {
    if (entry.newer !== null) entry.newer.older = null;
    else if (entry.known !== undefined) this.staticHeads![entry.known.index] = null;
    else this.heads!.delete(entry.name);
  }

  private setNewest(name: string, known: StaticName | undefined, entry: IndexedEntry): void {
    if (known !== undefined) {
      this.staticHeads ??= new Array<IndexedEntry | null>(HEADS).fill(null);
      this.staticHeads[known.index] = entry;
    } else {
      this.heads ??= new Map();
      this.heads.set(name, entry);
    }
  }
}
