import type { Connection } from '../connection.ts';
import { ErrorCode, H2Error } from '../errors.ts';
import type { FieldList } from '../handler.ts';
import type { Stream } from '../stream/stream.ts';
import { Deferred } from './deferred.ts';
import { HeaderList } from './headers.ts';
import { microtask } from './host.ts';
import { Inbox } from './inbox.ts';
import type { CutStream } from './session-state.ts';

/** How received octets go back to the windows. */
export const ReceiveMode = {
  /** As the reader takes them. */
  AUTOMATIC: 0,
  /** By `flowControl.release`. */
  MANUAL: 1,
  /** At once: nobody reads. */
  DISCARD: 2,
} as const;
/** One of `ReceiveMode`. */
export type ReceiveMode = (typeof ReceiveMode)[keyof typeof ReceiveMode];

/**
 * What the session layer keeps for one stream, as `Stream.context`: one flat record that the public handles (request,
 * response, body, send stream) share. What a handle does not ask for is not created.
 */
export abstract class StreamLink {
  readonly core: Connection;
  /** The core's stream. A request of ours gets it right after construction. */
  stream: Stream;
  /** Unsent octets at which `write` answers false. */
  readonly sendBufferSize: number;
  /** Why the stream ended before its time; null while it lives and after a complete exchange. */
  failure: H2Error | null = null;
  /** Both halves are over. */
  isClosed = false;

  // Receiving
  receiveEnded: boolean;
  receiveMode: ReceiveMode = ReceiveMode.AUTOMATIC;
  /** The program has begun to read the body. */
  readBegun = false;
  /** Received octets that nobody has taken. */
  queuedOctets = 0;
  /** Some of the body was thrown away unread. */
  isCutShort = false;
  private inbox: Inbox | null = null;
  private trailerFields: FieldList | null = null;
  private trailersSensitive: readonly number[] | null = null;
  private trailersWaited: Deferred<HeaderList | null> | null = null;

  // Sending
  /** The program has ended our half; it has left when `endSent` is true. */
  sendEnded = false;
  endSent = false;
  /** The message has no content by its nature (RFC 9110 6.4.1): octets written are dropped. */
  isBodyless = false;
  /** `write` has answered false. */
  private full = false;
  private room: Deferred<void> | null = null;
  private finished: Deferred<void> | null = null;
  protected failureListeners: ((error: H2Error) => void)[] | null = null;

  constructor(core: Connection, stream: Stream, sendBufferSize: number, receiveEnded: boolean) {
    this.core = core;
    this.stream = stream;
    this.sendBufferSize = sendBufferSize;
    this.receiveEnded = receiveEnded;
  }

  // From the core -----------------------------------------------------------------------------------------------------

  /** Body octets came. */
  onData(chunk: Uint8Array, end: boolean): void {
    const { length } = chunk;
    if (length !== 0) {
      if (this.receiveMode === ReceiveMode.DISCARD) {
        this.core.release(this.stream, length);
      } else {
        this.inbox ??= new Inbox();
        if (!this.inbox.push(chunk)) this.queuedOctets += length;
        else if (this.receiveMode === ReceiveMode.AUTOMATIC) this.core.release(this.stream, length);
      }
    }
    if (end) this.endReceive(null, null);
  }

  /** The peer's half has ended, perhaps with trailers. */
  endReceive(trailers: FieldList | null, sensitive: readonly number[] | null): void {
    this.receiveEnded = true;
    this.trailerFields = trailers;
    this.trailersSensitive = sensitive;
    if (this.inbox !== null) this.inbox.end();
    if (this.trailersWaited !== null) this.trailersWaited.resolve(this.trailerList());
  }

  /** The send buffer has room again. */
  onWritable(): void {
    this.full = false;
    if (this.room === null) return;
    this.room.resolve();
    this.room = null;
  }

  /** END_STREAM of ours has left. */
  onEndSent(): void {
    this.endSent = true;
    if (this.finished !== null) this.finished.resolve();
  }

  /** The stream was ended by an error: everybody who waits for it is told. What was received stays readable. */
  fail(error: H2Error): void {
    if (this.failure !== null || this.isClosed) return;
    this.failure = error;
    const { failureListeners, room, finished, inbox, trailersWaited } = this;
    let isTold = failureListeners !== null || room !== null;
    if (!this.receiveEnded) {
      if (inbox?.isAwaited === true || trailersWaited !== null) isTold = true;
      inbox?.end(error);
      trailersWaited?.reject(error);
    }
    room?.reject(error);
    this.room = null;
    if (!this.endSent && finished !== null) {
      isTold = true;
      finished.reject(error);
    }
    this.failureListeners = null;
    if (isTold) this.noteTold();
    // Listeners are the program's: they run outside of the core's calls.
    for (const listener of failureListeners ?? []) microtask(() => listener(error));
  }

  /** The program, or a part of it that waited for this stream, has been told that it failed. */
  noteTold(): void {}

  /** Last call of the core for this stream. */
  onClosed(): void {
    this.isClosed = true;
  }

  // From the program --------------------------------------------------------------------------------------------------

  private queue(): Inbox {
    if (this.inbox === null) {
      this.inbox = new Inbox();
      if (this.receiveEnded) this.inbox.end();
      else if (this.failure !== null) this.inbox.end(this.failure);
    }
    return this.inbox;
  }

  /** The next octets of the body. */
  read(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.readBegun) this.beginRead();
    const queue = this.queue();
    const value = queue.take();
    if (value === undefined) {
      if (this.failure !== null) this.noteTold();
      return queue.next();
    }
    this.queuedOctets -= value.length;
    if (this.receiveMode === ReceiveMode.AUTOMATIC) this.core.release(this.stream, value.length);
    return Promise.resolve({ done: false, value });
  }

  /** The program wants the body: the moment for a server to say 100 (Continue). */
  protected beginRead(): void {
    this.readBegun = true;
  }

  /** Trailers, once the peer's half has ended; null: it ended without. */
  awaitTrailers(): Promise<HeaderList | null> {
    if (this.receiveEnded) return Promise.resolve(this.trailerList());
    if (this.failure !== null) this.noteTold();
    if (this.trailersWaited === null) {
      this.trailersWaited = new Deferred();
      if (this.failure !== null) this.trailersWaited.reject(this.failure);
    }
    return this.trailersWaited.promise;
  }

  private trailerList(): HeaderList | null {
    return this.trailerFields === null ? null : new HeaderList(this.trailerFields, this.trailersSensitive);
  }

  /**
   * Reads no more: what is here and what comes is thrown away, its octets given back. Unless all of the body has been read,
   * whoever reads it gets an error: what is left of a message must not pass for the whole (RFC 9113 8.1).
   */
  discard(): void {
    if (this.receiveMode === ReceiveMode.DISCARD) return;
    this.receiveMode = ReceiveMode.DISCARD;
    this.dropUnread(this.failure ?? cancelled(this.stream.id));
    this.core.release(this.stream, this.stream.unreleasedBytes);
  }

  /** Throws away what nobody has read. Unless that was nothing, and the end of the body has come, readers get `error`. */
  protected dropUnread(error: H2Error): void {
    if (this.receiveEnded && this.queuedOctets === 0) return;
    this.isCutShort = true;
    this.queuedOctets = 0;
    this.queue().fail(error);
  }

  /** The program has ended our half. */
  endSend(): void {
    this.sendEnded = true;
  }

  /** Passes octets on; false: the buffer is full or the stream is gone. */
  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.failure !== null) return false;
    if (this.isBodyless) return true;
    const room = this.core.write(this.stream, chunk, end);
    this.full = !room && !end;
    return room;
  }

  /** Settles when `write` may be called again. */
  awaitRoom(): Promise<void> {
    if (this.failure !== null) {
      this.noteTold();
      const refused = new Deferred<void>();
      refused.reject(this.failure);
      return refused.promise;
    }
    if (!this.full) return Promise.resolve();
    this.room ??= new Deferred();
    return this.room.promise;
  }

  /** Settles when our half has left. */
  awaitFinished(): Promise<void> {
    if (this.failure !== null) this.noteTold();
    if (this.finished === null) {
      this.finished = new Deferred();
      if (this.endSent) this.finished.resolve();
      else if (this.failure !== null) this.finished.reject(this.failure);
    }
    return this.finished.promise;
  }

  /** Calls `listener` when the stream fails, or soon if it has. */
  onFailure(listener: (error: H2Error) => void): void {
    const { failure } = this;
    if (failure !== null) {
      this.noteTold();
      microtask(() => listener(failure));
    } else if (!this.isClosed) {
      this.failureListeners ??= [];
      this.failureListeners.push(listener);
    }
  }

  /** Forgets a listener. */
  offFailure(listener: (error: H2Error) => void): void {
    const { failureListeners } = this;
    if (failureListeners === null) return;
    const others = failureListeners.filter(other => other !== listener);
    this.failureListeners = others.length === 0 ? null : others;
  }

  /** Ends both halves with RST_STREAM. Does nothing when both are over. `cause`: an error of the program behind it. */
  reset(code: number, reason: string, cause?: unknown): void {
    if (this.isClosed || this.failure !== null) return;
    const error = resetError(this.stream.id, code, reason, cause);
    this.fail(error);
    this.core.reset(this.stream, code, reason);
  }

  /** Ends what is still open because the program has lost interest; `cause`: why, as its AbortSignal says. */
  abort(cause?: unknown): void {
    this.reset(ErrorCode.CANCEL, GIVEN_UP, cause);
  }

  /** The program reads no more of the body. */
  abstract cancelRead(): void;

  /** What to call this stream in a report. */
  abstract describe(): CutStream;
}

const GIVEN_UP = 'the program gave the stream up';

function resetError(streamId: number, code: number, reason: string, cause: unknown): H2Error {
  const error = new H2Error(reason === '' ? 'the program reset the stream' : reason, {
    scope: 'stream',
    code,
    initiator: 'user',
    rule: 'stream.reset',
    streamId,
  });
  if (cause !== undefined) error.cause = cause;
  return error;
}

/** What `abort` ends a stream with, for one that was never opened. */
export function givenUp(cause: unknown): H2Error {
  return resetError(0, ErrorCode.CANCEL, GIVEN_UP, cause);
}

/** What those get who read a body after the program has given it up. */
function cancelled(streamId: number): H2Error {
  return new H2Error('the program gave the body up before its end', {
    scope: 'stream',
    code: ErrorCode.CANCEL,
    initiator: 'user',
    rule: 'body.cancelled',
    streamId,
  });
}
