/**
 * RFC 9113 5.1 as a table: (state, event) -> next state, or what is wrong. Absent means illegal. Events are frames with
 * the flags that matter; PRIORITY is legal in every state and WINDOW_UPDATE changes none, so neither stands here.
 */
import { StreamState } from './stream.ts';

/** What moves a stream. Numbered for the table. */
export const StreamEvent = {
  RECEIVE_HEADERS: 0,
  RECEIVE_HEADERS_END: 1,
  RECEIVE_DATA: 2,
  RECEIVE_DATA_END: 3,
  RECEIVE_RST: 4,
  RECEIVE_PROMISE: 5,
  SEND_HEADERS: 6,
  SEND_HEADERS_END: 7,
  SEND_DATA: 8,
  SEND_DATA_END: 9,
  SEND_RST: 10,
  SEND_PROMISE: 11,
} as const;
/** One of `StreamEvent`. */
export type StreamEvent = (typeof StreamEvent)[keyof typeof StreamEvent];

/** Answers of the table that are not a state. */
export const Illegal = {
  /** Connection error PROTOCOL_ERROR. */
  PROTOCOL: -1,
  /** Stream error STREAM_CLOSED. */
  CLOSED: -2,
  /** A mistake of our own program. */
  USAGE: -3,
} as const;

const EVENTS = 12;
const { IDLE, RESERVED_LOCAL, RESERVED_REMOTE, OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED } = StreamState;
const E = StreamEvent;

type Row = Partial<Record<StreamEvent, number>>;

/** The figure of RFC 9113 5.1 row by row. */
const ROWS: Readonly<Record<StreamState, Row>> = {
  [IDLE]: {
    [E.RECEIVE_HEADERS]: OPEN,
    [E.RECEIVE_HEADERS_END]: HALF_CLOSED_REMOTE,
    [E.RECEIVE_PROMISE]: RESERVED_REMOTE,
    [E.SEND_HEADERS]: OPEN,
    [E.SEND_HEADERS_END]: HALF_CLOSED_LOCAL,
    [E.SEND_PROMISE]: RESERVED_LOCAL,
  },
  [RESERVED_LOCAL]: {
    [E.SEND_HEADERS]: HALF_CLOSED_REMOTE,
    [E.SEND_HEADERS_END]: CLOSED,
    [E.RECEIVE_RST]: CLOSED,
    [E.SEND_RST]: CLOSED,
  },
  [RESERVED_REMOTE]: {
    [E.RECEIVE_HEADERS]: HALF_CLOSED_LOCAL,
    [E.RECEIVE_HEADERS_END]: CLOSED,
    [E.RECEIVE_RST]: CLOSED,
    [E.SEND_RST]: CLOSED,
  },
  [OPEN]: {
    [E.RECEIVE_HEADERS]: OPEN,
    [E.RECEIVE_HEADERS_END]: HALF_CLOSED_REMOTE,
    [E.RECEIVE_DATA]: OPEN,
    [E.RECEIVE_DATA_END]: HALF_CLOSED_REMOTE,
    [E.SEND_HEADERS]: OPEN,
    [E.SEND_HEADERS_END]: HALF_CLOSED_LOCAL,
    [E.SEND_DATA]: OPEN,
    [E.SEND_DATA_END]: HALF_CLOSED_LOCAL,
    [E.RECEIVE_RST]: CLOSED,
    [E.SEND_RST]: CLOSED,
  },
  [HALF_CLOSED_LOCAL]: {
    [E.RECEIVE_HEADERS]: HALF_CLOSED_LOCAL,
    [E.RECEIVE_HEADERS_END]: CLOSED,
    [E.RECEIVE_DATA]: HALF_CLOSED_LOCAL,
    [E.RECEIVE_DATA_END]: CLOSED,
    [E.RECEIVE_RST]: CLOSED,
    [E.SEND_RST]: CLOSED,
  },
  [HALF_CLOSED_REMOTE]: {
    [E.SEND_HEADERS]: HALF_CLOSED_REMOTE,
    [E.SEND_HEADERS_END]: CLOSED,
    [E.SEND_DATA]: HALF_CLOSED_REMOTE,
    [E.SEND_DATA_END]: CLOSED,
    [E.RECEIVE_RST]: CLOSED,
    [E.SEND_RST]: CLOSED,
    // "If an endpoint receives additional frames ... it MUST respond with a stream error of type STREAM_CLOSED."
    [E.RECEIVE_HEADERS]: Illegal.CLOSED,
    [E.RECEIVE_HEADERS_END]: Illegal.CLOSED,
    [E.RECEIVE_DATA]: Illegal.CLOSED,
    [E.RECEIVE_DATA_END]: Illegal.CLOSED,
  },
  [CLOSED]: {
    [E.RECEIVE_HEADERS]: Illegal.CLOSED,
    [E.RECEIVE_HEADERS_END]: Illegal.CLOSED,
    [E.RECEIVE_DATA]: Illegal.CLOSED,
    [E.RECEIVE_DATA_END]: Illegal.CLOSED,
    [E.RECEIVE_RST]: CLOSED,
    [E.SEND_RST]: CLOSED,
  },
};

const TABLE: Int8Array = (() => {
  const table = new Int8Array(7 * EVENTS);
  for (let state = 0; state < 7; state++) {
    for (let event = 0; event < EVENTS; event++) {
      const missing = event >= E.SEND_HEADERS ? Illegal.USAGE : Illegal.PROTOCOL;
      table[state * EVENTS + event] = ROWS[state as StreamState][event as StreamEvent] ?? missing;
    }
  }
  return table;
})();

/** The state after `event`, or one of `Illegal` (negative). */
export function transition(state: StreamState, event: StreamEvent): number {
  return TABLE[state * EVENTS + event] as number;
}
