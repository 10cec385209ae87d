import { DEFAULT_URGENCY } from '../message/priority.ts';

/** RFC 9113 5.1, numbered for the transition table. */
export const StreamState = {
  IDLE: 0,
  RESERVED_LOCAL: 1,
  RESERVED_REMOTE: 2,
  OPEN: 3,
  HALF_CLOSED_LOCAL: 4,
  HALF_CLOSED_REMOTE: 5,
  CLOSED: 6,
} as const;
/** One of `StreamState`. */
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

/** One stream of a connection: identity, state and windows. Commands are on the connection, which takes the stream. */
export interface Stream {
  /** Stream identifier, 1..2^31-1; odd: opened by the client. */
  readonly id: number;
  readonly state: StreamState;
  /** A place for the program to keep its own object for this stream. Null at first. */
  context: unknown;
  /** Octets the peer allows us to send on this stream; may be negative (RFC 9113 6.9.2). */
  readonly sendWindow: number;
  /** Octets the peer may still send on this stream. */
  readonly receiveWindow: number;
  /** Octets given to `write` and not yet cut into DATA frames. */
  readonly bufferedBytes: number;
  /** Octets received on this stream and not yet released. */
  readonly unreleasedBytes: number;
}

/** A piece of body waiting to be cut into DATA frames. */
export interface Piece {
  readonly bytes: Uint8Array;
  next: Piece | null;
}

/**
 * The core's own view of a stream: one flat record, so that every access on the hot path is monomorphic. The program
 * sees it as `Stream`.
 */
export class StreamRecord implements Stream {
  id: number;
  state: StreamState = StreamState.IDLE;
  context: unknown = null;

  sendWindow: number;
  receiveWindow: number;
  bufferedBytes = 0;
  unreleasedBytes = 0;
  /** Released octets not yet given back by WINDOW_UPDATE. */
  pendingRelease = 0;

  /** Body to send, oldest first; `headOffset` octets of the first piece have left. */
  head: Piece | null = null;
  tail: Piece | null = null;
  headOffset = 0;
  /** END_STREAM goes with the last queued octet (or alone). */
  endQueued = false;
  /** Trailers that follow the last queued octet, and the places in them of what must never be indexed. */
  trailers: readonly string[] | null = null;
  trailersSensitive: readonly number[] | null = null;
  /** Octets of body that the program announced by content-length, -1: none; and those it has written. RFC 9113 8.1.1. */
  declaredBytes = -1;
  writtenBytes = 0;
  /** `write` answered false: `onWritable` is owed. */
  wantsWritable = false;
  /** Cause and octets last told to the tap, see `Tap.onSendBlocked`. */
  blocked = 0;
  blockedBytes = 0;

  /** Links of the scheduler's ring; both null when the stream is not in it. */
  ringNext: StreamRecord | null = null;
  ringPrevious: StreamRecord | null = null;
  /** RFC 9218 4.1: 0 (first) to 7. Changed by the scheduler only. */
  urgency: number = DEFAULT_URGENCY;
  incremental = true;

  /** Octets of body announced by content-length, -1: unknown. RFC 9113 8.1.1. */
  expectedBytes = -1;
  receivedBytes = 0;
  /** The request was HEAD or CONNECT: rules for the response's body differ (RFC 9110 9.3.2, 9.3.6). */
  isHead = false;
  /** The message being received cannot have a body: response to HEAD, 204, 304. */
  noBody = false;
  isConnect = false;
  /** `CancelledSlots.chunks` when it was opened by us. */
  openedAt = 0;
  /** A final (not 1xx) head was received or, on the server, sent. */
  headReceived = false;
  headSent = false;
  /** Size of the request's field section, octets by RFC 9113 6.5.2. */
  headerBytes = 0;
  /** Size of the 1xx responses received so far, the same way. */
  informationalBytes = 0;
  /** Cost of small DATA frames not yet released, see `Guard`. */
  smallDataCost = 0;
  /** When the stall check first saw the send queue wait, ms (-1: not yet), and what has left since. */
  waitingSince = -1;
  sentSince = 0;
  /** `Sender.sent` at that time. */
  sentBefore = 0;
  /** The program still works for this stream: it counts as open after its end. */
  held = false;
  /** It has ended and counts as open only because it is held. */
  heldAfterEnd = false;
  /** Opened by this endpoint. */
  readonly local: boolean;

  constructor(id: number, local: boolean, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.local = local;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Adds body octets to the send queue. */
  enqueue(bytes: Uint8Array): void {
    const piece: Piece = { bytes, next: null };
    if (this.tail === null) {
      this.head = piece;
      this.waitingSince = -1;
    } else {
      this.tail.next = piece;
    }
    this.tail = piece;
    this.bufferedBytes += bytes.length;
  }

  /** Forgets everything that was to be sent. */
  dropQueue(): void {
    this.head = null;
    this.tail = null;
    this.headOffset = 0;
    this.bufferedBytes = 0;
    this.endQueued = false;
    this.trailers = null;
    this.wantsWritable = false;
  }

  /** True when something can go out but for windows: octets, a bare END_STREAM or trailers. */
  get hasPending(): boolean {
    return this.head !== null || this.endQueued || this.trailers !== null;
  }
}
