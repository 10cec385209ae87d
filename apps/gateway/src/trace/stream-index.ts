/**
 * Rows of open streams by stream identifier. Streams come and go with every request, which a `Map` pays for by growing
 * and rehashing all the time; this is open addressing over integers, and identifiers that follow each other never meet.
 * One identifier stands beside the table: a connection of HTTP/1.1 has no other, and so no table.
 */

const LEAST = 8;
const NONE: Int32Array = new Int32Array(0);

/** A map from identifiers (1..2^31-1) to rows. */
export class StreamIndex {
  // Identifier and row in pairs; identifier 0: free.
  private cells: Int32Array = NONE;
  private mask = -1;
  private count = 0;
  // The identifier beside the table, 0: none.
  private single = 0;
  private singleRow = -1;

  /** Identifiers in it. */
  get size(): number {
    return this.single === 0 ? this.count : this.count + 1;
  }

  /** The row, -1 when there is none. */
  get(id: number): number {
    if (id === this.single) return this.singleRow;
    const { cells, mask } = this;
    if (this.count === 0) return -1;
    for (let at = (id >>> 1) & mask; ; at = (at + 1) & mask) {
      const found = cells[2 * at]!;
      if (found === id) return cells[2 * at + 1]!;
      if (found === 0) return -1;
    }
  }

  /** Adds an identifier that is not in it. */
  add(id: number, row: number): void {
    if (this.single === 0) {
      this.single = id;
      this.singleRow = row;
      return;
    }
    this.put(id, row);
  }

  private put(id: number, row: number): void {
    if (2 * (this.count + 1) > this.mask + 1) this.resize(Math.max(LEAST, 2 * (this.mask + 1)));
    const { cells, mask } = this;
    let at = (id >>> 1) & mask;
    while (cells[2 * at] !== 0) at = (at + 1) & mask;
    cells[2 * at] = id;
    cells[2 * at + 1] = row;
    this.count++;
  }

  /** Takes an identifier out, if it is in. */
  delete(id: number): void {
    if (id === this.single) {
      this.single = 0;
      this.singleRow = -1;
      return;
    }
    if (this.count === 0) return;
    const { cells, mask } = this;
    let hole = (id >>> 1) & mask;
    while (cells[2 * hole] !== id) {
      if (cells[2 * hole] === 0) return;
      hole = (hole + 1) & mask;
    }
    // Whoever stands behind the hole and would have stood in it or before moves up, so that every search still finds.
    for (let at = (hole + 1) & mask; cells[2 * at] !== 0; at = (at + 1) & mask) {
      const home = (cells[2 * at]! >>> 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      cells[2 * hole] = cells[2 * at]!;
      cells[2 * hole + 1] = cells[2 * at + 1]!;
      hole = at;
    }
    cells[2 * hole] = 0;
    this.count--;
  }

  /** Identifiers and rows as they are now, in no order. */
  entries(): [id: number, row: number][] {
    const found = this.inTable();
    if (this.single !== 0) found.push([this.single, this.singleRow]);
    return found;
  }

  private inTable(): [id: number, row: number][] {
    const found: [number, number][] = [];
    for (let at = 0; at <= this.mask; at++) {
      if (this.cells[2 * at] !== 0) found.push([this.cells[2 * at]!, this.cells[2 * at + 1]!]);
    }
    return found;
  }

  private resize(places: number): void {
    const old = this.inTable();
    this.cells = new Int32Array(2 * places);
    this.mask = places - 1;
    this.count = 0;
    for (const [id, row] of old) this.put(id, row);
  }
}
