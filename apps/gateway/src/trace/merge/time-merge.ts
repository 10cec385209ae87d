/**
 * Several logs become one in the order of time. Each is in order itself and arrives in pieces, now from one, now from
 * another; so what is newer than a horizon waits a moment for what may still come, up to a number of octets.
 */
import { RECORD_WORDS } from '@glassway/inspector-protocol';

/** Something with a first and a last moment that is taken from its beginning. */
export interface TimedQueue {
  /** Time of the first; `-Infinity`: it must not wait, `Infinity`: there is none. */
  readonly headTime: number;
  /** Time of the last; `-Infinity` when there is none. */
  readonly tailTime: number;
  /** More waits than may. */
  readonly isFull: boolean;
}

/**
 * Takes from the queues, oldest first, what is not newer than `horizon`. `take` takes from a queue what is not newer than
 * `until`, one at least. A full queue does not wait: then all that is as old as its last is taken.
 */
export function mergeByTime<Q extends TimedQueue>(
  queues: readonly Q[],
  horizon: number,
  take: (queue: Q, until: number) => void,
): void {
  let end = horizon;
  for (const queue of queues) if (queue.isFull) end = Math.max(end, queue.tailTime);
  for (;;) {
    let first: Q | null = null;
    let head = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const queue of queues) {
      const t = queue.headTime;
      if (t < head) {
        next = head;
        head = t;
        first = queue;
      } else if (t < next) next = t;
    }
    if (first === null || head > end) return;
    take(first, Math.min(next, end));
  }
}

/** Records of one FRAMES message, or the word that some will not come. */
interface Batch<D> {
  readonly words: Uint32Array;
  readonly times: Float64Array;
  /** Records; 0: `lost`. */
  readonly count: number;
  /** Log position of the first. */
  readonly from: number;
  /** The position after; acknowledge with it when all are taken. */
  readonly to: number;
  readonly bytes: number;
  readonly lost: D | null;
}

const NO_WORDS = new Uint32Array(0);
const NO_TIMES = new Float64Array(0);

/** Frames of one log that wait. `D`: how it is told that some are lost. */
export class FrameQueue<D> implements TimedQueue {
  /** Everything before was taken, or is known to be lost. */
  taken = 0;
  /** Everything before is here, was taken, or is known to be lost. */
  end = 0;
  /** Octets that may wait. */
  maxBytes: number = Number.POSITIVE_INFINITY;
  #bytes = 0;
  readonly #batches: Batch<D>[] = [];
  // Records taken of the first batch.
  #used = 0;

  /** The log begins, or begins again, at this position. */
  begin(position: number): void {
    this.taken = position;
    this.end = position;
  }

  /** Adds a FRAMES message's records from number `first` of them on; `from`: the log position of that one. */
  add(message: ArrayBuffer, byteOffset: number, first: number, count: number, from: number, to: number): void {
    const at = byteOffset + first * RECORD_WORDS * 4;
    const bytes = count * RECORD_WORDS * 4;
    const words = new Uint32Array(message, at, count * RECORD_WORDS);
    const times = new Float64Array(message, at, (count * RECORD_WORDS) / 2);
    this.#batches.push({ words, times, count, from, to, bytes, lost: null });
    this.#bytes += bytes;
    this.end = to;
  }

  /** Adds the word that what lies between two positions will not come. */
  addLost(lost: D, from: number, to: number): void {
    this.#batches.push({ words: NO_WORDS, times: NO_TIMES, count: 0, from, to, bytes: 0, lost });
    this.end = to;
  }

  get isFull(): boolean {
    return this.#bytes > this.maxBytes;
  }

  get headTime(): number {
    const [first] = this.#batches;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return first.count === 0 ? Number.NEGATIVE_INFINITY : first.times[this.#used * (RECORD_WORDS / 2)]!;
  }

  get tailTime(): number {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const { count, times } = this.#batches[i]!;
      if (count > 0) return times[(count - 1) * (RECORD_WORDS / 2)]!;
    }
    return Number.NEGATIVE_INFINITY;
  }

  /** Takes a run of records not newer than `until`, one at least, or the word of a loss. */
  take(until: number, run: (words: Uint32Array, first: number, count: number, from: number) => void): D | null {
    const batch = this.#batches[0]!;
    if (batch.count === 0) {
      this.#shift(batch);
      return batch.lost;
    }
    const start = this.#used;
    let end = start + 1;
    while (end < batch.count && batch.times[end * (RECORD_WORDS / 2)]! <= until) end++;
    this.#used = end;
    run(batch.words, start, end - start, batch.from + start);
    if (end === batch.count) this.#shift(batch);
    else this.taken = batch.from + end;
    return null;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#batches.length = 0;
    this.#used = 0;
    this.#bytes = 0;
  }

  #shift(batch: Batch<D>): void {
    this.#batches.shift();
    this.#used = 0;
    this.#bytes -= batch.bytes;
    this.taken = batch.to;
  }
}

/** Sections or events of one log that wait. */
export class ItemQueue<T extends { readonly t: number }> implements TimedQueue {
  /** Everything before was taken, or is known to be lost. */
  taken = 0;
  /** Octets that may wait. */
  maxBytes: number = Number.POSITIVE_INFINITY;
  #bytes = 0;
  readonly #batches: {
    readonly items: readonly T[];
    readonly lost: number;
    readonly to: number;
    readonly bytes: number;
  }[] = [];
  #used = 0;

  /** The log begins, or begins again, at this position. */
  begin(position: number): void {
    this.taken = position;
  }

  /** Adds a message of so many octets. */
  add(items: readonly T[], to: number, bytes: number): void {
    this.#batches.push({ items, lost: 0, to, bytes });
    this.#bytes += bytes;
  }

  /** Adds the word that so many will not come. */
  addLost(lost: number, to: number): void {
    this.#batches.push({ items: [], lost, to, bytes: 0 });
  }

  get isFull(): boolean {
    return this.#bytes > this.maxBytes;
  }

  get headTime(): number {
    const [first] = this.#batches;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return first.items[this.#used]?.t ?? Number.NEGATIVE_INFINITY;
  }

  get tailTime(): number {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const { items } = this.#batches[i]!;
      if (items.length > 0) return items[items.length - 1]!.t;
    }
    return Number.NEGATIVE_INFINITY;
  }

  /** Takes the first; a number: so many are lost. */
  take(): T | number {
    const batch = this.#batches[0]!;
    const item = batch.items[this.#used++];
    if (this.#used >= batch.items.length) {
      this.#batches.shift();
      this.#used = 0;
      this.#bytes -= batch.bytes;
      this.taken = batch.to;
    }
    return item ?? batch.lost;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#batches.length = 0;
    this.#used = 0;
    this.#bytes = 0;
  }
}
