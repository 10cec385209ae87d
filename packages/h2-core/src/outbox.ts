import { Octets } from '@glassway/hpack';
import { ZEROS } from './flow/padding.ts';
import { putFrameHeader, putUint16, putUint32 } from './frame/bytes.ts';
import { Flag, FRAME_HEADER_SIZE, FrameType } from './frame/types.ts';

/** Payloads of at least this many octets are passed on as views; smaller ones are copied behind their frame header. */
const VIEW_THRESHOLD = 2048;
/** Capacity a batch begins with, octets. */
const FIRST_CAPACITY = 256;
/** Batches do not begin larger than this, however large the last ones were. */
const MAX_FIRST_CAPACITY = 65_536;

/**
 * Frames on their way out, in wire order: small ones written one behind the other into a buffer, large DATA payloads
 * as views between them. `take` gives the whole batch for one gathered write.
 */
export class Outbox {
  /** Where frames are written; the header encoder writes here too. */
  readonly octets: Octets = new Octets(0);
  /** Replies to the peer (ACKs, RST_STREAM for its errors) in this batch, see MAX_QUEUED_REPLIES. */
  replies = 0;
  /** The tap has heard that reading pauses for them. */
  pauseTold = false;
  /** Frames written so far. */
  frames = 0;
  private parts: Uint8Array[] = [];
  /** Octets of the payloads passed on as views in this batch. */
  private viewed = 0;
  private mark = 0;
  private expected: number = FIRST_CAPACITY;

  /** True when there is nothing to send. */
  get isEmpty(): boolean {
    return this.octets.length === this.mark && this.parts.length === 0;
  }

  /** Octets in this batch. */
  get size(): number {
    return this.octets.length + this.viewed;
  }

  /** Makes room for `count` more octets; a new batch starts with about the size of the last ones. */
  reserve(count: number): void {
    this.octets.ensure(this.octets.length === 0 && count < this.expected ? this.expected : count);
  }

  /** The batch so far, in order, and starts a new one. */
  take(): readonly Uint8Array[] {
    this.cut();
    const parts = this.parts;
    const used = this.octets.length;
    this.expected = Math.min(MAX_FIRST_CAPACITY, Math.max(FIRST_CAPACITY, used + (used >> 2), this.expected >> 1));
    this.octets.release();
    this.mark = 0;
    this.parts = [];
    this.viewed = 0;
    this.replies = 0;
    this.pauseTold = false;
    return parts;
  }

  private cut(): void {
    const octets = this.octets;
    if (octets.length > this.mark) this.parts.push(octets.buffer.subarray(this.mark, octets.length));
    this.mark = octets.length;
  }

  /** Writes a frame header; the payload follows. Returns its offset, for `patchLength`. */
  header(length: number, type: number, flags: number, streamId: number): number {
    this.reserve(FRAME_HEADER_SIZE + (length < VIEW_THRESHOLD ? length : 0));
    this.frames++;
    const octets = this.octets;
    const at = octets.length;
    putFrameHeader(octets.buffer, at, length, type, flags, streamId);
    octets.length = at + FRAME_HEADER_SIZE;
    return at;
  }

  /** Forgets what was written from `at` on, none of it passed on as a view, when there were `frames`. */
  takeBack(at: number, frames: number): void {
    this.octets.length = at;
    this.frames = frames;
  }

  /** Appends payload octets: a copy when small, else the view itself, which must then stay unchanged. */
  payload(bytes: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (count >= VIEW_THRESHOLD) {
      this.cut();
      this.viewed += count;
      this.parts.push(count === bytes.length ? bytes : bytes.subarray(start, end));
      return;
    }
    const octets = this.octets;
    this.reserve(count);
    const buffer = octets.buffer;
    let at = octets.length;
    if (count < 64) {
      for (let i = start; i < end; i++) buffer[at++] = bytes[i] as number;
    } else {
      buffer.set(count === bytes.length ? bytes : bytes.subarray(start, end), at);
      at += count;
    }
    octets.length = at;
  }

  /** Writes the header of a padded frame and its pad length; the payload and `padding(count)` follow. RFC 9113 6.1. */
  paddedHeader(length: number, padding: number, type: number, flags: number, streamId: number): number {
    const at = this.header(length + padding, type, flags | Flag.PADDED, streamId);
    const { octets } = this;
    this.reserve(1);
    octets.buffer[octets.length++] = padding - 1;
    return at;
  }

  /** Writes the padding of such a frame. */
  padding(padding: number): void {
    this.payload(ZEROS, 0, padding - 1);
  }

  private word(value: number): void {
    const octets = this.octets;
    octets.ensure(4);
    putUint32(octets.buffer, octets.length, value);
    octets.length += 4;
  }

  /** RFC 9113 6.4. `reply`: the peer brought it about. */
  rstStream(streamId: number, code: number, reply: boolean): void {
    this.header(4, FrameType.RST_STREAM, 0, streamId);
    this.word(code);
    if (reply) this.replies++;
  }

  /** RFC 9113 6.5. Pairs of id and value. */
  settings(pairs: readonly number[]): void {
    this.header(pairs.length * 3, FrameType.SETTINGS, 0, 0);
    const octets = this.octets;
    octets.ensure(pairs.length * 3);
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      putUint16(octets.buffer, octets.length, pairs[i] as number);
      putUint32(octets.buffer, octets.length + 2, pairs[i + 1] as number);
      octets.length += 6;
    }
  }

  /** RFC 9113 6.5.3. */
  settingsAck(): void {
    this.header(0, FrameType.SETTINGS, Flag.ACK, 0);
    this.replies++;
  }

  /** RFC 9113 6.7. `bytes` holds the 8 octets from `start`. */
  ping(bytes: Uint8Array, start: number, ack: boolean): void {
    this.header(8, FrameType.PING, ack ? Flag.ACK : 0, 0);
    this.payload(bytes, start, start + 8);
    if (ack) this.replies++;
  }

  /** RFC 9113 6.8. */
  goAway(lastStreamId: number, code: number, debug: Uint8Array): void {
    this.header(8 + debug.length, FrameType.GOAWAY, 0, 0);
    this.word(lastStreamId);
    this.word(code);
    this.payload(debug, 0, debug.length);
  }

  /** RFC 9113 6.9. */
  windowUpdate(streamId: number, increment: number): void {
    this.header(4, FrameType.WINDOW_UPDATE, 0, streamId);
    this.word(increment);
  }
}
