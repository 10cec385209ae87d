/**
 * String numbers of a table's entries by index, so that an indexed field needs no look-up by content. The dynamic table
 * is followed only by counting insertions: an index says how many insertions ago the entry came in (RFC 7541 2.3.3).
 */

/** Entries of the static table, RFC 7541 Appendix A. */
const STATIC_ENTRIES = 61;
/** Entries remembered of a dynamic table; older ones are looked up by content. A table of 4096 octets has at most 128. */
const REMEMBERED = 256;

/** One direction of one connection. */
export class TableStrings {
  /** Numbers of names and values in pairs: first of static entries, then of dynamic ones by insertion. 0: not known. */
  readonly ids: Int32Array = new Int32Array(2 * (STATIC_ENTRIES + 1 + REMEMBERED));
  #generation = 0;
  #inserted = 0;

  /** Call before a section: numbers of an earlier generation are forgotten. */
  renew(generation: number): void {
    if (this.#generation === generation) return;
    this.#generation = generation;
    this.ids.fill(0);
  }

  /** Where in `ids` the entry with this index is, -1 when it is not remembered. */
  place(index: number): number {
    if (index <= STATIC_ENTRIES) return index * 2;
    const ago = index - STATIC_ENTRIES;
    if (ago > REMEMBERED || ago > this.#inserted) return -1;
    return 2 * (STATIC_ENTRIES + 1 + ((this.#inserted - ago) & (REMEMBERED - 1)));
  }

  /** An entry came in; the numbers may be 0. */
  insert(name: number, value: number): void {
    const at = 2 * (STATIC_ENTRIES + 1 + (this.#inserted++ & (REMEMBERED - 1)));
    this.ids[at] = name;
    this.ids[at + 1] = value;
  }
}
