/**
 * What is followed of the bodies of open streams, by row of the table of streams: how much of them has been sampled, and
 * where the messages of gRPC begin and end. Nothing is kept of a body but the five octets of a prefix, one by one.
 */
import { EntryKind, type EntryRing } from './entry-ring.ts';

/** Words per direction of a row. */
const WORDS = 8;
const Word = { GRPC: 0, PREFIX: 1, FLAGS: 2, LENGTH: 3, LEFT: 4, NUMBER: 5, SAMPLED: 6 } as const;
/** Octets of a message's prefix: flags and length. */
const PREFIX_BYTES = 5;
/** Messages told of one stretch of DATA; a frame may hold thousands of empty ones. */
const MAX_TOLD = 64;
const FIRST_ROWS = 256;

/** Bits of a GRPC_MESSAGE entry's third word, besides direction (bit 0) and the prefix's flags (from bit 8). */
export const MessageBit = {
  /** All of it was there when it began. */
  WHOLE: 2,
  /** One that was told before has now passed as a whole. */
  END: 4,
} as const;

/** State by row. */
export class Bodies {
  private words: Int32Array = new Int32Array(FIRST_ROWS * 2 * WORDS);
  private readonly ring: EntryRing;
  /** Whether any stream has ever had messages to follow. */
  followed = false;
  // Whether any word has ever been written: before, all rows are as new.
  private used = false;

  constructor(ring: EntryRing) {
    this.ring = ring;
  }

  /** A stream begins in this row. */
  open(row: number): void {
    if (!this.used) return;
    const from = row * 2 * WORDS;
    this.grow(from);
    for (let i = 0; i < 2 * WORDS; i++) this.words[from + i] = 0;
  }

  private use(row: number): void {
    this.used = true;
    this.grow(row * 2 * WORDS);
  }

  /** Makes room for the row that begins at `from`. */
  private grow(from: number): void {
    if (from < this.words.length) return;
    const grown = new Int32Array(Math.max(this.words.length * 2, from + 2 * WORDS));
    grown.set(this.words);
    this.words = grown;
  }

  /** The head of a message told what its body is. */
  head(row: number, direction: number, grpc: boolean): void {
    if (!grpc && !this.used) return;
    this.use(row);
    this.words[(row * 2 + direction) * WORDS + Word.GRPC] = grpc ? 1 : 0;
    if (grpc) this.followed = true;
  }

  /** Takes up to `wanted` octets from the share of a stream's direction; answers how many are left to take. */
  sample(row: number, direction: number, wanted: number, share: number): number {
    this.use(row);
    const at = (row * 2 + direction) * WORDS + Word.SAMPLED;
    const count = Math.min(wanted, share - this.words[at]!);
    if (count <= 0) return 0;
    this.words[at]! += count;
    return count;
  }

  /**
   * Octets of a body. Writes an entry for every message that begins or ends in them, if `told`; `seq` is the position of
   * their frame, `offset` where in its data they begin.
   */
  data(
    row: number,
    direction: number,
    connection: number,
    stream: number,
    seq: number,
    t: number,
    offset: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    told: boolean,
  ): void {
    const base = (row * 2 + direction) * WORDS;
    const { words } = this;
    // Also where no word of the row was ever needed.
    if (words[base + Word.GRPC] !== 1) return;
    let room = MAX_TOLD;
    for (let at = start; at < end; ) {
      const left = words[base + Word.LEFT]! >>> 0;
      if (left > 0) {
        const take = Math.min(left, end - at);
        words[base + Word.LEFT] = (left - take) | 0;
        at += take;
        if (take === left) {
          const bits = direction | MessageBit.END;
          this.tell(base, connection, stream, seq, t, bits, offset + at - start, told && room-- > 0);
        }
        continue;
      }
      const octet = bytes[at++]!;
      const had = words[base + Word.PREFIX]!;
      if (had === 0) {
        words[base + Word.FLAGS] = octet;
        words[base + Word.LENGTH] = 0;
      } else {
        words[base + Word.LENGTH] = (words[base + Word.LENGTH]! << 8) | octet;
      }
      if (had + 1 < PREFIX_BYTES) {
        words[base + Word.PREFIX] = had + 1;
        continue;
      }
      words[base + Word.PREFIX] = 0;
      words[base + Word.NUMBER]! += 1;
      const length = words[base + Word.LENGTH]! >>> 0;
      const whole = length <= end - at;
      if (whole) at += length;
      else words[base + Word.LEFT] = length | 0;
      const bits = direction | (whole ? MessageBit.WHOLE : 0);
      this.tell(base, connection, stream, seq, t, bits, offset + at - (whole ? length : 0) - start, told && room-- > 0);
    }
  }

  private tell(
    base: number,
    connection: number,
    stream: number,
    seq: number,
    t: number,
    bits: number,
    offset: number,
    told: boolean,
  ): void {
    const { ring, words } = this;
    if (!told) {
      ring.skip(EntryKind.GRPC_MESSAGE);
      return;
    }
    const word = ring.begin(EntryKind.GRPC_MESSAGE, 24, seq, t) >> 2;
    ring.i32[word] = connection;
    ring.i32[word + 1] = stream;
    ring.i32[word + 2] = bits | (words[base + Word.FLAGS]! << 8);
    ring.i32[word + 3] = words[base + Word.LENGTH]!;
    ring.i32[word + 4] = words[base + Word.NUMBER]!;
    ring.i32[word + 5] = offset;
    ring.commit();
  }
}
