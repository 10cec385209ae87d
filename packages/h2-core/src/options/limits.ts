/**
 * Limits a peer can run into, each a named constant with the attack it stops. Those a program may want to change are
 * options of `Connection` (options.ts), of which these are the defaults.
 */

/** Frames that may make up one field section after HEADERS. CONTINUATION flood, CVE-2024-27316 and kin. */
export const MAX_CONTINUATION_FRAMES = 16;
/** Size of a decoded field section, octets by RFC 9113 6.5.2 (32 per field added). HPACK bomb, CVE-2016-6581. */
export const MAX_HEADER_LIST_SIZE = 65_536;
/** Field lines in a section, cookie crumbs counted one by one. HTTP/2 bomb, CVE-2026-49975. */
export const MAX_HEADER_FIELDS = 256;
/** Field sections of all open streams together, octets by RFC 9113 6.5.2. HTTP/2 bomb, CVE-2026-49975. */
export const MAX_HEADER_MEMORY = 2_097_152;
/** Entries in one SETTINGS frame. SETTINGS flood. */
export const MAX_SETTINGS_PER_FRAME = 32;
/** Unsent replies (PING ACK, SETTINGS ACK, RST_STREAM) at which reading pauses. CVE-2019-9512, -9515. */
export const MAX_QUEUED_REPLIES = 1000;
/**
 * Octets of frames other than DATA that a server has ready and cannot send, at which reading pauses: responses without a
 * body, to a client that asks on and does not read. CVE-2019-9517.
 */
export const MAX_QUEUED_OUTPUT = 1_048_576;
/** The same, for either role, at which the connection ends: whoever moves the octets does not obey `wantsPause`. */
export const MAX_UNTAKEN_OUTPUT = 67_108_864;
/** Time for the preface and the first SETTINGS, ms. Slowloris. */
export const PREFACE_TIMEOUT_MS = 10_000;
/** Time for the acknowledgement of our SETTINGS, ms. RFC 9113 6.5.3. */
export const SETTINGS_ACK_TIMEOUT_MS = 10_000;
/** Time in which a field section that began must end, ms. Slow CONTINUATION. */
export const HEADER_BLOCK_TIMEOUT_MS = 10_000;
/** Time without any stream after which a connection is closed, ms. */
export const IDLE_TIMEOUT_MS = 180_000;
/** Time for the answer to a keepalive PING, ms. */
export const KEEPALIVE_TIMEOUT_MS = 20_000;
/** Time in which graceful shutdown waits for the PING that follows the first GOAWAY, ms. RFC 9113 6.8. */
export const SHUTDOWN_PING_TIMEOUT_MS = 1000;
/** Streams that ended remembered, to tell late frames from wrong ones. RFC 9113 5.1, closed. */
export const MAX_CLOSED_STREAMS = 256;
/** The same for streams a client has reset: its program may give up many requests at once. */
export const CLIENT_RESET_MEMORY = 1024;
/** Most that may be remembered: they are searched one by one. */
export const MAX_REMEMBERED_STREAMS = 16_384;
/** GOAWAY debug data kept, octets. */
export const MAX_DEBUG_DATA = 1024;
/** Streams a client may have open at a server. Rapid reset, CVE-2023-44487: what is held counts, see `Connection.hold`. */
export const MAX_CONCURRENT_STREAMS = 128;
/** Pushed streams a server may have open at a client. */
export const MAX_PUSHED_STREAMS = 100;
/** Reserved (promised) streams a server may have open towards us. */
export const MAX_RESERVED_STREAMS = 100;
/** Requests that wait for `accept`. Reset before accept, CVE-2023-26964. */
export const MAX_PENDING_ACCEPT = 1024;
/** Requests reset while they waited for `accept`. CVE-2023-26964. */
export const MAX_PENDING_ACCEPT_RESETS = 1000;
/** Streams reset for the peer's errors at once. MadeYouReset, CVE-2025-8671. */
export const MAX_LOCAL_ERROR_RESETS = 1024;
/** The same per second. */
export const LOCAL_ERROR_REFILL_PER_SECOND = 10;
/** Streams a client opens before the server's SETTINGS say how many it may (RFC 9113 6.5.2 recommends no less). */
export const INITIAL_MAX_STREAMS = 100;
/** Requests of ours that may wait for the peer's stream limit. */
export const MAX_QUEUED_REQUESTS = 10_000;
/** Pause of reading after 400 streams of which most were reset early, ms. Rapid reset, CVE-2023-44487; CVE-2025-8671. */
export const EARLY_RESET_PAUSE_MS = 100;
/** Legal but useless frames at once. PRIORITY floods (CVE-2019-9513), unknown frames, dribbled windows. */
export const ODDITY_BURST = 1000;
/** What it may grow to with the limit on streams. */
export const MAX_ODDITY_BURST = 4000;
/** The same per second. */
export const ODDITY_REFILL_PER_SECOND = 100;
/** Empty DATA frames at once. CVE-2019-9518. */
export const EMPTY_DATA_BURST = 100;
/** The same per second. */
export const EMPTY_DATA_REFILL_PER_SECOND = 10;
/** Least budget for small DATA frames that nobody has read. CVE-2019-9518. */
export const MIN_DATA_FRAME_BUDGET = 65_536;
/** Work by SETTINGS at once. SETTINGS flood, CVE-2019-9515. */
export const SETTINGS_WORK_BURST = 10_000;
/** The same per second. */
export const SETTINGS_WORK_REFILL_PER_SECOND = 1000;
/** Unsent octets of a stream, and of all together. Data dribble, CVE-2019-9511; unread socket, CVE-2019-9517. */
export const MAX_SEND_BUFFER = 262_144;
/** See `MAX_SEND_BUFFER`. */
export const MAX_CONNECTION_SEND_BUFFER = 16_777_216;
/** What a stream may queue however much the others have queued: else those that stall would stop those that do not. */
export const SEND_BUFFER_SHARE = 16_384;
/** Time in which a stream with queued octets must make progress, ms. Slow reading, CVE-2019-9517. */
export const WRITE_STALL_TIMEOUT_MS = 30_000;
/** Octets that count as progress: a drip of one-octet windows does not. */
export const WRITE_PROGRESS_BYTES = 1024;
