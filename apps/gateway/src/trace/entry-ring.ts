/**
 * The ring of variable-length entries. Every entry starts at a multiple of 8 with
 *
 *      0  u32  length of the whole entry in units of 8 octets, and in the upper 8 bits its kind
 *      4  u32  low 32 bits of the frame log's position when it was written
 *      8  f64  t, microseconds
 *     16  u32  events written before it, low 32 bits
 *     20  u32  field sections written before it, low 32 bits
 *
 * and is never split by the end of the ring: what is left there is filled by an entry of kind PAD.
 */
import { Control, GENERATIONS, type SharedTrace } from './shared.ts';

/** Octets before an entry's content. */
const ENTRY_HEADER_BYTES = 24;
/** The largest entry, header included. */
export const MAX_ENTRY_BYTES: number = 64 * 1024;
/** The writer publishes before it is further ahead than this. */
const MAX_UNPUBLISHED_BYTES = 128 * 1024;
const GUARD_BYTES = 2 * (MAX_UNPUBLISHED_BYTES + MAX_ENTRY_BYTES);

/** Kinds of entries. */
export const EntryKind = {
  /** Nothing. */
  PAD: 0,
  /** A string and its number: id, flags, octets of the whole, octets kept, then the octets in Latin-1. */
  STRING: 1,
  /** A field section: words of `SectionWord`, then 4 words per field. */
  SECTION: 2,
  /** connection, stream, from, to. */
  STREAM_STATE: 3,
  /** The last look of a stream row, octet for octet. */
  STREAM_ROW: 4,
  /** The last look of a connection row. */
  CONNECTION_ROW: 5,
  /** connection, stream, backend connection, backend stream. */
  PAIRED: 6,
  /** connection, stream, cause, pending bytes. */
  SEND_BLOCKED: 7,
  /** Anything rare: octets, 0, then a `LogEvent` without `t` and `seq` as JSON in UTF-8. */
  EVENT: 8,
  /** Strings are numbered anew; earlier numbers will not be used again. */
  NEW_STRINGS: 9,
  /** Like EVENT, but told again for a reader that lost it: it changes what is known and is not an event. */
  RETOLD: 10,
  /** Octets of the frame at `seq`: connection word, stream, offset and type, octets, ordinal, 0, then the octets. */
  PAYLOAD: 11,
  /** A message of gRPC in the frame at `seq`: connection, stream, bits, length, number, offset in the frame's data. */
  GRPC_MESSAGE: 12,
} as const;

/** Words of a section entry. */
export const SectionWord = {
  CONNECTION: 0,
  STREAM: 1,
  SECTION: 2,
  /** direction + 256 * kind */
  KIND: 3,
  WIRE_BYTES: 4,
  /** Fields that follow, or `KNOWN_HEAD`. */
  COUNT: 5,
  OMITTED: 6,
  /** Number of these fields, for later entries of this generation that have the same; 0: none. */
  HEAD: 7,
  /** Per field: number of the name, of the value, representation + 256 * index, octets on the wire. */
  FIELDS: 8,
} as const;

/** In place of a count: the fields are those of the entry that gave them the number `HEAD`. */
export const KNOWN_HEAD = -1;

/** True for the kinds that are counted as events. */
function isEvent(kind: number): boolean {
  return (
    kind === EntryKind.STREAM_STATE ||
    kind === EntryKind.PAIRED ||
    kind === EntryKind.SEND_BLOCKED ||
    kind === EntryKind.GRPC_MESSAGE ||
    kind === EntryKind.EVENT
  );
}

/** Bits of a string entry's flags. */
export const StringFlag = {
  /** The content is 8 octets of keyed hash; the length told is the value's. */
  REDACTED: 1,
} as const;

/** The writing end. An entry is begun, its words filled in through `i32`/`f64`/`bytes`, and `commit`ted. */
export class EntryRing {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly bytes: Buffer;
  /** Octets ever written. */
  position = 0;
  private events = 0;
  private sections = 0;
  private kind = 0;
  private at = 0;
  private published = 0;
  private size = 0;
  /** Octets of the ring. */
  readonly capacity: number;
  private readonly control: Int32Array;
  private generations = 0;

  constructor(shared: SharedTrace) {
    this.i32 = new Int32Array(shared.entries);
    this.f64 = new Float64Array(shared.entries);
    this.bytes = Buffer.from(shared.entries);
    this.capacity = shared.entries.byteLength;
    this.control = new Int32Array(shared.control);
  }

  /** Begins an entry with room for `contentBytes`; the answer is the content's offset in octets, a multiple of 8. */
  begin(kind: number, contentBytes: number, seq: number, t: number): number {
    const size = (ENTRY_HEADER_BYTES + contentBytes + 7) & ~7;
    if (size > MAX_ENTRY_BYTES) throw new RangeError(`trace entry of ${size} octets is above ${MAX_ENTRY_BYTES}`);
    const left = this.capacity - this.at;
    if (size > left) {
      this.i32[this.at >> 2] = left / 8;
      this.position += left;
      this.at = 0;
    }
    if (this.position + size - this.published > MAX_UNPUBLISHED_BYTES) this.publish();
    const word = this.at >> 2;
    this.i32[word] = (size / 8) | (kind << 24);
    this.i32[word + 1] = seq;
    this.f64[(word >> 1) + 1] = t;
    this.i32[word + 4] = this.events;
    this.i32[word + 5] = this.sections;
    this.kind = kind;
    this.size = size;
    return this.at + ENTRY_HEADER_BYTES;
  }

  /** Counts an entry of this kind that is not written: the reader will know that it is missing. */
  skip(kind: number): void {
    if (kind === EntryKind.SECTION) this.sections++;
    else if (isEvent(kind)) this.events++;
  }

  /** The entry begun last is complete. */
  commit(): void {
    this.skip(this.kind);
    this.position += this.size;
    this.at += this.size;
    if (this.at === this.capacity) this.at = 0;
  }

  /** Reading may begin with what is written next. Few of these places are remembered. */
  beginGeneration(): void {
    // The place counts only once it is published, so that a reader never begins beyond the end.
    this.publish();
    this.control[Control.GENERATIONS + (this.generations & (GENERATIONS - 1))] = (this.position / 8) | 0;
    Atomics.store(this.control, Control.GENERATION_COUNT, ++this.generations);
  }

  /** Lets the reader see everything committed so far. */
  publish(): void {
    this.published = this.position;
    Atomics.store(this.control, Control.ENTRIES, (this.position / 8) | 0);
  }
}

/** One entry as the reader sees it: places in the reader's own copy. */
export interface EntryView {
  kind: number;
  /** Low 32 bits of the frame log's position. */
  seq: number;
  t: number;
  /** Events and field sections written before it, low 32 bits. */
  events: number;
  sections: number;
  /** Offset of the content in octets. */
  offset: number;
  /** Octets of the content, padding included. */
  length: number;
}

/** The reading end: hands out entries one by one from a private copy of a stretch of the ring. */
export class EntryRingReader {
  /** The copy that an `EntryView`'s offset refers to. */
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly bytes: Buffer;
  /** Octets taken so far. */
  position = 0;
  readonly #control: Int32Array;
  readonly #ring: Uint8Array;
  readonly #copy: Uint8Array;
  readonly #view: EntryView = { kind: 0, seq: 0, t: 0, events: 0, sections: 0, offset: 0, length: 0 };
  #head = 0;
  #copied = 0;
  #used = 0;

  constructor(shared: SharedTrace) {
    this.#control = new Int32Array(shared.control);
    this.#ring = new Uint8Array(shared.entries);
    // Room for whatever part of the largest entry a stretch may begin or end with.
    const copy = new ArrayBuffer(4 * MAX_ENTRY_BYTES);
    this.#copy = new Uint8Array(copy);
    this.i32 = new Int32Array(copy);
    this.f64 = new Float64Array(copy);
    this.bytes = Buffer.from(copy);
  }

  /** Octets published so far. */
  head(): number {
    const units = this.#head / 8;
    this.#head = (units + ((Atomics.load(this.#control, Control.ENTRIES) - (units >>> 0)) >>> 0)) * 8;
    return this.#head;
  }

  /**
   * The next entry, valid until the next call; null when there is none, `'overrun'` when entries were overwritten
   * before they were read. After an overrun reading goes on with the last quarter of the ring at most; the counts in the
   * next entry tell how many events and sections were lost.
   */
  next(): EntryView | 'overrun' | null {
    for (;;) {
      if (this.#used === this.#copied) {
        const filled = this.#fill();
        if (filled !== true) return filled;
      }
      const word = this.#used >> 2;
      const size = (this.i32[word]! & 0xff_ffff) * 8;
      // A stretch is cut at octets, not at entries: put the beginning of a cut entry first and read on.
      if (size > this.#copied - this.#used) {
        const filled = this.#fill();
        if (filled !== true) return filled;
        continue;
      }
      const kind = this.i32[word]! >>> 24;
      const at = this.#used;
      this.#used += size;
      this.position += size;
      if (kind === EntryKind.PAD) continue;
      const view = this.#view;
      view.kind = kind;
      view.seq = this.i32[word + 1]! >>> 0;
      view.t = this.f64[(word >> 1) + 1]!;
      view.events = this.i32[word + 4]! >>> 0;
      view.sections = this.i32[word + 5]! >>> 0;
      view.offset = at + ENTRY_HEADER_BYTES;
      view.length = size - ENTRY_HEADER_BYTES;
      return view;
    }
  }

  #fill(): true | 'overrun' | null {
    const capacity = this.#ring.length;
    const head = this.head();
    const rest = this.#copied - this.#used;
    const from = this.position + rest;
    if (head === from) return null;
    if (head - this.position > capacity - GUARD_BYTES) return this.#restart(head);
    this.#copy.copyWithin(0, this.#used, this.#copied);
    const start = from % capacity;
    const count = Math.min(head - from, this.#copy.length - rest, capacity - start);
    this.#copy.set(this.#ring.subarray(start, start + count), rest);
    if (this.head() - this.position > capacity - GUARD_BYTES) return this.#restart(this.head());
    this.#used = 0;
    this.#copied = rest + count;
    return true;
  }

  /** Skips what is older than the last quarter of the ring. True when something was skipped. */
  skipOld(): boolean {
    const head = this.head();
    if (head - this.position <= this.#ring.length / 4) return false;
    this.#restart(head);
    return true;
  }

  #restart(head: number): 'overrun' {
    this.position = this.#oldestGeneration(head);
    this.#used = 0;
    this.#copied = 0;
    return 'overrun';
  }

  /** The beginning of the oldest generation in the last quarter of the ring, else the end. */
  #oldestGeneration(head: number): number {
    const units = head / 8;
    const count = Atomics.load(this.#control, Control.GENERATION_COUNT);
    let oldest = head;
    for (let i = Math.max(0, count - GENERATIONS); i < count; i++) {
      const at = Atomics.load(this.#control, Control.GENERATIONS + (i & (GENERATIONS - 1)));
      const position = (units - ((units - at) >>> 0)) * 8;
      if (position >= this.position && head - position <= this.#ring.length / 4) oldest = Math.min(oldest, position);
    }
    return oldest;
  }
}
