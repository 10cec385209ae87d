/**
 * Heads written not long ago: the field lines of a section as numbers of strings. Clients and backends send few different
 * ones over and over, and then a section is written as the number of its head alone.
 */

/** Places; a head whose place another one took is written again. A power of two. */
const PLACES = 512;
/** Field lines of a head that is remembered; longer ones are written each time. */
const MAX_FIELDS = 32;
const WORDS = MAX_FIELDS * 4;

/** The writer's side of head numbers. They live for one generation of strings. */
export class KnownHeads {
  /** Number of the head looked for last; 0: it is none that is remembered. */
  number = 0;
  private readonly words = new Int32Array(PLACES * WORDS);
  private readonly hashes = new Int32Array(PLACES);
  private readonly counts = new Int32Array(PLACES);
  private readonly numbers = new Int32Array(PLACES);
  private generation = 0;
  private next = 1;

  /** True when this head was written before. If not, it gets a number, under which it will be known. */
  find(words: Int32Array, fields: number, hash: number, generation: number): boolean {
    if (generation !== this.generation) {
      this.generation = generation;
      this.numbers.fill(0);
    }
    if (fields > MAX_FIELDS || fields === 0) {
      this.number = 0;
      return false;
    }
    const place = (hash ^ (hash >>> 16)) & (PLACES - 1);
    const base = place * WORDS;
    const count = fields * 4;
    const own = this.words;
    if (this.numbers[place] !== 0 && this.hashes[place] === hash && this.counts[place] === count) {
      let i = 0;
      while (i < count && own[base + i] === words[i]) i++;
      if (i === count) {
        this.number = this.numbers[place]!;
        return true;
      }
    }
    for (let i = 0; i < count; i++) own[base + i] = words[i]!;
    this.hashes[place] = hash;
    this.counts[place] = count;
    // Numbers stay positive; no generation is long enough to meet its own beginning.
    this.next = this.next === 0x7fff_ffff ? 1 : this.next + 1;
    this.numbers[place] = this.next;
    this.number = this.next;
    return false;
  }
}
