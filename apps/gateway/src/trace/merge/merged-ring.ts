import { RECORD_BYTES, RECORD_WORDS } from '@glassway/inspector-protocol';
import { Control, type SharedFrames } from '../shared.ts';

const SEQ = 2;

/** The writing end of the merged log: whole records that were made elsewhere, numbered anew. */
export class MergedRing {
  /** Records ever written: the position of the next. */
  position = 0;
  readonly #capacity: number;
  readonly #words: Uint32Array;
  readonly #control: Int32Array;

  constructor(shared: SharedFrames) {
    this.#capacity = shared.frames.byteLength / RECORD_BYTES;
    this.#words = new Uint32Array(shared.frames);
    this.#control = new Int32Array(shared.control);
  }

  /** Writes `count` records of `words`, from number `first` of them on. At most as many as the ring holds. */
  append(words: Uint32Array, first: number, count: number): void {
    for (let done = 0; done < count; ) {
      const place = this.position % this.#capacity;
      const part = Math.min(count - done, this.#capacity - place);
      const target = place * RECORD_WORDS;
      const source = (first + done) * RECORD_WORDS;
      this.#words.set(words.subarray(source, source + part * RECORD_WORDS), target);
      for (let i = 0; i < part; i++) this.#words[target + i * RECORD_WORDS + SEQ] = (this.position + i) | 0;
      this.position += part;
      done += part;
    }
  }

  /** Leaves positions out: those of records that are lost. */
  skip(count: number): void {
    this.position += count;
  }

  /** Lets the reader see everything written so far. */
  publish(): void {
    Atomics.store(this.#control, Control.FRAMES, this.position | 0);
  }
}
