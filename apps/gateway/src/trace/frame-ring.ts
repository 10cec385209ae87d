/** The ring of frame records: one writer, any number of readers that are only positions. */
import { RECORD_BYTES, RECORD_WORDS, RecordWriter } from '@glassway/inspector-protocol';
import { Control, type SharedFrames, type SharedTrace } from './shared.ts';

/** The writer may be this many records ahead of what it has published. */
export const MAX_UNPUBLISHED_RECORDS = 64;
/** Readers stay this far from the writer's back, twice what it may have written unseen. */
const GUARD_RECORDS = 2 * MAX_UNPUBLISHED_RECORDS;

/** The writing end. */
export class FrameRing extends RecordWriter {
  /** Records ever written: the position of the next. */
  position = 0;
  /** Place of the next record in the ring. */
  index = 0;
  /** The time that records get, microseconds: one number. */
  readonly time: Float64Array = new Float64Array(1);
  private readonly control: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(shared: SharedTrace) {
    super(shared.frames, 0, shared.frames.byteLength / RECORD_BYTES);
    this.control = new Int32Array(shared.control);
    this.bytes = new Uint8Array(shared.frames);
  }

  /**
   * Writes the next record. Its time is taken from `time`: handed over as an argument it would be put on the heap, where
   * all other arguments are small integers.
   */
  append(
    connection: number,
    stream: number,
    length: number,
    type: number,
    flags: number,
    mark: number,
    ref: number,
    connectionWindow: number,
    streamWindow: number,
    aux: number,
  ): void {
    const { index } = this;
    const seq = this.position++ | 0;
    this.write(index, 0, seq, connection, stream, length, type, flags, mark, ref, connectionWindow, streamWindow, aux);
    this.stamp(index, this.time[0]!);
    this.index = index + 1 === this.capacity ? 0 : index + 1;
  }

  /** Adds a mark to a record that is written but not yet published. */
  mark(index: number, mark: number): void {
    this.bytes[index * RECORD_BYTES + 25]! |= mark;
  }

  /** Lets readers see everything written so far. */
  publish(): void {
    Atomics.store(this.control, Control.FRAMES, this.position | 0);
  }
}

/** The reading end: copies ranges out and notices when they were overwritten meanwhile. */
export class FrameRingReader {
  /** Records the ring holds. */
  readonly capacity: number;
  readonly #control: Int32Array;
  readonly #words: Uint32Array;
  #head = 0;

  constructor(shared: SharedFrames) {
    this.capacity = shared.frames.byteLength / RECORD_BYTES;
    this.#control = new Int32Array(shared.control);
    this.#words = new Uint32Array(shared.frames);
  }

  /** Records published so far. Right as long as it is asked at least once per 2^32 records. */
  head(): number {
    this.#head += (Atomics.load(this.#control, Control.FRAMES) - (this.#head >>> 0)) >>> 0;
    return this.#head;
  }

  /** The oldest position that may still be read. */
  oldest(): number {
    return Math.max(0, this.head() - this.capacity + GUARD_RECORDS);
  }

  /** Copies `count` records from position `from` to the start of `target`. False: some were overwritten, try again from `oldest()`. */
  copy(from: number, count: number, target: Uint32Array): boolean {
    if (from < this.oldest()) return false;
    const start = from % this.capacity;
    const first = Math.min(count, this.capacity - start);
    target.set(this.#words.subarray(start * RECORD_WORDS, (start + first) * RECORD_WORDS), 0);
    if (first < count) target.set(this.#words.subarray(0, (count - first) * RECORD_WORDS), first * RECORD_WORDS);
    return from >= this.oldest();
  }
}
