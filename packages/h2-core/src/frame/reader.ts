import { octet, uint24, uint31 } from './bytes.ts';
import { Flag, FRAME_HEADER_SIZE, FrameType, MIN_MAX_FRAME_SIZE } from './types.ts';

/** What the reader hands over. Payload bounds are valid during the call only. */
export interface FrameSink {
  /** A complete frame other than DATA: its payload is `bytes[start .. start + length)`. */
  onFrame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, length: number): void;
  /** A DATA frame begins. `length` is the whole payload, `padding` its part that is not data (pad length octet included). */
  onDataFrame(
    flags: number,
    streamId: number,
    length: number,
    padding: number,
    bytes: Uint8Array,
    offset: number,
  ): void;
  /** Data octets of the DATA frame just begun; `last` once per frame, with the final (perhaps empty) piece. */
  onDataBytes(bytes: Uint8Array, start: number, end: number, last: boolean): void;
  /**
   * The header announces more octets than allowed (RFC 9113 4.2). Of its payload `bytes` may hold a beginning, from `offset`.
   * Reading stops.
   */
  onOversizedFrame(
    type: number,
    flags: number,
    streamId: number,
    length: number,
    bytes: Uint8Array,
    offset: number,
  ): void;
  /** DATA whose pad length is not smaller than its payload of `length` octets, or missing (0). Reading stops. */
  onBadDataPadding(flags: number, streamId: number, length: number, bytes: Uint8Array, offset: number): void;
}

const NO_BYTES = new Uint8Array(0);

/**
 * Cuts a byte stream into frames (RFC 9113 4.1), reading headers and payloads in place. DATA is handed over as it
 * arrives; any other frame that a chunk leaves unfinished is kept, after its length has been checked.
 */
export class FrameReader {
  /** Greatest payload accepted, octets. */
  maxFrameSize: number = MIN_MAX_FRAME_SIZE;
  private readonly sink: FrameSink;
  private stopped = false;
  /** The beginning of a frame that the last chunk left unfinished. */
  private carry: Uint8Array = NO_BYTES;
  private carried = 0;
  /** Octets still to come of the current DATA frame: data, then padding. */
  private dataLeft = 0;
  private paddingLeft = 0;

  constructor(sink: FrameSink) {
    this.sink = sink;
  }

  /** Makes the reader ignore everything from now on, also the rest of the chunk being read. */
  stop(): void {
    this.stopped = true;
    this.carry = NO_BYTES;
    this.carried = 0;
  }

  /** True between frames: a transport that ends here did not cut a frame in two. */
  get atBoundary(): boolean {
    return this.carried === 0 && this.dataLeft === 0 && this.paddingLeft === 0;
  }

  /** Reads `chunk` from `start` on. */
  receive(chunk: Uint8Array, start: number): void {
    const end = chunk.length;
    let at = start;
    if (this.dataLeft !== 0 || this.paddingLeft !== 0) at = this.dataBytes(chunk, at, end);
    if (this.carried !== 0) at = this.fill(chunk, at, end);
    while (end - at >= FRAME_HEADER_SIZE && !this.stopped) {
      const need = this.need(chunk, at);
      if (need === 0 || end - at < need) break;
      at = this.frame(chunk, at, end);
    }
    if (at < end && !this.stopped) this.keep(chunk, at, end);
  }

  /** Octets that must be at hand to take the frame at `at`, whose header is there; 0: the frame is refused. */
  private need(bytes: Uint8Array, at: number): number {
    const length = uint24(bytes, at);
    const type = octet(bytes, at + 3);
    if (length > this.maxFrameSize) {
      const streamId = uint31(bytes, at + 5);
      this.stop();
      this.sink.onOversizedFrame(type, octet(bytes, at + 4), streamId, length, bytes, at + FRAME_HEADER_SIZE);
      return 0;
    }
    if (type !== FrameType.DATA) return FRAME_HEADER_SIZE + length;
    const padded = (octet(bytes, at + 4) & Flag.PADDED) !== 0;
    return padded && length !== 0 ? FRAME_HEADER_SIZE + 1 : FRAME_HEADER_SIZE;
  }

  /** Takes one frame of which `need` octets are there; returns where the next one begins. */
  private frame(bytes: Uint8Array, at: number, end: number): number {
    const length = uint24(bytes, at);
    const type = octet(bytes, at + 3);
    const flags = octet(bytes, at + 4);
    const streamId = uint31(bytes, at + 5);
    const payload = at + FRAME_HEADER_SIZE;
    if (type !== FrameType.DATA) {
      this.sink.onFrame(type, flags, streamId, bytes, payload, length);
      return payload + length;
    }
    let data = payload;
    let padding = 0;
    if ((flags & Flag.PADDED) !== 0) {
      if (length === 0 || octet(bytes, payload) >= length) {
        this.stop();
        this.sink.onBadDataPadding(flags, streamId, length, bytes, payload);
        return end;
      }
      padding = octet(bytes, payload);
      data++;
    }
    this.paddingLeft = padding;
    this.dataLeft = length - padding - (data - payload);
    this.sink.onDataFrame(flags, streamId, length, padding + (data - payload), bytes, payload);
    if (this.stopped) return end;
    if (this.dataLeft === 0) {
      this.sink.onDataBytes(bytes, data, data, true);
      if (this.paddingLeft === 0) return data;
    }
    return this.dataBytes(bytes, data, end);
  }

  /** Hands over what `bytes` holds of the current DATA frame and skips its padding. */
  private dataBytes(bytes: Uint8Array, at: number, end: number): number {
    let from = at;
    if (this.dataLeft !== 0 && from < end) {
      const take = Math.min(this.dataLeft, end - from);
      this.dataLeft -= take;
      this.sink.onDataBytes(bytes, from, from + take, this.dataLeft === 0);
      from += take;
    }
    if (this.dataLeft === 0 && this.paddingLeft !== 0) {
      const skip = Math.min(this.paddingLeft, end - from);
      this.paddingLeft -= skip;
      from += skip;
    }
    return from;
  }

  /** Completes the kept frame from `chunk`; returns where the unread rest begins. */
  private fill(chunk: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.carried < FRAME_HEADER_SIZE) {
      at += this.take(chunk, at, end, FRAME_HEADER_SIZE);
      if (this.carried < FRAME_HEADER_SIZE) return at;
    }
    const need = this.need(this.carry, 0);
    if (need === 0) return end;
    at += this.take(chunk, at, end, need);
    if (this.carried < need) return at;
    const frame = this.carry;
    this.carry = NO_BYTES;
    this.carried = 0;
    // Of a DATA frame only the header was kept: its octets follow in the chunk.
    this.frame(frame, 0, need);
    if (this.stopped) return end;
    return this.dataLeft !== 0 || this.paddingLeft !== 0 ? this.dataBytes(chunk, at, end) : at;
  }

  /** Copies up to `need - carried` octets behind those kept; returns how many. */
  private take(chunk: Uint8Array, at: number, end: number, need: number): number {
    const count = Math.min(need - this.carried, end - at);
    if (count <= 0) return 0;
    if (this.carry.length < need) {
      const grown = new Uint8Array(need);
      grown.set(this.carry.subarray(0, this.carried));
      this.carry = grown;
    }
    this.carry.set(chunk.subarray(at, at + count), this.carried);
    this.carried += count;
    return count;
  }

  /** Keeps the unfinished frame at the end of a chunk. */
  private keep(chunk: Uint8Array, at: number, end: number): void {
    const available = end - at;
    const need = available >= FRAME_HEADER_SIZE ? this.need(chunk, at) : FRAME_HEADER_SIZE;
    if (need === 0) return;
    this.carry = new Uint8Array(need);
    this.take(chunk, at, end, need);
  }
}
