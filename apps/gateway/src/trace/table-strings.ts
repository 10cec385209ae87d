/**
 * String numbers of a dynamic table's entries by index, so that an indexed field needs no look-up by content. The table
 * is followed only by counting insertions: an index says how many insertions ago the entry came in (RFC 7541 2.3.3).
 */

/** Entries of the static table, RFC 7541 Appendix A. */
export const STATIC_ENTRIES = 61;
/** Entries remembered; older ones are looked up by content. A table of 4096 octets has at most 128. */
const REMEMBERED = 128;
const NONE: Int32Array = new Int32Array(0);

/** One direction of one connection. */
export class TableStrings {
  /** Numbers of names and values in pairs, by insertion. 0: not known. */
  ids: Int32Array = NONE;
  private generation = 0;
  private inserted = 0;

  /** Call before a section: numbers of an earlier generation are forgotten. */
  renew(generation: number): void {
    if (this.generation === generation) return;
    this.generation = generation;
    this.ids.fill(0);
  }

  /** Where in `ids` the entry with this index above the static ones is, -1 when it is not remembered. */
  place(index: number): number {
    const ago = index - STATIC_ENTRIES;
    if (ago > REMEMBERED || ago > this.inserted) return -1;
    return 2 * ((this.inserted - ago) & (REMEMBERED - 1));
  }

  /** An entry came in; the numbers may be 0. */
  insert(name: number, value: number): void {
    // An idle connection needs none.
    if (this.ids === NONE) this.ids = new Int32Array(2 * REMEMBERED);
    const at = 2 * (this.inserted++ & (REMEMBERED - 1));
    this.ids[at] = name;
    this.ids[at + 1] = value;
  }
}
