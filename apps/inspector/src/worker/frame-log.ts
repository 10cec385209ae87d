/**
 * The log of frames as typed-array columns. A row number counts frames since the page was opened and never changes, so
 * a selection survives whatever is overwritten; the slot of a row is its number modulo the capacity.
 */
import { FRAMES_HEADER_BYTES, FrameColumns, type FramesHeader, RECORD_BYTES } from '@glassway/inspector-protocol';

/** Rows kept, oldest overwritten first; about 55 octets each. */
export const LOG_ROWS: number = 1 << 20;

/** The columns and the arithmetic of rows. Columns are read by slot: `log.columns.type[log.slot(row)]`. */
export class FrameLog {
  readonly columns: FrameColumns;
  /** The row the next frame gets. */
  end = 0;
  readonly capacity: number;
  readonly #mask: number;
  #cleared = 0;

  /** `capacity` rows, a power of two. */
  constructor(capacity: number = LOG_ROWS) {
    if (capacity < 1 || (capacity & (capacity - 1)) !== 0) throw new RangeError('capacity must be a power of two');
    this.columns = new FrameColumns(capacity);
    this.capacity = capacity;
    this.#mask = capacity - 1;
  }

  /** The oldest row that is kept. */
  get first(): number {
    return Math.max(this.#cleared, this.end - this.capacity);
  }

  /** Rows kept. */
  get size(): number {
    return this.end - this.first;
  }

  /** Where in the columns a row is. */
  slot(row: number): number {
    return row & this.#mask;
  }

  /** True while the row has not been overwritten or cleared. */
  has(row: number): boolean {
    return row >= this.first && row < this.end;
  }

  /**
   * Takes in the records of a FRAMES message from log position `position` on; earlier ones are known already, as after
   * a reconnect. Returns how many were new.
   */
  append(message: ArrayBuffer, header: FramesHeader, position: number): number {
    const skipped = Math.min(header.count, Math.max(0, knownRecords(message, header, position)));
    // More than the log holds at once: only the newest can stay.
    const fresh = header.count - skipped;
    const surplus = Math.max(0, fresh - this.capacity);
    const offset = FRAMES_HEADER_BYTES + (skipped + surplus) * RECORD_BYTES;
    this.end += surplus;
    this.columns.append(this.slot(this.end), message, offset, fresh - surplus, header.from);
    this.end += fresh - surplus;
    return fresh;
  }

  /** The first row at or after time `t`; the end when there is none. Records are in the order of their times. */
  rowAt(t: number): number {
    let low = this.first;
    let high = this.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.columns.t[this.slot(middle)]! < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets all rows; numbering goes on. */
  clear(): void {
    this.#cleared = this.end;
  }
}

/* Records are in order of position: those below `position` are a prefix. */
function knownRecords(message: ArrayBuffer, header: FramesHeader, position: number): number {
  if (position <= header.from) return 0;
  const words = new Uint32Array(message, FRAMES_HEADER_BYTES);
  const low = header.from >>> 0;
  let known = 0;
  while (known < header.count) {
    const seq = header.from + ((words[known * (RECORD_BYTES / 4) + 2]! - low) >>> 0);
    if (seq >= position) break;
    known++;
  }
  return known;
}
