import { DEFAULT_WINDOW, FrameType } from '../frame/types.ts';
import type { Outbox } from '../outbox.ts';
import { type StreamRecord, StreamState } from '../stream/stream.ts';
import { Direction, type Tap } from '../tap.ts';

/**
 * Receiving under flow control (RFC 9113 5.2, 6.9): what the peer may still send, and when released octets go back.
 * WINDOW_UPDATE is sent when half a window has been released, so that small reads cost no frames, or as much as the peer has
 * left: what one stream holds unread must not keep from the others what they have given back.
 */
export class Receiver {
  /** Octets the peer may still send on the connection. */
  window: number = DEFAULT_WINDOW;
  /** Size the connection window is kept at. */
  target: number;
  /** Size stream windows are kept at: our SETTINGS_INITIAL_WINDOW_SIZE, whether acknowledged or not. */
  streamTarget: number;
  /** Octets received and not released by the program, over all streams. */
  unreleased = 0;
  /** The connection has ended: nothing is granted any more. */
  stopped = false;
  private pendingRelease = 0;
  private readonly outbox: Outbox;
  private readonly tap: Tap | null;

  constructor(outbox: Outbox, tap: Tap | null, target: number, streamTarget: number) {
    this.outbox = outbox;
    this.tap = tap;
    this.target = target;
    this.streamTarget = streamTarget;
  }

  /** Takes `length` octets of payload off the connection window; false when the peer exceeded it. */
  charge(length: number): boolean {
    this.window -= length;
    this.unreleased += length;
    return this.window >= 0;
  }

  /** Octets that no stream holds (any more) go back to the connection window. */
  releaseConnection(bytes: number): void {
    this.book(bytes);
    this.giveBack();
  }

  private book(bytes: number): void {
    this.unreleased -= bytes;
    this.pendingRelease += bytes;
  }

  /** Grants the connection what has been released, once it is worth a frame. */
  private giveBack(): void {
    if (this.tap !== null) this.tap.onReceiveWithheld(0, this.unreleased);
    if (this.isDue(this.pendingRelease, this.target, this.window) && !this.stopped) this.grantConnection();
  }

  /** Whether released octets are worth a WINDOW_UPDATE: half of the whole window, or what the peer has left of it. */
  private isDue(released: number, target: number, window: number): boolean {
    return released > 0 && (released >= target >>> 1 || released >= window);
  }

  /** Gives released octets of a stream back, on both levels. */
  releaseStream(stream: StreamRecord, bytes: number): void {
    stream.unreleasedBytes -= bytes;
    stream.pendingRelease += bytes;
    this.book(bytes);
    if (this.tap !== null) this.tap.onReceiveWithheld(stream.id, stream.unreleasedBytes);
    // A half that has ended needs no more window.
    if (stream.state === StreamState.OPEN || stream.state === StreamState.HALF_CLOSED_LOCAL) {
      if (this.isDue(stream.pendingRelease, this.streamTarget, stream.receiveWindow)) this.grantStream(stream);
    }
    this.giveBack();
  }

  /** A stream is gone: what it held goes back to the connection. */
  closeStream(stream: StreamRecord): void {
    const held = stream.unreleasedBytes;
    stream.unreleasedBytes = 0;
    if (held > 0) this.releaseConnection(held);
  }

  /** Changes the size the connection window is kept at: a larger one is granted at once, a smaller one withheld. */
  setTarget(bytes: number): void {
    this.target = bytes;
    this.grantConnection();
  }

  /** Grants the connection everything up to its target that is not held unreleased. */
  grantConnection(): void {
    const increment = this.target - this.unreleased - this.window;
    this.pendingRelease = 0;
    if (increment <= 0) return;
    this.window += increment;
    this.outbox.windowUpdate(0, increment);
    if (this.tap !== null) this.tell(0, this.window, 0, increment);
  }

  private grantStream(stream: StreamRecord): void {
    const increment = stream.pendingRelease;
    stream.pendingRelease = 0;
    stream.receiveWindow += increment;
    this.outbox.windowUpdate(stream.id, increment);
    if (this.tap !== null) this.tell(stream.id, this.window, stream.receiveWindow, increment);
  }

  private tell(streamId: number, window: number, streamWindow: number, increment: number): void {
    const octets = this.outbox.octets;
    (this.tap as Tap).onFrame(
      Direction.OUT,
      FrameType.WINDOW_UPDATE,
      0,
      streamId,
      4,
      window,
      streamWindow,
      increment,
      octets.buffer,
      octets.length - 4,
    );
  }
}
