/** What a dynamic table holds, followed from the field sections (RFC 7541 2.3.2, 4). */
import { type FieldSection, Representation, type TableEntry, type TableView } from '@glassway/inspector-protocol';

/** RFC 7541 4.1. */
const ENTRY_OVERHEAD = 32;
const DEFAULT_MAX_SIZE = 4096;

/** One direction's table of one connection. */
export class DynamicTable {
  // Oldest first, from `#start`.
  #entries: TableEntry[] = [];
  #start = 0;
  #size = 0;
  #maxSize: number = DEFAULT_MAX_SIZE;
  #complete = true;

  get maxSize(): number {
    return this.#maxSize;
  }

  /** Takes in the insertions of a section. */
  apply(section: FieldSection): void {
    if (section.fieldsOmitted > 0) this.#complete = false;
    for (const field of section.fields) {
      if (field.representation !== Representation.LITERAL_INDEXED) continue;
      const size = field.name.length + field.valueBytes + ENTRY_OVERHEAD;
      this.#size += size;
      this.#entries.push({ name: field.name, value: field.value, redacted: field.redacted, size });
      this.#evict();
    }
  }

  /** The maximum changed. */
  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    this.#evict();
  }

  /** Sections were lost, so nothing is known of the order any more; what comes in from now on is. */
  lost(): void {
    this.#entries = [];
    this.#start = 0;
    this.#size = 0;
    this.#complete = false;
  }

  #evict(): void {
    while (this.#size > this.#maxSize && this.#start < this.#entries.length) {
      this.#size -= this.#entries[this.#start++]!.size;
    }
    if (this.#start > 64 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  view(): TableView {
    return {
      maxSize: this.#maxSize,
      size: this.#size,
      complete: this.#complete,
      entries: this.#entries.slice(this.#start).reverse(),
    };
  }
}
