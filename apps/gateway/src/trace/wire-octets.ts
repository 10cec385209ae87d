/**
 * Octets of frames on their way into the entry ring, as pieces (see inspector-protocol's `payloads`). Frames that steer the
 * connection are kept whole, field blocks but for what is redacted, DATA only where the gateway was told to sample it. All
 * of it comes out of one budget, so under load octets are the first thing that is not recorded; the ring's ordinals tell
 * how many pieces that were.
 */
import { FrameType, Representation } from '@glassway/inspector-protocol';
import { EntryKind, type EntryRing } from './entry-ring.ts';

const PADDED = 0x8;
const PRIORITY = 0x20;
/** Octets kept of one frame that steers the connection: debug data and origins may be long. */
const MAX_CONTROL_BYTES = 1024;
/** Octets kept of one field block. */
const MAX_BLOCK_BYTES = 8192;
/** What is sent and longer than this may not be in the tap's view. */
const MAX_SENT_VIEW = 2048;
/** Octets of pieces per second, and at once; in a small ring less, so that they leave room for what cannot be spared. */
const BYTES_PER_SECOND = 8 * 1024 * 1024;
const BURST_BYTES = 4 * 1024 * 1024;
const BURSTS_PER_RING = 16;
/** What a piece costs besides its octets. */
const PIECE_COST = 48;
/** Up to this length a loop is faster than a view and a call. */
const MAX_LOOP = 48;

/** The field lines of the section told last, as the recorder holds them: four words each, and which are redacted. */
export interface GatheredSection {
  readonly words: Int32Array;
  readonly hidden: Uint8Array;
}

/** Writes pieces. */
export class WireOctets {
  /** Octets kept of each DATA frame, and of frames nobody knows; 0: none. */
  readonly sampleBytes: number;
  private readonly ring: EntryRing;
  private pieces = 0;
  private readonly burst: number;
  private readonly rate: number;
  private left: number;
  private at = 0;
  private recording = true;
  private blocks = false;
  private t = 0;

  constructor(ring: EntryRing, sampleBytes: number) {
    this.ring = ring;
    this.sampleBytes = sampleBytes;
    this.burst = Math.min(BURST_BYTES, ring.capacity / BURSTS_PER_RING);
    this.rate = Math.min(BYTES_PER_SECOND, 2 * this.burst);
    this.left = this.burst;
  }

  /**
   * Call now and then: `t` in microseconds; `detailed` false: nothing is recorded, for nobody looks and much happens. Field
   * blocks come with every request, so their octets are recorded only while somebody looks, or samples are wanted.
   */
  update(t: number, detailed: boolean, awake: boolean): void {
    this.blocks = awake || this.sampleBytes > 0;
    this.left = Math.min(this.burst, this.left + ((t - this.at) / 1e6) * this.rate);
    this.at = t;
    this.t = t;
    this.recording = detailed;
  }

  /** `count` octets of a frame from `bytes[start]`, which begin at `offset` of its payload. */
  piece(
    connection: number,
    stream: number,
    seq: number,
    type: number,
    offset: number,
    bytes: Uint8Array,
    start: number,
    count: number,
  ): void {
    this.pieces = (this.pieces + 1) | 0;
    if (!this.recording || this.left < count + PIECE_COST) return;
    this.left -= count + PIECE_COST;
    const ring = this.ring;
    const at = ring.begin(EntryKind.PAYLOAD, 24 + count, seq, this.t);
    const word = at >> 2;
    const { i32, bytes: target } = ring;
    i32[word] = connection;
    i32[word + 1] = stream;
    i32[word + 2] = offset | (type << 24);
    i32[word + 3] = count;
    i32[word + 4] = this.pieces;
    i32[word + 5] = 0;
    const to = at + 24;
    if (count > MAX_LOOP) target.set(bytes.subarray(start, start + count), to);
    else for (let i = 0; i < count; i++) target[to + i] = bytes[start + i]!;
    ring.commit();
  }

  /** A frame that is neither DATA nor part of a field block. */
  control(
    connection: number,
    stream: number,
    seq: number,
    type: number,
    length: number,
    bytes: Uint8Array,
    start: number,
    sent: boolean,
    content: boolean,
  ): void {
    if (length === 0 || (sent && length >= MAX_SENT_VIEW)) return;
    // Those two are in the record as they were on the wire, unless they are malformed.
    if (length === 4 && (type === FrameType.RST_STREAM || (type === FrameType.WINDOW_UPDATE && bytes[start]! < 0x80))) {
      return;
    }
    const most = content ? this.sampleBytes : MAX_CONTROL_BYTES;
    const count = Math.min(length, most, bytes.length - start);
    if (count > 0) this.piece(connection, stream, seq, type, 0, bytes, start, count);
  }

  /**
   * The payload of a HEADERS or PUSH_PROMISE frame that holds a whole field block, without the octets of redacted field
   * lines. Where these lie follows from the sizes that the coder told; should they not fit the block to the octet, or a
   * line not begin as its representation does, nothing is kept.
   */
  block(
    connection: number,
    stream: number,
    seq: number,
    type: number,
    flags: number,
    length: number,
    bytes: Uint8Array,
    start: number,
    section: GatheredSection,
    fields: number,
  ): void {
    if (!this.blocks || bytes.length < start + length || length > MAX_BLOCK_BYTES) return;
    const padded = (flags & PADDED) !== 0;
    const padding = padded ? bytes[start]! : 0;
    const ahead = type === FrameType.PUSH_PROMISE ? 4 : (flags & PRIORITY) !== 0 ? 5 : 0;
    const from = start + (padded ? 1 : 0) + ahead;
    const end = start + length - padding;
    const first = afterUpdates(bytes, from, end);
    if (!fits(bytes, first, end, section.words, fields)) return;
    let run = start;
    let at = first;
    for (let i = 0; i < fields; i++) {
      const size = section.words[i * 4 + 3]!;
      if (section.hidden[i] === 1) {
        if (at > run) this.piece(connection, stream, seq, type, run - start, bytes, run, at - run);
        run = at + size;
      }
      at += size;
    }
    if (end > run) this.piece(connection, stream, seq, type, run - start, bytes, run, end - run);
  }
}

/** Where the first field line begins: behind the table size updates (RFC 7541 6.3). */
function afterUpdates(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at]! & 0xe0) === 0x20) {
    if ((bytes[at++]! & 0x1f) !== 0x1f) continue;
    while (at < end && bytes[at]! >= 0x80) at++;
    at++;
  }
  return at;
}

/** Whether the field lines are exactly what lies between `from` and `end`. */
function fits(bytes: Uint8Array, from: number, end: number, words: Int32Array, fields: number): boolean {
  let at = from;
  for (let i = 0; i < fields; i++) {
    const size = words[i * 4 + 3]!;
    if (size <= 0 || at + size > end || representationOf(bytes[at]!) !== (words[i * 4 + 2]! & 0xff)) return false;
    at += size;
  }
  return at === end;
}

/** RFC 7541 6: the first bits of a field line. */
function representationOf(first: number): number {
  if (first >= 0x80) return Representation.INDEXED;
  if (first >= 0x40) return Representation.LITERAL_INDEXED;
  if (first >= 0x20) return -1;
  return first >= 0x10 ? Representation.LITERAL_NEVER_INDEXED : Representation.LITERAL;
}
