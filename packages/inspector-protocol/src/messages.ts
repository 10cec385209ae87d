/**
 * Messages of the inspector's WebSocket. FRAMES, FIELDS, EVENTS and PAYLOADS are binary (see `binary.ts`); everything else
 * is one JSON object with a `type`. The order is: client AUTH, server HELLO, client SUBSCRIBE, server SNAPSHOT and then
 * FRAMES, FIELDS, EVENTS, PAYLOADS, STATE and DROPPED as things happen. The client acknowledges log positions with ACK;
 * without acknowledgement the server stops sending logs at the credit told in HELLO and later skips ahead, telling what it
 * skipped in DROPPED. The state is coalesced, so it needs no credit and is never dropped. Read and write messages with
 * `parse.ts`: rows travel packed.
 */
import type { LogEvent } from './events.ts';
import type { FieldSection, PackedSections } from './fields.ts';
import type { Changes } from './rows.ts';
import type { FrameSelection } from './subscription.ts';
import type { Verdict } from './verdict/types.ts';

/** First message of a client, within 5 s. */
export interface Auth {
  readonly type: 'auth';
  /** The token of the inspector's URL. */
  readonly token: string;
}

/** Starts, or replaces, what is sent. Answered by SNAPSHOT. */
export interface Subscribe {
  readonly type: 'subscribe';
  /** Chosen by the client, repeated in SNAPSHOT. */
  readonly id: number;
  /** Which frames are wanted; null: none. `{}`: all. */
  readonly frames: FrameSelection | null;
  /**
   * Of those frames only what passes this filter, in the language of `parseFilter`, by what is known of a frame's stream when
   * it is told; at most `MAX_FILTER_LENGTH` characters. Empty or left out: all. One that is not understood is refused with
   * REPLY `error`, and what was subscribed before goes on.
   */
  readonly filter?: string;
  /** Which field sections are wanted (by connection, stream, direction and leg; `types` has no meaning); null: none. */
  readonly fields: FrameSelection | null;
  /** True when events are wanted. */
  readonly events: boolean;
  /** Of which frames the octets are wanted, as far as any are kept; null: none. They are the first that a slow viewer loses. */
  readonly payloads: FrameSelection | null;
  /** How many of the frames, sections and events that are still kept are sent first, counted back from now. 0..10 million. */
  readonly backlog: number;
}

/** Everything up to these positions has been taken in. Left out: unchanged. */
export interface Ack {
  readonly type: 'ack';
  /** `to` of the last FRAMES or DROPPED. */
  readonly frames?: number;
  /** `to` of the last FIELDS or DROPPED. */
  readonly fields?: number;
  /** `to` of the last EVENTS or DROPPED. */
  readonly events?: number;
  /** `to` of the last PAYLOADS or DROPPED. */
  readonly payloads?: number;
}

/** Asks for one thing; answered by REPLY with the same id. */
export type Get =
  /** The kept field sections of a stream, oldest first. */
  | {
      readonly type: 'get';
      readonly id: number;
      readonly what: 'sections';
      readonly connection: number;
      readonly stream: number;
    }
  /** Both dynamic tables of a connection as they are now. */
  | { readonly type: 'get'; readonly id: number; readonly what: 'tables'; readonly connection: number }
  /** Which streams stand still now, and why. */
  | { readonly type: 'get'; readonly id: number; readonly what: 'verdicts' };

/** What a client may send. */
export type ClientMessage = Auth | Subscribe | Ack | Get;

/** First message of the server, after AUTH was good. */
export interface Hello {
  readonly type: 'hello';
  /** Protocol version. */
  readonly version: number;
  /** Octets of a frame record. */
  readonly recordBytes: number;
  /** Names this gateway process: a new one after a restart, when connection numbers and positions begin again. */
  readonly gateway: string;
  /** What a person calls it, such as its first listener's address. */
  readonly name: string;
  /** Where clients connect to, as URLs such as `https://127.0.0.1:8443`. Left out by a gateway that does not tell. */
  readonly listeners?: readonly string[];
  /** Version of the gateway. */
  readonly release: string;
  /** Wall-clock time of t = 0, milliseconds since 1970. */
  readonly epochMs: number;
  /** The time now, in t. */
  readonly now: number;
  /** Frame records that the ring holds. */
  readonly ringRecords: number;
  /** Unacknowledged octets of logs after which the server waits. */
  readonly creditBytes: number;
  /** This is a recording: `now` is its end, and nothing more will come. Left out by a gateway. */
  readonly recorded?: boolean;
  /** Whether secrets are shown: false unless the gateway was started so. */
  readonly revealed: boolean;
  /** Octets that are kept of each DATA frame at most. Left out: none. */
  readonly payloadBytes?: number;
}

/** Names of the logs. */
export type LogName = 'frames' | 'fields' | 'events' | 'payloads';

/** Positions of the logs: one frame, section, event or piece of octets each. */
export interface LogPositions {
  readonly frames: number;
  readonly fields: number;
  readonly events: number;
  readonly payloads: number;
}

/** How many frames of one kind. `type` is a `typeBucket`; connection 0 and type 15 when not known. */
export type FrameCount = readonly [connection: number, direction: 0 | 1, type: number, count: number];

/**
 * Answers SUBSCRIBE: everything known. Rows replace all earlier ones; logs that came before it belong to the subscription
 * before.
 */
export interface Snapshot {
  readonly type: 'snapshot';
  /** That of SUBSCRIBE. */
  readonly id: number;
  readonly now: number;
  /**
   * The filter of this subscription; left out: none. Every position of the log of frames from `from` on is then told of by
   * FRAMES or DROPPED, in order: it was received, or looked at and filtered out (within FRAMES), or dropped.
   */
  readonly filter?: string;
  /** Where the logs begin for this subscription. */
  readonly from: LogPositions;
  /** Where the logs end now. */
  readonly head: LogPositions;
  /** Frames recorded before `from.frames`: what must be taken off `ConnectionState.frames` to compare it with what came. */
  readonly before: readonly FrameCount[];
  readonly rows: Changes;
}

/** Rows that changed since the last SNAPSHOT or STATE; ten times a second at most, and not when nothing changed. */
export interface State {
  readonly type: 'state';
  readonly now: number;
  readonly head: LogPositions;
  /** True: rows not named here are gone; forget all earlier ones. */
  readonly reset: boolean;
  readonly rows: Changes;
}

/** Field sections; binary, see `fields-message.ts`. */
export interface Fields {
  readonly type: 'fields';
  readonly from: number;
  readonly to: number;
  readonly sections: readonly FieldSection[];
}

/** Events; binary, see `events-message.ts`. */
export interface Events {
  readonly type: 'events';
  readonly from: number;
  readonly to: number;
  readonly events: readonly LogEvent[];
}

/** A part of a log that will not be sent: this client was slow (`credit`), or the ring was overwritten (`overrun`). */
export interface Dropped {
  readonly type: 'dropped';
  readonly log: LogName;
  readonly cause: 'credit' | 'overrun';
  readonly from: number;
  /** The position after; acknowledge with it. */
  readonly to: number;
  /** How many that the subscription chooses. With a filter, all: nobody has looked at them. */
  readonly count: number;
  /** The same by connection, direction and type; only for frames. */
  readonly counts: readonly FrameCount[];
}

/** One entry of a dynamic table, newest first. */
export interface TableEntry {
  readonly name: string;
  /** Empty when redacted. */
  readonly value: string;
  readonly redacted: string | null;
  /** Octets as counted by RFC 7541 4.1. */
  readonly size: number;
}

/** A dynamic table. `complete` false: some sections were lost, entries at the old end may be missing. */
export interface TableView {
  readonly maxSize: number;
  readonly size: number;
  readonly complete: boolean;
  readonly entries: readonly TableEntry[];
}

/** Answers a Get. */
export type Reply =
  | { readonly type: 'reply'; readonly id: number; readonly what: 'sections'; readonly packed: PackedSections }
  | {
      readonly type: 'reply';
      readonly id: number;
      readonly what: 'tables';
      readonly received: TableView;
      readonly sent: TableView;
    }
  | {
      readonly type: 'reply';
      readonly id: number;
      readonly what: 'verdicts';
      readonly now: number;
      readonly verdicts: readonly { readonly connection: number; readonly stream: number; readonly verdict: Verdict }[];
    }
  | { readonly type: 'reply'; readonly id: number; readonly what: 'error'; readonly message: string };

/** What the server may send as text. */
export type TextMessage = Hello | Snapshot | State | Dropped | Reply;

/** What the server may send, but for FRAMES, which are read in place, and PAYLOADS. */
export type ServerMessage = TextMessage | Fields | Events;

/** Codes with which the server closes the WebSocket. */
export const CloseCode = {
  /** A message that is not understood; the reason says why. */
  BAD_MESSAGE: 4400,
  /** No token, a wrong one, or none within 5 s. */
  UNAUTHENTICATED: 4401,
  /** Too many viewers. */
  TOO_MANY: 4429,
} as const;
