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
