import { latin1Decode, latin1Encode } from '@glassway/hpack';
import { putFrameHeader, uint24, uint32 } from '../frame/bytes.ts';
import { Flag, FRAME_HEADER_SIZE, FrameType } from '../frame/types.ts';

/** A frame that came before the first field section. */
export interface EarlyFrame {
  /** As on the wire, see `FrameType`; may be any octet. */
  readonly type: number;
  readonly flags: number;
  /** 0: the connection. */
  readonly streamId: number;
  /** Its first 256 octets. Of HEADERS only the five of its priority, if it has them: the rest is the request itself. */
  readonly payload: Uint8Array;
}

/** Frames kept, octets of payload kept of each, and of all: what clients begin with has less than a hundred. */
const MAX_FRAMES = 32;
const MAX_PAYLOAD = 256;
const MAX_OCTETS = 2048;

/**
 * The frames a peer begins with, up to and with its first HEADERS: SETTINGS, WINDOW_UPDATE, PRIORITY and what else it sends
 * tell implementations apart. Kept as a string of octets, since every connection has one: a buffer of that size takes four
 * times as much.
 */
export class EarlyFrames {
  /** More may come. */
  open = true;
  private octets = '';
  private count = 0;

  /** Notes a frame while `open`. */
  note(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const isHead = type === FrameType.HEADERS;
    if (isHead) this.open = false;
    let from = start;
    let kept = Math.min(length, MAX_PAYLOAD);
    if (isHead) {
      from += (flags & Flag.PADDED) === 0 ? 0 : 1;
      kept = (flags & Flag.PRIORITY) !== 0 && start + length - from >= 5 ? 5 : 0;
    }
    const at = this.octets.length;
    const end = at + FRAME_HEADER_SIZE + kept;
    if (end > MAX_OCTETS || ++this.count > MAX_FRAMES) {
      this.open = false;
      return;
    }
    const octets = new Uint8Array(end);
    latin1Encode(this.octets, octets, 0);
    putFrameHeader(octets, at, kept, type, flags, streamId);
    octets.set(bytes.subarray(from, from + kept), at + FRAME_HEADER_SIZE);
    this.octets = latin1Decode(octets, 0, end);
  }

  /** Copies of them, in order. */
  list(): EarlyFrame[] {
    const octets = new Uint8Array(this.octets.length);
    latin1Encode(this.octets, octets, 0);
    const frames: EarlyFrame[] = [];
    for (let at = 0; at < octets.length; ) {
      const end = at + FRAME_HEADER_SIZE + uint24(octets, at);
      const [type, flags] = octets.subarray(at + 3, at + 5) as unknown as [number, number];
      const payload = octets.slice(at + FRAME_HEADER_SIZE, end);
      frames.push({ type, flags, streamId: uint32(octets, at + 5), payload });
      at = end;
    }
    return frames;
  }
}
