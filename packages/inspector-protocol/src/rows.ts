/**
 * The state: what is true now of every connection and stream. A row replaces the earlier row of the same key. Facts
 * change a few times in a life, counters and windows with every frame; they are separate rows so that the second kind
 * stays small. Times are microseconds since the epoch told in HELLO; -1 means "not yet" or "not so".
 */

/** Pairs of setting identifier and value, in wire order. */
export type SettingPairs = readonly (readonly [id: number, value: number])[];

/** Why the gateway itself answered, reset or gave up. */
export interface ReasonFacts {
  /** Stable code, such as `backend_refused`. */
  readonly code: string;
  /** A sentence. */
  readonly text: string;
  /** Stable id of the rule. Absent in recordings of older gateways. */
  readonly rule?: string;
  /** RFC section of a broken rule, empty when none. */
  readonly rfc: string;
}

/** A GOAWAY that was sent or received. */
export interface GoAwayFacts {
  readonly lastStreamId: number;
  /** Error code. */
  readonly code: number;
  readonly debug: string;
  readonly at: number;
}

/** Key: `id`. */
export interface ConnectionFacts {
  readonly id: number;
  /** The worker process that has it, from 1; left out by a gateway of one process. */
  readonly worker?: number;
  /** 0 client to gateway, 1 gateway to backend. */
  readonly leg: 0 | 1;
  readonly protocol: 'h2' | 'http/1.1';
  readonly negotiation: 'alpn' | 'upgrade' | 'prior-knowledge' | 'http/1.1';
  readonly peer: string;
  readonly local: string;
  readonly tls: { readonly version: string; readonly cipher: string; readonly servername: string } | null;
  readonly openedAt: number;
  readonly closedAt: number;
  /** Null while open, and after a clean end. */
  readonly closeReason: ReasonFacts | null;
  /** Ours as last sent, ours as last acknowledged, the peer's as applied: the merged values, by identifier. */
  readonly settings: { readonly sent: SettingPairs; readonly acked: SettingPairs; readonly received: SettingPairs };
  readonly goAwaySent: GoAwayFacts | null;
  readonly goAwayReceived: GoAwayFacts | null;
  /** Maximum of the dynamic table that decodes received sections, and of the one that encodes ours, in octets. */
  readonly tableMax: { readonly received: number; readonly sent: number };
}

/**
 * What stops a stream, or all streams of a connection, from sending. `TRANSPORT` of a stream: it stands in line, because
 * the socket is full or others are served first.
 */
export const Blocked = { NOT: 0, CONNECTION_WINDOW: 1, STREAM_WINDOW: 2, TRANSPORT: 3 } as const;
/** One of `Blocked`. */
export type Blocked = (typeof Blocked)[keyof typeof Blocked];

/** Key: `id`. */
export interface ConnectionState {
  readonly id: number;
  readonly openStreams: number;
  /** Streams (HTTP/1.1: requests) ever opened. */
  readonly totalStreams: number;
  /** Octets of DATA we may still send; negative is legal (RFC 9113 6.9.2). 65535 at first. */
  readonly sendWindow: number;
  /** Octets of DATA the peer may still send. */
  readonly receiveWindow: number;
  /** Octets of frames with their headers; on HTTP/1.1 body octets. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /**
   * Frames ever recorded, 32 counters: by `typeBucket` of received frames, then of sent ones. What `received` and
   * `dropped` must add up to.
   */
  readonly frames: readonly number[];
  /** `CONNECTION_WINDOW` while a stream waits for this connection's window, else `TRANSPORT` while the socket is full. */
  readonly blocked: Blocked;
  /** Since when, -1 when not blocked. */
  readonly blockedSince: number;
  /** Streams that wait for the connection's window. */
  readonly blockedStreams: number;
  /** Since when the socket is full, -1 when it is not. */
  readonly transportFullSince: number;
  /** When octets of DATA were last sent, on any stream; -1: never. */
  readonly dataSentAt: number;
  /** When the peer last gave window back to the connection, -1: never. */
  readonly grantedAt: number;
  /** The stream whose received field section is unfinished (HEADERS without END_HEADERS), 0: none; and since when. */
  readonly headerBlockStream: number;
  readonly headerBlockSince: number;
  /** Received octets of all streams that the gateway holds back from the windows. */
  readonly withheldBytes: number;
  /** Time of the last answered PING of ours in microseconds, -1 when none. */
  readonly pingRttUs: number;
  /** Octets of field sections on the wire, and of their names and values (RFC 7541 4.1 without the 32). */
  readonly sectionBytesReceived: number;
  readonly sectionBytesSent: number;
  readonly fieldBytesReceived: number;
  readonly fieldBytesSent: number;
  /** Entries evicted from the dynamic tables. */
  readonly evictionsReceived: number;
  readonly evictionsSent: number;
  readonly violations: number;
  /** RST_STREAM received and sent. */
  readonly resetsReceived: number;
  readonly resetsSent: number;
  /** Last frame or body octets in either direction. */
  readonly lastActivityAt: number;
}

/** Key: `connection`, `stream`. Everything empty or 0 until known; `path` empty on a response-only view. */
export interface StreamFacts {
  readonly connection: number;
  /** Stream identifier, on HTTP/1.1 the request's ordinal. */
  readonly stream: number;
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** Final status, 0 while unknown. */
  readonly status: number;
  /** `content-type` of the response, empty while unknown. */
  readonly contentType: string;
  /** `grpc-status`, -1 while unknown. */
  readonly grpcStatus: number;
  /** `content-length` of the request and of the response, -1 while unknown. */
  readonly requestLength: number;
  readonly responseLength: number;
  /** The response's head names trailers to come, or is gRPC's, which end in trailers. */
  readonly announcesTrailers: boolean;
  /** URL of the backend that it waits, or last waited, for a connection to; empty: it never did. */
  readonly waitsFor: string;
  /** The stream on the other leg. */
  readonly pair: { readonly connection: number; readonly stream: number } | null;
  readonly reset: {
    readonly code: number;
    readonly initiator: 'user' | 'library' | 'remote';
    readonly reason: string;
  } | null;
  /** Why the gateway itself ended it. */
  readonly reason: ReasonFacts | null;
}

/** Key: `connection`, `stream`. */
export interface StreamState {
  readonly connection: number;
  readonly stream: number;
  /** RFC 9113 5.1: 0 idle, 1 reserved (local), 2 reserved (remote), 3 open, 4 half-closed (local), 5 half-closed (remote), 6 closed. */
  readonly state: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
  /** Octets of DATA payload (HTTP/1.1: of the body). */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly framesReceived: number;
  readonly framesSent: number;
  readonly blocked: Blocked;
  /** Since when this cause lasts, -1 when not blocked. */
  readonly blockedSince: number;
  /** Since when octets wait to be sent and none were, whatever the cause; -1 when none wait. */
  readonly stalledSince: number;
  /** Octets that wait to be sent. */
  readonly pendingBytes: number;
  /** Received octets that the gateway holds back from the window, and since when it holds any; -1: not. */
  readonly withheldBytes: number;
  readonly withheldSince: number;
  /** When the peer last gave window back to the stream, -1: never. */
  readonly grantedAt: number;
  /** Since when the exchange waits for a place on a backend's connection, -1: it does not. */
  readonly queuedSince: number;
  /** Time spent blocked so far, by cause, without the span that still runs. */
  readonly blockedConnectionUs: number;
  readonly blockedStreamUs: number;
  readonly blockedTransportUs: number;
  /** Time in line while others were served. */
  readonly blockedSchedulerUs: number;
  /** Time in which window was held back, and time without a place at a backend, without the spans that still run. */
  readonly withheldUs: number;
  readonly queuedUs: number;
  readonly openedAt: number;
  /** First field section received, sent. */
  readonly headReceivedAt: number;
  readonly headSentAt: number;
  /** END_STREAM received, sent. */
  readonly endReceivedAt: number;
  readonly endSentAt: number;
  readonly closedAt: number;
  /** Last DATA or field section in either direction. */
  readonly lastProgressAt: number;
}

/** Why exchanges that want a backend do not get a place on one of its connections. */
export type Obstacle =
  /** Every stream (HTTP/1.1: connection) that may be open is. */
  | 'max-concurrent'
  /** Its connections go away. */
  | 'goaway-drain'
  /** A connection is being made. */
  | 'connecting';

/** Key: `backendKey`. What exchanges wait for, as of the last that did; it need not be so any more. */
export interface BackendState {
  readonly url: string;
  /** The worker process whose exchanges wait, from 1; left out by a gateway of one process. */
  readonly worker?: number;
  readonly obstacle: Obstacle;
  /** The connection that is in the way, 0: none, or not a single one. */
  readonly connection: number;
}

/** The key of a `BackendState`: every worker has connections of its own to a backend. `worker` 0 or left out: the only one. */
export function backendKey(url: string, worker = 0): string {
  return worker === 0 ? url : `${worker} ${url}`;
}

/** Rows that changed. */
export interface Changes {
  readonly backends: readonly BackendState[];
  readonly connections: readonly ConnectionFacts[];
  readonly connectionStates: readonly ConnectionState[];
  readonly streams: readonly StreamFacts[];
  readonly streamStates: readonly StreamState[];
  /** Closed connections that the gateway no longer keeps (their streams neither). */
  readonly forgottenConnections: readonly number[];
  /** Closed streams that the gateway no longer keeps. */
  readonly forgottenStreams: readonly (readonly [connection: number, stream: number])[];
}
