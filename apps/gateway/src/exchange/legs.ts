/**
 * The narrow waist: how one HTTP message exchange looks to the gateway, whatever protocol carries it. A listener makes
 * a `ClientLeg`, a backend makes a `BackendLeg`, and the exchange joins the two with direct calls. Nothing here knows
 * HTTP/1.1 or HTTP/2.
 */
import type { FieldList } from '@glassway/h2-core';
import type { Reason } from './reason.ts';

/** A validated request on its way to a backend. Field names are lower case; no pseudo, connection or framing fields. */
export interface RequestMessage {
  readonly method: string;
  /** `http` or `https`: how the client reached the gateway. */
  readonly scheme: string;
  /** Host and optional port. */
  readonly authority: string;
  /** Origin-form with query, or `*`. */
  readonly path: string;
  /** Flat name, value list (no `host`, no `content-length`, no `transfer-encoding`). */
  readonly fields: FieldList;
  /** Positions in `fields` that were marked never indexed; null: none. */
  readonly sensitive: readonly number[] | null;
  /** True when a body (perhaps empty) follows. */
  readonly hasBody: boolean;
  /** Octets announced by content-length, -1 when unknown. Already checked for form; the leg enforces the sum. */
  readonly contentLength: number;
  /**
   * `websocket` for an upgrade (RFC 6455) or extended CONNECT (RFC 8441); absent or empty: an ordinary exchange. Bodies are
   * then the two directions of a tunnel, open once a 2xx response came: an HTTP/1.1 backend's 101 is told as 200, with
   * `sec-websocket-accept` only when the request had a `sec-websocket-key`.
   */
  readonly protocol?: string;
}

/** A final or informational response. Field names are lower case; no connection or framing fields but content-length. */
export interface ResponseMessage {
  readonly status: number;
  readonly fields: FieldList;
  readonly sensitive: readonly number[] | null;
}

/** Trailer fields, of a request or a response. Names are lower case. */
export interface Trailers {
  readonly fields: FieldList;
  /** Positions in `fields` that were marked never indexed; null: none. */
  readonly sensitive: readonly number[] | null;
}

/** Facts about who asks, for routing, forwarded fields and the log. */
export interface ClientFacts {
  /** Client address without port. */
  readonly address: string;
  readonly port: number;
  /** `h2`, `h2c` (prior knowledge), `h2c-upgrade`, `http/1.1` or `http/1.0`. */
  readonly protocol: 'h2' | 'h2c' | 'h2c-upgrade' | 'http/1.1' | 'http/1.0';
  readonly tls: boolean;
  /** The inspector's connection number. */
  readonly connectionId: number;
  /** Stream id on HTTP/2, request ordinal on HTTP/1.1. */
  readonly streamId: number;
  /** Subject of the client's verified certificate, RFC 4514; undefined: it showed none. */
  readonly subject?: string | undefined;
}

/** The client's side of an exchange: the exchange sends the response through it. */
export interface ClientLeg {
  readonly facts: ClientFacts;
  /** Whoever listens to this leg. Set by the exchange before it returns from `accept`. */
  events: ClientLegEvents;
  /** Sends a 1xx response. Ignored where the protocol cannot carry it (HTTP/1.0). */
  inform(response: ResponseMessage): void;
  /** Sends the final head. `end`: no body and no trailers follow. Once. */
  respond(response: ResponseMessage, end: boolean): void;
  /** Sends body octets, which now belong to the leg. Returns false when the caller should wait for `onWritable`. */
  write(chunk: Uint8Array, end: boolean): boolean;
  /** Ends the response with trailer fields. Where the protocol cannot carry them, ends it without. */
  trailers(trailers: Trailers): void;
  /**
   * Cuts the exchange off: RST_STREAM with the reason's code, or the connection closed on HTTP/1.1. After a complete
   * response a reason with NO_ERROR only declines the rest of the request: the response leaves first (RFC 9113 8.1).
   */
  reset(reason: Reason): void;
  /** Request body octets were passed on: the client may send that many more. */
  consumed(bytes: number): void;
  /** The backend works no more for this exchange: it stops counting towards what the client may have under way. Once. */
  settled(): void;
}

/** What a client's leg tells the exchange. */
export interface ClientLegEvents {
  /** Request body octets; every one must be given back through `consumed`. */
  onBody(chunk: Uint8Array, end: boolean): void;
  /** The request ended with these trailer fields. */
  onTrailers(trailers: Trailers): void;
  /** After `write` returned false: there is room again. */
  onWritable(): void;
  /**
   * The client gave up (reset, disconnected, broke a rule). No call follows; commands on the leg are ignored. `answered`:
   * status of the response the leg made because of that, absent or 0 when it made none.
   */
  onAbort(reason: Reason, answered?: number): void;
  /** The response has left completely (or the leg was reset). Last call. */
  onFinished(): void;
}

/** The backend's side of an exchange: the exchange sends the request body through it. */
export interface BackendLeg {
  /** The inspector's connection number, 0 while not yet on a connection. */
  readonly connectionId: number;
  /** Stream id or request ordinal on that connection, 0 while not yet on one. */
  readonly streamId: number;
  /** Sends body octets, which now belong to the leg. Returns false when the caller should wait for `onWritable`. */
  write(chunk: Uint8Array, end: boolean): boolean;
  /** Ends the request with trailer fields. */
  trailers(trailers: Trailers): void;
  /**
   * Gives the exchange up: RST_STREAM(CANCEL) on HTTP/2, socket destroyed on HTTP/1.1. True: the backend has nothing to do
   * with it (any more). False: `onSettled` will tell when that is so, and no other event follows.
   */
  cancel(reason: Reason): boolean;
  /** Response body octets were passed on: the backend may send that many more. */
  consumed(bytes: number): void;
}

/** What a backend's leg tells the exchange. Never called before `send` has returned. */
export interface BackendLegEvents {
  /** The request found a connection: `connectionId` and `streamId` are valid. */
  onAssigned(): void;
  onInformational(response: ResponseMessage): void;
  onResponse(response: ResponseMessage, end: boolean): void;
  /** Response body octets; every one must be given back through `consumed`. */
  onBody(chunk: Uint8Array, end: boolean): void;
  onTrailers(trailers: Trailers): void;
  /** After `write` returned false: there is room again. */
  onWritable(): void;
  /** The exchange failed on this leg. `reason.retryable` tells whether the request was certainly not processed. Last call. */
  onError(reason: Reason): void;
  /** Response complete while the request body was still being sent: stop sending (D30). Optional information. */
  onStopSending(): void;
  /** After `cancel` answered false: the backend knows. Last call. */
  onSettled(): void;
}

/** One configured backend target. */
export interface Backend {
  /** As configured, for logs: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Starts an exchange. Never throws; failures arrive as `events.onError` in a later turn. */
  send(request: RequestMessage, events: BackendLegEvents): BackendLeg;
  /** Closes idle connections and lets busy ones finish; resolves when all are gone or after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}
