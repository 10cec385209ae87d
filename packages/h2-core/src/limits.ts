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
/** Time for the preface and the first SETTINGS, ms. Slowloris. */
export const PREFACE_TIMEOUT_MS = 10_000;
/** Time for the acknowledgement of our SETTINGS, ms. RFC 9113 6.5.3. */
export const SETTINGS_ACK_TIMEOUT_MS = 10_000;
/** Time in which a field section that began must end, ms. Slow CONTINUATION. */
export const HEADER_BLOCK_TIMEOUT_MS = 10_000;
/** Time without any stream after which a connection is closed, ms. */
export const IDLE_TIMEOUT_MS = 180_000;
/** Time in which graceful shutdown waits for the PING that follows the first GOAWAY, ms. RFC 9113 6.8. */
export const SHUTDOWN_PING_TIMEOUT_MS = 1000;
/** Closed streams remembered, to tell late frames from wrong ones. RFC 9113 5.1, closed. */
export const MAX_CLOSED_STREAMS = 256;
/** GOAWAY debug data kept, octets. */
export const MAX_DEBUG_DATA = 1024;
/** Reserved (promised) streams a server may have open towards us. */
export const MAX_RESERVED_STREAMS = 100;
/** Streams a client opens before the server's SETTINGS say how many it may (RFC 9113 6.5.2 recommends no less). */
export const INITIAL_MAX_STREAMS = 100;
/** Requests of ours that may wait for the peer's stream limit. */
export const MAX_QUEUED_REQUESTS = 10_000;
/** Pause of reading after 400 streams of which most were reset early, ms. Rapid reset, CVE-2023-44487; CVE-2025-8671. */
export const EARLY_RESET_PAUSE_MS = 100;
/** Legal but useless frames at once. PRIORITY floods (CVE-2019-9513), unknown frames, dribbled windows. */
export const ODDITY_BURST = 1000;
/** The same per second. */
export const ODDITY_REFILL_PER_SECOND = 100;
/** Empty DATA frames at once. CVE-2019-9518. */
export const EMPTY_DATA_BURST = 100;
/** The same per second. */
export const EMPTY_DATA_REFILL_PER_SECOND = 10;
/** Work by SETTINGS at once. SETTINGS flood, CVE-2019-9515. */
export const SETTINGS_WORK_BURST = 10_000;
/** The same per second. */
export const SETTINGS_WORK_REFILL_PER_SECOND = 1000;
/** Time in which a stream with queued octets must make progress, ms. Slow reading, CVE-2019-9517. */
export const WRITE_STALL_TIMEOUT_MS = 30_000;
/** Octets that count as progress: a drip of one-octet windows does not. */
export const WRITE_PROGRESS_BYTES = 1024;
