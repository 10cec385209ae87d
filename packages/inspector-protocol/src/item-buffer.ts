/** Items of equal length of a FIELDS or EVENTS message, written one after the other. */

/** Octets of an item. */
export const ITEM_BYTES = 40;
/** Words of 32 bits of an item. */
export const ITEM_WORDS: number = ITEM_BYTES / 4;
const ROOM = 256;

/** Room for them, which is grown and never given back: it holds one message of some kilobytes. */
export class ItemBuffer {
  /** Items so far. */
  count = 0;
  /** All of the room as numbers of 64 bits; `next` may make another one. */
  f64: Float64Array<ArrayBuffer> = new Float64Array((ROOM * ITEM_BYTES) / 8);
  /** The same as words of 32 bits. */
  u32: Uint32Array<ArrayBuffer> = new Uint32Array(this.f64.buffer);

  /** One more: the word it begins with. What it held before is still in it. */
  next(): number {
    const word = this.count * ITEM_WORDS;
    if (word + ITEM_WORDS > this.u32.length) {
      const old = this.u32;
      this.f64 = new Float64Array(this.f64.length * 2);
      this.u32 = new Uint32Array(this.f64.buffer);
      this.u32.set(old);
    }
    this.count++;
    return word;
  }

  /** The words of all items. */
  get words(): Uint32Array<ArrayBuffer> {
    return this.u32.subarray(0, this.count * ITEM_WORDS);
  }
}
