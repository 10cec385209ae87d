import type { StreamRecord } from './stream.ts';

const FIRST_BITS = 3;

/**
 * Spreads stream numbers over the table (Knuth's multiplicative hashing). Different in every process: a peer that picks
 * its numbers must not be able to make them meet.
 */
const MULTIPLIER = (0x9e3779b1 ^ ((Math.random() * 0x1000_0000) << 1)) | 1;

/** The places of every table that has had no stream yet. */
const NO_STREAMS: (StreamRecord | null)[] = new Array(1 << FIRST_BITS).fill(null);

/**
 * Streams by number: open addressing with linear probing, at most half full. A `Map` would do the same, but each time it
 * rehashes it leaves its old table, which refers to the new one and to the streams of that moment: once one of these has
 * been promoted to the old generation, young collections keep everything behind it. Half the time of a busy server went
 * there.
 */
export class StreamTable {
  /** Streams in the table. */
  size = 0;
  private slots: (StreamRecord | null)[] = NO_STREAMS;
  private shift = 32 - FIRST_BITS;

  /** The stream with this number, undefined when there is none. */
  get(id: number): StreamRecord | undefined {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = Math.imul(id, MULTIPLIER) >>> this.shift;
    for (;;) {
      const stream = slots[at] as StreamRecord | null;
      if (stream === null) return undefined;
      if (stream.id === id) return stream;
      at = (at + 1) & mask;
    }
  }

  /** Adds a stream whose number is not in the table. */
  add(stream: StreamRecord): void {
    if (this.slots === NO_STREAMS) this.slots = NO_STREAMS.slice();
    if (++this.size * 2 > this.slots.length) this.grow();
    this.put(stream);
  }

  private put(stream: StreamRecord): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let at = Math.imul(stream.id, MULTIPLIER) >>> this.shift;
    while (slots[at] !== null) at = (at + 1) & mask;
    slots[at] = stream;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Array(old.length * 2).fill(null);
    this.shift--;
    for (const stream of old) if (stream !== null) this.put(stream);
  }

  /** Takes a stream out; does nothing when it is not in the table. */
  delete(id: number): void {
    const { slots, shift } = this;
    const mask = slots.length - 1;
    let hole = Math.imul(id, MULTIPLIER) >>> shift;
    for (;;) {
      const stream = slots[hole] as StreamRecord | null;
      if (stream === null) return;
      if (stream.id === id) break;
      hole = (hole + 1) & mask;
    }
    this.size--;
    // What was put further on because this place was taken moves back, so that no probe ends too early.
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at] as StreamRecord | null;
      if (stream === null) break;
      const home = Math.imul(stream.id, MULTIPLIER) >>> shift;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = stream;
      hole = at;
    }
    slots[hole] = null;
  }

  /** The streams of this moment, by ascending number. */
  values(): StreamRecord[] {
    const streams: StreamRecord[] = [];
    for (const stream of this.slots) if (stream !== null) streams.push(stream);
    return streams.sort((a, b) => a.id - b.id);
  }
}
