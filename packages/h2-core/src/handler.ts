import type { H2Error } from './errors.ts';
import type { AltSvc } from './frame/extension-frames.ts';
import type { PseudoField } from './message/pseudo-order.ts';
import type { Stream } from './stream/stream.ts';

/**
 * Header fields in wire order as a flat list: name, value, name, value ... Names are lower case. Duplicates are kept.
 * Octets above 0x7f stand as the code points U+0080..U+00FF (RFC 9110 5.5).
 */
export type FieldList = readonly string[];

/** A request's control data and fields (RFC 9113 8.3.1). */
export interface RequestHead {
  readonly method: string;
  /** `http` or `https`; empty only for ordinary CONNECT. */
  readonly scheme: string;
  /** Host and optional port; empty when the request carried none. */
  readonly authority: string;
  /** Origin-form target with query, `*` for OPTIONS; empty only for ordinary CONNECT. */
  readonly path: string;
  /** `:protocol` of extended CONNECT (RFC 8441), empty otherwise. */
  readonly protocol: string;
  readonly fields: FieldList;
  /** Positions in `fields` (of the name) that the peer marked never indexed (RFC 7541 7.1.3); null: none. */
  readonly sensitive: readonly number[] | null;
  /**
   * Pseudo-fields in the order in which they came; of a request to send: in which they go, those left out behind. Default
   * for those: the option `pseudoOrder`.
   */
  readonly pseudoOrder?: readonly PseudoField[];
}

/** A response's control data and fields (RFC 9113 8.3.2). */
export interface ResponseHead {
  /** 100..599 (999 is accepted). */
  readonly status: number;
  readonly fields: FieldList;
  /** Positions in `fields` (of the name) that the peer marked never indexed; null: none. */
  readonly sensitive: readonly number[] | null;
}

/**
 * What becomes of a received field line that is not allowed: `reject` makes the message malformed (RFC 9113 8.1.1), `ignore`
 * drops the line, `accept` keeps it as it is. Whoever accepts must not pass it on: request smuggling lives on that.
 */
export type FieldVerdict = 'reject' | 'ignore' | 'accept';

/** The rules a regular field line can break, see `RULES`. */
export type FieldRule = 'field.name' | 'field.value' | 'field.connection-specific' | 'field.te';

/**
 * What a connection tells the program. Every method is called synchronously inside `receive`, `receiveEnd`,
 * `handleTimeout` or a command; commands are legal inside a call, `receive` is not. All are optional.
 */
export interface Handler {
  /** Server: the 24 octets of the client's connection preface (RFC 9113 3.4) have come; its SETTINGS follow. */
  onPreface?(): void;
  /** Server: a request opened a stream. `endStream`: there is no body. */
  onRequest?(stream: Stream, head: RequestHead, endStream: boolean): void;
  /** Client: the final response's head. */
  onResponse?(stream: Stream, head: ResponseHead, endStream: boolean): void;
  /** Client: a 1xx response (never 101). May come several times before `onResponse`. */
  onInformational?(stream: Stream, head: ResponseHead): void;
  /**
   * Client: the server promised a response to `head` on `promised`. Without this method pushes are refused. The program
   * resets those of an origin that the server is not authoritative for with PROTOCOL_ERROR (RFC 9113 8.4).
   */
  onPush?(stream: Stream, promised: Stream, head: RequestHead): void;
  /**
   * Body octets. `chunk` is a view of what was handed to `receive`: keep it only if that buffer is never written again
   * (true for Node sockets). Each octet must come back through `connection.release` (padding is released by the core).
   * `chunk` may be empty when `endStream` is true.
   */
  onData?(stream: Stream, chunk: Uint8Array, endStream: boolean): void;
  /**
   * A field line of the peer breaks `rule`: is the message to be rejected all the same? Default: yes. Asked once for each
   * such line, while a section is decoded: commands are not allowed inside. Pseudo-fields are not asked about.
   */
  onInvalidField?(name: string, value: string, rule: FieldRule): FieldVerdict;
  /**
   * Trailer fields; the peer's half of the stream has ended. `sensitive`: positions in `fields` (of the name) that the peer
   * marked never indexed (RFC 7541 7.1.3); null: none.
   */
  onTrailers?(stream: Stream, fields: FieldList, sensitive: readonly number[] | null): void;
  /** The send buffer of a stream on which `write` returned false is below the low-water mark again. */
  onWritable?(stream: Stream): void;
  /**
   * END_STREAM was cut: our half of the stream has left. It comes while frames are cut, perhaps inside `takeOutput`:
   * commands for this stream must wait until that has returned.
   */
  onEndSent?(stream: Stream): void;
  /**
   * The stream was reset, by the peer (`error.initiator` 'remote') or by the core ('library'), or ended short of its
   * content-length ('user', rule `content-length.unmet`). Not for own `reset()`. It is closed already: commands for it do
   * nothing.
   */
  onReset?(stream: Stream, error: H2Error): void;
  /**
   * The core reset a stream that is not on the books: a request whose head breaks a rule or comes above a limit, before
   * `onRequest`, or a frame for a stream long closed. Nothing else is told about it.
   */
  onRejected?(streamId: number, error: H2Error): void;
  /** The stream reached `closed` and is forgotten. Last call for this stream. */
  onStreamClosed?(stream: Stream): void;
  /**
   * Client: the places that requests cancelled before a sign of life of the server had kept (`holdCancelledSlots`) are free,
   * and requests that waited for one have opened their streams: `canOpen` tells whether there is room for more.
   */
  onSlotsFree?(): void;
  /** The peer sent SETTINGS, now applied. The first call is the peer's preface. Pairs of id, value. */
  onSettings?(pairs: readonly number[]): void;
  /** The oldest of our unacknowledged SETTINGS was acknowledged. */
  onSettingsAcked?(): void;
  /** The peer sent PING with these 8 octets; without `automaticPingAck` only, and to be answered by `Connection.pong`. */
  onPing?(payload: Uint8Array): void;
  /** A PING of ours came back; the 8 octets as sent. */
  onPong?(payload: Uint8Array): void;
  /** The peer sent GOAWAY. Streams of ours above `lastStreamId` are reset as retryable right after this call. */
  onGoAway?(lastStreamId: number, code: number, debugData: Uint8Array): void;
  /** Client: an alternative service was advertised, for `service.origin` or for the stream's own origin. RFC 7838 4. */
  onAltSvc?(streamId: number, service: AltSvc): void;
  /** Client: the origins the server answers for on this connection. Not verified against its certificate. RFC 8336. */
  onOrigins?(origins: readonly string[]): void;
  /** A frame of a type this core does not know; otherwise ignored. `payload` is borrowed. RFC 9113 5.5. */
  onUnknownFrame?(type: number, flags: number, streamId: number, payload: Uint8Array): void;
  /** The connection is over; every open stream has been told. `error` is null for a clean end. Called once. */
  onClosed?(error: H2Error | null): void;
}
