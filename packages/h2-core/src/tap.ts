/**
 * The tap: everything a connection does, told to one observer in scalars and borrowed views. The core calls it behind
 * one null check; nothing is built for it. An implementation must not keep a view or call back into the connection.
 */

import type { OddityId } from './guard/oddities.ts';

/** Which way a frame, a field section or a table belongs: 0 received from the peer, 1 sent by us. */
export const Direction = { IN: 0, OUT: 1 } as const;
/** 0 received, 1 sent. */
export type Direction = (typeof Direction)[keyof typeof Direction];

/** What a field section is. */
export const SectionKind = { REQUEST: 0, RESPONSE: 1, INFORMATIONAL: 2, TRAILERS: 3, PUSH: 4 } as const;
/** One of `SectionKind`. */
export type SectionKind = (typeof SectionKind)[keyof typeof SectionKind];

/** What happened to a SETTINGS frame: ours went out, ours was acknowledged, the peer's came in and took effect. */
export const SettingsEvent = { SENT: 0, ACKED: 1, RECEIVED: 2 } as const;
/** One of `SettingsEvent`. */
export type SettingsEvent = (typeof SettingsEvent)[keyof typeof SettingsEvent];

/**
 * Observer of one connection. All methods are called synchronously, must be cheap and must not throw. What one throws inside
 * `receive`, `handleTimeout` or `takeOutput` ends the connection; what it throws inside a command comes out of that, which is
 * half done then: the connection has to be destroyed.
 */
export interface Tap {
  /**
   * A frame was cut or read. Windows are those *after* the frame: of the receiving side for DATA in and WINDOW_UPDATE
   * out, of the sending side for all others; the stream window is 0 when there is no such stream.
   * `length` is the payload length in octets (0..16777215). `aux` is the frame's number: increment (WINDOW_UPDATE),
   * error code (RST_STREAM, GOAWAY), promised stream (PUSH_PROMISE), first setting's id (SETTINGS), else 0.
   * `bytes` holds the payload from `offset`; of a DATA frame perhaps only its beginning, of a sent GOAWAY with 2048 octets
   * or more nothing. It is borrowed.
   */
  onFrame(
    direction: Direction,
    type: number,
    flags: number,
    streamId: number,
    length: number,
    connectionWindow: number,
    streamWindow: number,
    aux: number,
    bytes: Uint8Array,
    offset: number,
  ): void;

  /**
   * Octets `bytes[start .. end)` of a DATA frame, without padding, never empty: of a received one as they arrive, after
   * its `onFrame`; of a sent one in pieces before its `onFrame`, with no other frame between. Borrowed.
   */
  onData?(direction: Direction, streamId: number, bytes: Uint8Array, start: number, end: number): void;

  /**
   * The fields that follow (until `onFieldSectionEnd`) make up this field section. Comes before its HEADERS frame; a request
   * that came by HTTP/1.1 Upgrade has none, and its fields have no size on the wire.
   */
  onFieldSectionStart(direction: Direction, streamId: number): void;

  /**
   * One field line. `representation` is RFC 7541's: 0 indexed, 1 literal with incremental indexing, 2 literal without
   * indexing, 3 literal never indexed. `index` is the table index referred to (0: none), `wireBytes` its size on the wire.
   */
  onField(
    direction: Direction,
    name: string,
    value: string,
    representation: number,
    index: number,
    wireBytes: number,
  ): void;

  /** The field section is complete. `wireBytes` is the size of the encoded block in octets. */
  onFieldSectionEnd(direction: Direction, streamId: number, kind: SectionKind, wireBytes: number): void;

  /** The dynamic table of this direction changed: an entry came in at the front. Size in octets, RFC 7541 4.1. */
  onTableInsert(direction: Direction, name: string, value: string, tableSize: number): void;
  /** `count` oldest entries left the dynamic table. */
  onTableEvict(direction: Direction, count: number, tableSize: number): void;
  /** The dynamic table's maximum changed, in octets. */
  onTableResize(direction: Direction, maxSize: number): void;

  /** A stream went from one state to another (numbers of `StreamState`, RFC 9113 5.1). */
  onStreamState(streamId: number, from: number, to: number): void;

  /** SETTINGS were sent, acknowledged by the peer, or received and applied. Pairs of id and value, in wire order. */
  onSettings(event: SettingsEvent, pairs: readonly number[]): void;

  /**
   * A stream has data that does not leave: 1 connection window, 2 stream window, 3 it stands in line because the transport
   * is full or others are served first; 0: all it had has left. Told again when only the octets have changed.
   */
  onSendBlocked(streamId: number, cause: number, pendingBytes: number): void;
  /** The application holds this many received octets unreleased on the stream (0: connection). */
  onReceiveWithheld(streamId: number, bytes: number): void;
  /** The transport accepts octets again (true) or is full (false). */
  onTransport(writable: boolean): void;

  /** A rule was broken: stable rule id, RFC section, stream (0: connection), frame type. */
  onViolation(rule: string, rfc: string, streamId: number, frameType: number, message: string): void;
  /**
   * The peer did something legal but strange; `what` is one of `ODDITIES`. Each is charged to `oddityBurst`. Comes before the
   * frame, or after it.
   */
  onOddity?(what: OddityId, streamId: number, frameType: number): void;
  /**
   * Three quarters of what a flood guard allows are used up: `used` of `limit`, in the units of the option that says so.
   * `rule` is what will be broken (`RULES`). Told once, and again when it comes to that after half was free.
   */
  onLimitNear?(rule: string, used: number, limit: number): void;
  /** A stream was reset: by whom, with what code, by which rule or with what reason text. */
  onReset(streamId: number, code: number, initiator: 'user' | 'library' | 'remote', reason: string): void;
  /** GOAWAY was sent or received. */
  onGoAway(direction: Direction, lastStreamId: number, code: number, debug: string): void;
}
