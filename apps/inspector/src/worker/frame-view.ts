/**
 * The rows of the log that one grid shows, kept up to date as frames come in: a filter, and the folding of consecutive
 * DATA frames of one stream and direction into one entry. Entries are numbered from the beginning of the view; those
 * whose rows were overwritten fall off the front.
 */
import { FrameType } from '@glassway/inspector-protocol';
import type { FrameLog } from './frame-log.ts';
import type { Matcher } from './frame-match.ts';

/** One entry: a row, or a folded run of them. */
export interface Entry {
  /** Number of the entry within the view. */
  readonly ordinal: number;
  readonly firstRow: number;
  readonly lastRow: number;
  /** Frames in the entry. */
  readonly count: number;
  /** Payload octets of the entry. */
  readonly octets: number;
}

const FIRST_ENTRIES = 4096;

/** An incrementally maintained selection of a `FrameLog`'s rows. */
export class FrameView {
  readonly #log: FrameLog;
  readonly #match: Matcher;
  readonly #fold: boolean;
  #firstRows = new Uint32Array(FIRST_ENTRIES);
  #lastRows = new Uint32Array(FIRST_ENTRIES);
  #counts = new Uint32Array(FIRST_ENTRIES);
  #octets = new Float64Array(FIRST_ENTRIES);
  /* Entries live in [#head, #tail) of the arrays; #base is the ordinal of the one at #head. */
  #head = 0;
  #tail = 0;
  #base = 0;
  #seen: number;

  /** Selects from the rows the log holds below row `limit` and, at every `update`, from those that came since. */
  constructor(log: FrameLog, match: Matcher, fold: boolean, limit: number = log.end) {
    this.#log = log;
    this.#match = match;
    this.#fold = fold;
    this.#seen = log.first;
    this.update(limit);
  }

  /** Ordinal of the oldest entry kept. */
  get base(): number {
    return this.#base;
  }

  /** Entries kept. */
  get size(): number {
    return this.#tail - this.#head;
  }

  /** Takes in new rows below row `limit`, and lets go of overwritten ones and of those from `limit` on. */
  update(limit: number = this.#log.end): void {
    const log = this.#log;
    const first = log.first;
    while (this.#head < this.#tail && this.#lastRows[this.#head]! < first) {
      this.#head++;
      this.#base++;
    }
    if (limit < this.#seen) this.#rewind(limit);
    for (let row = Math.max(this.#seen, first); row < limit; row++) {
      const slot = log.slot(row);
      if (this.#match(log, slot)) this.#add(row, slot);
    }
    this.#seen = Math.max(this.#seen, limit);
  }

  /* Lets go of the entries that end at or after row `limit`; what of them is before it is to be taken in again. */
  #rewind(limit: number): void {
    this.#seen = limit;
    while (this.#tail > this.#head && this.#lastRows[this.#tail - 1]! >= limit) {
      this.#tail--;
      this.#seen = Math.min(this.#seen, this.#firstRows[this.#tail]!);
    }
  }

  /** The entry at an index from the oldest kept, 0 to `size - 1`. */
  at(index: number): Entry {
    if (index < 0 || index >= this.size) throw new RangeError(`entry ${index} of ${this.size}`);
    const at = this.#head + index;
    return {
      ordinal: this.#base + index,
      firstRow: Math.max(this.#firstRows[at]!, this.#log.first),
      lastRow: this.#lastRows[at]!,
      count: this.#counts[at]!,
      octets: this.#octets[at]!,
    };
  }

  /** Rows of the log from `from` to before `to` that are in this view, folded or not. */
  *rows(from: number, to: number): Generator<number> {
    const log = this.#log;
    for (let row = Math.max(from, log.first); row < Math.min(to, this.#seen); row++) {
      if (this.#match(log, log.slot(row))) yield row;
    }
  }

  /** Index of the entry that holds `row`, or of the next one after it. */
  indexOf(row: number): number {
    let low = this.#head;
    let high = this.#tail;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#lastRows[middle]! < row) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }

  #add(row: number, slot: number): void {
    const log = this.#log;
    if (this.#fold && this.#tail > this.#head && log.columns.type[slot] === FrameType.DATA) {
      const before = this.#tail - 1;
      const other = log.slot(this.#lastRows[before]!);
      if (
        log.columns.type[other] === FrameType.DATA &&
        log.columns.stream[other] === log.columns.stream[slot] &&
        log.columns.connection[other] === log.columns.connection[slot] &&
        log.columns.direction[other] === log.columns.direction[slot]
      ) {
        this.#lastRows[before] = row;
        this.#counts[before]!++;
        this.#octets[before]! += log.columns.length[slot]!;
        return;
      }
    }
    if (this.#tail === this.#firstRows.length) this.#makeRoom();
    const at = this.#tail++;
    this.#firstRows[at] = row;
    this.#lastRows[at] = row;
    this.#counts[at] = 1;
    this.#octets[at] = log.columns.length[slot]!;
  }

  /* Half the space wasted at the front: move down. Otherwise double. */
  #makeRoom(): void {
    const size = this.size;
    const room = this.#head >= this.#firstRows.length / 2 ? this.#firstRows.length : this.#firstRows.length * 2;
    this.#firstRows = moved(this.#firstRows, new Uint32Array(room), this.#head, this.#tail);
    this.#lastRows = moved(this.#lastRows, new Uint32Array(room), this.#head, this.#tail);
    this.#counts = moved(this.#counts, new Uint32Array(room), this.#head, this.#tail);
    this.#octets = moved(this.#octets, new Float64Array(room), this.#head, this.#tail);
    this.#head = 0;
    this.#tail = size;
  }
}

function moved<T extends Uint32Array | Float64Array>(from: T, to: T, start: number, end: number): T {
  to.set(from.subarray(start, end));
  return to;
}
