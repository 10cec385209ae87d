/** How the two tables and the wire can be watched. */

/** How a field line is written, RFC 7541 6: the numbers that taps report and indexing policies answer. */
export const Representation = {
  /** 6.1: a reference to a whole entry. */
  INDEXED: 0,
  /** 6.2.1: a literal that enters the dynamic table. */
  INCREMENTAL: 1,
  /** 6.2.2: a literal that does not enter the table. */
  WITHOUT_INDEXING: 2,
  /** 6.2.3: a literal that no intermediary may ever put into a table. */
  NEVER_INDEXED: 3,
} as const;

/** One of `Representation`. */
export type Representation = (typeof Representation)[keyof typeof Representation];

/**
 * Observer of one encoder or decoder. Called synchronously, in wire order, behind one null check; it must not throw and
 * must not call back into the coder.
 */
export interface HpackTap {
  /**
   * One field line was read or written. `index` is the table index it refers to (0: none), for an insertion as it was
   * before the insertion. `wireBytes` is its encoded size in octets. A decoder does not report the fields beyond its
   * limits, which it does not build.
   */
  onRepresentation(name: string, value: string, representation: Representation, index: number, wireBytes: number): void;
  /** An entry came in at the front of the dynamic table, which is now `tableSize` octets (RFC 7541 4.1). */
  onInsert(name: string, value: string, tableSize: number): void;
  /** The `count` oldest entries left the dynamic table, which is now `tableSize` octets. */
  onEvict(count: number, tableSize: number): void;
  /** The maximum size of the dynamic table was set by an update on the wire, octets (RFC 7541 6.3). */
  onResize(maxSize: number): void;
}
