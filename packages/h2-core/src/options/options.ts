import type { IndexingPolicy } from '@glassway/hpack';
import type { PaddingStrategy } from '../flow/padding.ts';
import type { PseudoField } from '../message/pseudo-order.ts';

/**
 * What can be set on a connection. Every value is checked once, by `resolveOptions`; a bad one throws an `OptionError` with
 * its range, which for numbers is 0..2^31-1 where none is given here. Names that end in `Ms` are in milliseconds. A limit
 * is turned off by 0 where that is said, else by its greatest value.
 */
export interface CoreOptions {
  /** Octets a peer may send on a stream before we release them. Default 1 MiB, range 0..2^31-1. */
  readonly initialWindowSize?: number;
  /** Octets a peer may send on the connection before we release them. Default 4 MiB, range 65,535..2^31-1. */
  readonly initialConnectionWindowSize?: number;
  /** Greatest frame payload we accept, octets. Default 16,384, range 2^14..2^24-1. */
  readonly maxFrameSize?: number;
  /** Streams the peer may have open at once. Default 128 for a server, 100 pushes for a client, range 0..2^32-1. */
  readonly maxConcurrentStreams?: number;
  /** Size of a received field section, octets by RFC 9113 6.5.2. Default 65,536, range 0..2^32-1. */
  readonly maxHeaderListSize?: number;
  /** Field lines of a received section, cookie crumbs counted one by one. Default 256, range 1..2^31-1. */
  readonly maxHeaderFields?: number;
  /** Field sections of all open streams together, octets by RFC 9113 6.5.2; more requests are refused (REFUSED_STREAM). Default 2 MiB. */
  readonly maxHeaderMemory?: number;
  /** CONTINUATION frames after one HEADERS or PUSH_PROMISE. Default 16. */
  readonly maxContinuationFrames?: number;
  /** Dynamic table the peer's encoder may use, octets. Default 4096, range 0..65,536. */
  readonly headerTableSize?: number;
  /** Dynamic table our encoder uses at most, octets. Default 4096, range 0..65,536. */
  readonly encoderTableSize?: number;
  /** Client: whether the server may push. Default: only when the handler has `onPush`. */
  readonly enablePush?: boolean;
  /** Server: offer extended CONNECT (RFC 8441). Default false. */
  readonly enableConnectProtocol?: boolean;
  /** Unsent octets of a stream at which `write` returns false. Default 256 KiB, range 1..2^31-1. */
  readonly maxSendBufferSize?: number;
  /**
   * Unsent octets of all streams together above which `write` returns false for any stream that has 16 KiB or more of them.
   * Default 16 MiB, range 1..2^31-1.
   */
  readonly maxConnectionSendBufferSize?: number;
  /** Entries accepted in one SETTINGS frame. Default 32, range 1..2^31-1. */
  readonly maxSettingsPerFrame?: number;
  /** Unsent replies at which `wantsPause` turns true. Ten times as many end the connection. Default 1000, range 1..2^31-1. */
  readonly maxQueuedReplies?: number;
  /** Time for the peer's preface and first SETTINGS. Default 10 s, 0: off. */
  readonly prefaceTimeoutMs?: number;
  /** Time for the peer's acknowledgement of our SETTINGS. Default 10 s, 0: off. */
  readonly settingsAckTimeoutMs?: number;
  /** Time without any stream after which the connection is closed. Default 180 s, 0: off. */
  readonly idleTimeoutMs?: number;
  /** Silence after which a PING is sent while streams are open. Default 0: off. */
  readonly keepaliveIntervalMs?: number;
  /** Keep asking by PING while no stream is open, too; `idleTimeoutMs` holds nevertheless. Default false. */
  readonly keepaliveWhileIdle?: boolean;
  /** Time for the answer to that PING. Default 20 s. */
  readonly keepaliveTimeoutMs?: number;
  /** Pause of reading when most of 400 streams were reset before their response; ten pauses in 10 s end the connection. Default 100 ms, 0: off. */
  readonly earlyResetPauseMs?: number;
  /**
   * Streams that had to be reset for what the peer did wrong, taken at once; each stream that ends well forgives one, each
   * second ten. More end the connection. Default 1024, 0: off.
   */
  readonly maxLocalErrorResetStreams?: number;
  /**
   * Streams we reset that are remembered, so that what was on its way is ignored and its octets go back to the window; the
   * oldest is forgotten first. Frames for a forgotten one are answered by RST_STREAM and count as errors of the peer.
   * Default: twice `maxConcurrentStreams`, at least 256; for a client 1024. Range 0..16,384.
   */
  readonly maxConcurrentResetStreams?: number;
  /**
   * Time for which they, and streams that ended otherwise, are remembered. Default 0: until others take their place, since
   * RFC 9113 5.1 advises against timers for this.
   */
  readonly resetStreamDurationMs?: number;
  /** Client: promised streams that may be open or reserved at once; more are refused. Default 100. */
  readonly maxReservedStreams?: number;
  /** `./server`: requests that may wait for `accept`; more are refused. Default 1024, range 1..2^31-1. */
  readonly maxPendingAccept?: number;
  /**
   * `./server`: requests reset by the client while they waited for `accept`, at which the connection ends. Default 1000,
   * 0: off.
   */
  readonly maxPendingAcceptResetStreams?: number;
  /**
   * Legal but useless frames (unknown types, PRIORITY, tiny grants ...) taken at once. Default 1000, or twice
   * `maxConcurrentStreams` when that is more, at most 4000. 0: off.
   */
  readonly oddityBurst?: number;
  /** ... and per second. Default 100. */
  readonly oddityRefillPerSecond?: number;
  /** DATA frames with neither octets nor END_STREAM taken at once. Default 100, 0: off. */
  readonly emptyDataBurst?: number;
  /** ... and per second. Default 10. */
  readonly emptyDataRefillPerSecond?: number;
  /**
   * What DATA frames below 256 octets that the program has not read may cost: 256 minus length each, those with END_STREAM
   * nothing. Default: half of `initialWindowSize`, at least 64 KiB. 0: off.
   */
  readonly dataFrameBudget?: number;
  /** Work that SETTINGS may cause at once: 1 per frame and per stream whose window moves. Default 10,000, 0: off. */
  readonly settingsWorkBurst?: number;
  /** ... and per second. Default 1000. */
  readonly settingsWorkRefillPerSecond?: number;
  /** Time in which a stream with queued octets must send at least 1 KiB. Default 30 s, 0: off. */
  readonly writeStallTimeoutMs?: number;
  /** Server: obey the client's priorities (RFC 9218). False: all streams take turns. Default true. */
  readonly obeyPriorities?: boolean;
  /** Time in which a field section split over CONTINUATION must be complete. Default 10 s, 0: off. */
  readonly headerBlockTimeoutMs?: number;
  /** How DATA, HEADERS and PUSH_PROMISE are padded (RFC 9113 10.7). Default 'none'. */
  readonly padding?: PaddingStrategy;
  /** Answer PING by itself. False: `Handler.onPing` hears of each, and `Connection.pong` answers. Default true. */
  readonly automaticPingAck?: boolean;
  /** Say in GOAWAY's debug data why. False: it carries none, whoever ends the connection. Default true. */
  readonly goAwayDebugData?: boolean;
  /** Server: the client's 24 octets (RFC 9113 3.4) have been read already; what comes begins with SETTINGS. Default false. */
  readonly prefaceReceived?: boolean;
  /** Sent behind our own in the first SETTINGS: id, value, id, value ... Ids that have an option are not allowed. Default none. */
  readonly extraSettings?: readonly number[];
  /**
   * Client: a request cancelled before the server sent anything since it was made keeps its place among the concurrent
   * streams until the server sends something; a PING goes along to ask for that, at most one for each HEADERS or DATA
   * received. So a pool sees by `canOpen` that a server hangs. Default true.
   */
  readonly holdCancelledSlots?: boolean;
  /**
   * Ids of the first SETTINGS in the order in which it names them; those listed are sent even where they say what the RFC's
   * initial value is, and what else has to be said follows: no peer is held to what it was not told. So a setting is left out by
   * giving its option the initial value (`headerTableSize` 4096, `initialWindowSize` 65,535, `maxFrameSize` 16,384,
   * `maxHeaderListSize` 2^32-1, `enableConnectProtocol` false; a client's `maxConcurrentStreams` by being without `enablePush`).
   * Always there are a client's ENABLE_PUSH and a server's MAX_CONCURRENT_STREAMS. Default: by ascending id.
   */
  readonly settingsOrder?: readonly number[];
  /**
   * Order of the pseudo-fields of requests and promises; what is left out follows. `RequestHead.pseudoOrder` goes before
   * this. Default `:method :protocol :scheme :authority :path`.
   */
  readonly pseudoOrder?: readonly PseudoField[];
  /**
   * Which fields our encoder puts into the dynamic table; 'default': `defaultIndexing` of `@glassway/hpack`. A function that
   * throws ends the connection with INTERNAL_ERROR; what it threw comes out of the call. Default 'default'.
   */
  readonly indexing?: 'default' | IndexingPolicy;
  /**
   * Send a request's cookie in crumbs, a line for each, when `indexing` would index every one of them: a cookie of which
   * one crumb changes then costs that crumb (RFC 9113 8.2.3). Default true.
   */
  readonly splitCookies?: boolean;
  /**
   * Join the lines of a received cookie by `; ` into one, where the first stood (RFC 9113 8.2.3); it is never indexed if one
   * of them is. False: as they came. Default true.
   */
  readonly joinCookies?: boolean;
}

/** `CoreOptions` with every value settled. */
export type ResolvedOptions = { readonly [Name in keyof CoreOptions]-?: NonNullable<CoreOptions[Name]> };
