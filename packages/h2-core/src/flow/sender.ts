import { lasting } from '../frame/bytes.ts';
import { DEFAULT_WINDOW, Flag, FrameType, MIN_MAX_FRAME_SIZE } from '../frame/types.ts';
import { SEND_BUFFER_SHARE } from '../options/limits.ts';
import type { ResolvedOptions } from '../options/options.ts';
import type { Outbox } from '../outbox.ts';
import type { Piece, StreamRecord } from '../stream/stream.ts';
import { Direction, type Tap } from '../tap.ts';
import { type Padder, paddingOf } from './padding.ts';
import { Scheduler } from './scheduler.ts';

/** Why a stream with data does not send; numbers of `Tap.onSendBlocked`. TRANSPORT: it is in line, behind the transport or others. */
export const SendBlock = { NONE: 0, CONNECTION_WINDOW: 1, STREAM_WINDOW: 2, TRANSPORT: 3 } as const;

/** Largest DATA payload cut even if the peer takes more: keeps turns short and PING replies prompt. */
const MAX_DATA_PAYLOAD = 65_536;

/** Changes remembered one by one between two times of telling; with more, the whole line is told. */
const MAX_UNTOLD = 1024;

/** Octets at which the queues of all streams, and of one, are full. */
type SendBufferOptions = Pick<ResolvedOptions, 'maxConnectionSendBufferSize' | 'maxSendBufferSize'>;

/** What the sender needs from the connection. */
export interface SenderHost {
  /** END_STREAM was cut: our half of the stream has ended. */
  onEndSent(stream: StreamRecord): void;
  /** The queue is empty and trailers wait: write them. */
  onTrailersDue(stream: StreamRecord): void;
  /** The send buffer has room again after a refusal. */
  onRoom(stream: StreamRecord): void;
}

/**
 * Sending under flow control (RFC 9113 5.2, 6.9). Capacity is computed when a frame is cut and never handed out before:
 * a stream that cannot send holds nothing that another could use.
 */
export class Sender {
  /** Octets the peer allows on the connection. */
  window: number = DEFAULT_WINDOW;
  /** Peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameSize: number = MIN_MAX_FRAME_SIZE;
  /** The transport takes nothing; only the tap wants to know. */
  transportFull = false;
  /** Octets of DATA cut so far. */
  sent = 0;
  /** WINDOW_UPDATE frames that may yet come for what was cut: for streams, open or ended, and for the connection. */
  streamGrants = 0;
  connectionGrants = 0;
  readonly scheduler: Scheduler = new Scheduler();
  private readonly padder: Padder | null;
  private readonly outbox: Outbox;
  private readonly host: SenderHost;
  private readonly tap: Tap | null;
  /** Octets queued over all streams. */
  private buffered = 0;
  private readonly maxBuffered: number;
  private readonly maxStreamBuffered: number;
  /** With the tap: streams whose octets or place in line changed since those in line were told last. */
  private readonly untold: StreamRecord[] | null;
  /** What all others in line were told; NONE: not all of them were. */
  private toldCause: number = SendBlock.NONE;

  constructor(outbox: Outbox, host: SenderHost, tap: Tap | null, options: SendBufferOptions, padder: Padder | null) {
    this.padder = padder;
    this.outbox = outbox;
    this.host = host;
    this.tap = tap;
    this.untold = tap === null ? null : [];
    this.maxBuffered = options.maxConnectionSendBufferSize;
    this.maxStreamBuffered = options.maxSendBufferSize;
  }

  /** True when a DATA frame could be cut now. */
  get canSend(): boolean {
    return this.window > 0 && !this.scheduler.isEmpty;
  }

  /**
   * Puts a stream in line if it has octets and window to send them. A bare END_STREAM or trailers need neither window nor
   * turn (RFC 9113 6.9 lets zero-length frames pass) and leave at once.
   */
  schedule(stream: StreamRecord): void {
    if (stream.head === null) {
      this.finish(stream);
      return;
    }
    if (stream.sendWindow <= 0) {
      this.tellBlocked(stream, SendBlock.STREAM_WINDOW);
      return;
    }
    this.scheduler.add(stream);
    if (this.tap !== null) this.note(stream);
    if (this.window <= 0) this.tellBlocked(stream, SendBlock.CONNECTION_WINDOW);
    else if (this.transportFull) this.tellBlocked(stream, SendBlock.TRANSPORT);
  }

  /** Tells the tap why those in line wait: a cut has ended, or the transport is full. */
  tellWaiting(): void {
    const { untold } = this;
    if (untold === null) return;
    if (!this.scheduler.isEmpty) {
      const cause = this.window <= 0 ? SendBlock.CONNECTION_WINDOW : SendBlock.TRANSPORT;
      // A cut serves a few of perhaps thousands: of the others nothing new can be told unless the cause is another one.
      if (cause !== this.toldCause) {
        this.toldCause = cause;
        this.scheduler.forEach(stream => {
          this.tellBlocked(stream, cause);
        });
      } else {
        for (const stream of untold) if (stream.ringNext !== null) this.tellBlocked(stream, cause);
      }
    }
    untold.length = 0;
  }

  /** Something of a stream changed that those who wait are told. */
  private note(stream: StreamRecord): void {
    const { untold } = this;
    if (untold === null) return;
    if (untold.length < MAX_UNTOLD) untold.push(stream);
    else this.toldCause = SendBlock.NONE;
  }

  /** Octets at which the queue of any stream is full now. What a stream may have at least keeps the others' from stopping it. */
  private get highWater(): number {
    const { maxStreamBuffered } = this;
    return this.buffered <= this.maxBuffered ? maxStreamBuffered : Math.min(maxStreamBuffered, SEND_BUFFER_SHARE);
  }

  /** Queues body octets. */
  enqueue(stream: StreamRecord, bytes: Uint8Array): void {
    stream.enqueue(lasting(bytes));
    this.buffered += bytes.length;
    if (this.tap !== null) this.note(stream);
  }

  /** True when a stream should be given no more octets for now. */
  isFull(stream: StreamRecord): boolean {
    return stream.bufferedBytes >= this.highWater;
  }

  /** Forgets what a stream was to send. */
  drop(stream: StreamRecord): void {
    this.scheduler.remove(stream);
    this.buffered -= stream.bufferedBytes;
    stream.dropQueue();
  }

  /** Cuts DATA frames until nothing can be sent or `budget` octets are used; returns the octets cut. */
  cut(budget: number): number {
    let left = budget;
    while (left > 0 && this.window > 0) {
      const stream = this.scheduler.next();
      if (stream === null) break;
      left -= this.cutFrame(stream, left);
    }
    if (this.tap !== null) this.tellWaiting();
    return budget - left;
  }

  /** Sends what follows the last octet: a bare END_STREAM or trailers. */
  private finish(stream: StreamRecord): void {
    if (stream.trailers !== null) {
      this.host.onTrailersDue(stream);
    } else if (stream.endQueued) {
      stream.endQueued = false;
      const padding = this.padder === null ? 0 : this.paddingFor(stream, 0);
      const at = this.dataHeader(stream, 0, padding, Flag.END_STREAM);
      if (padding !== 0) this.endPadded(stream, padding);
      if (this.tap !== null) this.tell(stream, Flag.END_STREAM, 0, padding, at);
      this.host.onEndSent(stream);
    }
  }

  private cutFrame(stream: StreamRecord, budget: number): number {
    const size = Math.min(
      stream.bufferedBytes,
      stream.sendWindow,
      this.window,
      this.maxFrameSize,
      MAX_DATA_PAYLOAD,
      budget,
    );
    const end = size === stream.bufferedBytes && stream.endQueued;
    const flags = end ? Flag.END_STREAM : 0;
    const padding = this.padder === null ? 0 : this.paddingFor(stream, size);
    const at = this.dataHeader(stream, size, padding, flags);
    this.scheduler.served(stream);
    this.movePieces(stream, size);
    this.window -= size;
    stream.sendWindow -= size;
    if (padding !== 0) this.endPadded(stream, padding);
    stream.sentSince += size;
    this.count(size);
    if (this.tap !== null) this.tell(stream, flags, size, padding, at);
    if (end) {
      stream.endQueued = false;
      this.scheduler.remove(stream);
      this.host.onEndSent(stream);
    } else if (stream.head === null) {
      this.scheduler.remove(stream);
      this.finish(stream);
    } else if (stream.sendWindow <= 0) {
      this.scheduler.remove(stream);
      this.tellBlocked(stream, SendBlock.STREAM_WINDOW);
    } else {
      this.scheduler.rotate(stream);
      if (this.tap !== null) this.note(stream);
    }
    if (stream.wantsWritable && stream.bufferedBytes <= this.highWater >>> 1) this.host.onRoom(stream);
    return size + padding;
  }

  /** Writes the header of a DATA frame; returns where it begins. */
  private dataHeader(stream: StreamRecord, size: number, padding: number, flags: number): number {
    if (padding === 0) return this.outbox.header(size, FrameType.DATA, flags, stream.id);
    return this.outbox.paddedHeader(size, padding, FrameType.DATA, flags, stream.id);
  }

  /** Padding for a DATA frame of `size` octets, within both windows, which it takes from (RFC 9113 6.9.1). */
  private paddingFor(stream: StreamRecord, size: number): number {
    const room = Math.min(stream.sendWindow, this.window, this.maxFrameSize);
    return paddingOf(this.padder as Padder, size, room, FrameType.DATA);
  }

  /** Writes the padding after the octets of a frame and charges it. */
  private endPadded(stream: StreamRecord, padding: number): void {
    this.outbox.padding(padding);
    this.window -= padding;
    stream.sendWindow -= padding;
  }

  /**
   * Receivers grant windows back once per DATA frame or, those that do it by what their program reads, for every KiB of it,
   * some for less. Where the window is smaller than a frame, each half of it: three times, with an odd octet.
   */
  private count(size: number): void {
    this.sent += size;
    const grants = 3 + (size >>> 8);
    this.streamGrants += grants;
    this.connectionGrants += grants;
  }

  /** Moves `size` queued octets of a stream into the outbox. */
  private movePieces(stream: StreamRecord, size: number): void {
    const { tap } = this;
    let left = size;
    while (left > 0) {
      const piece = stream.head as Piece;
      const from = stream.headOffset;
      const available = piece.bytes.length - from;
      if (tap !== null) tap.onData?.(Direction.OUT, stream.id, piece.bytes, from, from + Math.min(available, left));
      if (available <= left) {
        this.outbox.payload(piece.bytes, from, from + available);
        left -= available;
        stream.head = piece.next;
        if (piece.next === null) stream.tail = null;
        stream.headOffset = 0;
      } else {
        this.outbox.payload(piece.bytes, from, from + left);
        stream.headOffset = from + left;
        left = 0;
      }
    }
    stream.bufferedBytes -= size;
    this.buffered -= size;
  }

  /**
   * Cuts one small frame at once, without the queue, when nobody waits and every window allows it: the common short
   * response. The caller has checked that the stream's own queue is empty. Returns false when it must be queued.
   */
  cutNow(stream: StreamRecord, bytes: Uint8Array, endStream: boolean): boolean {
    const size = bytes.length;
    if (size > this.window || size > stream.sendWindow || size > this.maxFrameSize || !this.scheduler.isEmpty) {
      return false;
    }
    const flags = endStream ? Flag.END_STREAM : 0;
    const padding = this.padder === null ? 0 : this.paddingFor(stream, size);
    const at = this.dataHeader(stream, size, padding, flags);
    this.outbox.payload(bytes, 0, size);
    if (this.tap !== null && size !== 0) this.tap.onData?.(Direction.OUT, stream.id, bytes, 0, size);
    this.window -= size;
    stream.sendWindow -= size;
    if (padding !== 0) this.endPadded(stream, padding);
    this.count(size);
    if (this.tap !== null) this.tell(stream, flags, size, padding, at);
    if (endStream) this.host.onEndSent(stream);
    return true;
  }

  /** Tells the tap why a stream with octets does not send, and how many they are. */
  private tellBlocked(stream: StreamRecord, cause: number): void {
    if (this.tap === null) return;
    if (stream.blocked === cause && stream.blockedBytes === stream.bufferedBytes) return;
    stream.blocked = cause;
    stream.blockedBytes = stream.bufferedBytes;
    this.tap.onSendBlocked(stream.id, cause, stream.bufferedBytes);
  }

  /** Tells the tap of a DATA frame that begins at `at`. */
  private tell(stream: StreamRecord, flags: number, size: number, padding: number, at: number): void {
    const tap = this.tap as Tap;
    // One that stays in line is told so at the end of the cut, and would only be let go to be held up again.
    if (stream.blocked !== SendBlock.NONE && stream.head === null) {
      stream.blocked = SendBlock.NONE;
      tap.onSendBlocked(stream.id, SendBlock.NONE, stream.bufferedBytes);
    }
    const bytes = this.outbox.octets.buffer;
    tap.onFrame(
      Direction.OUT,
      FrameType.DATA,
      padding === 0 ? flags : flags | Flag.PADDED,
      stream.id,
      size + padding,
      this.window,
      stream.sendWindow,
      0,
      bytes,
      at + 9,
    );
  }
}
