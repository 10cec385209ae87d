/**
 * Every limit: what it stops, which rule a hit is told by, what the peer sees of it, and which file has its tests.
 * docs/limits.md is written from this; the defaults and codes are those of the source.
 */
import type { RuleId } from '../../src/index.ts';
import type { LimitOption } from '../support/limit.ts';

export interface LimitRow {
  /** Heading in docs/limits.md, and name of the test file. */
  readonly family: keyof typeof FAMILIES;
  /** What it stops, as the beginning of a sentence. */
  readonly stops: string;
  /** Representative reports. */
  readonly cve?: readonly string[];
  /** What the tap is told; null: nothing, because nothing goes wrong. */
  readonly rule: RuleId | null;
  /** What the peer sees. `{}` stands for the name of the rule's error code. */
  readonly sees: string;
  /** The value that turns it off, where that is not 0. */
  readonly off?: number;
}

export const FAMILIES = {
  resets: 'Streams that are opened and reset',
  accept: 'Requests that wait for the program',
  headers: 'Field sections',
  tables: 'Compression tables',
  settings: 'SETTINGS',
  replies: 'Frames that ask for a reply',
  data: 'DATA',
  oddities: 'Frames that are legal and useless',
  sending: 'Octets that wait to be sent',
  push: 'Pushes',
  timeouts: 'Time',
} as const;

const GREATEST = 2 ** 31 - 1;
const END = 'GOAWAY({}), the rule as debug data';
const RESET = 'RST_STREAM({})';
const REFUSED = 'RST_STREAM({}): the request may be sent again';
const TIMEOUT = `${END}`;

export const LIMITS: Readonly<Record<LimitOption, LimitRow>> = {
  maxConcurrentStreams: {
    family: 'resets',
    stops:
      'Rapid reset: more work at once than that. Work that outlives a reset counts until it is done: in `./fetch` until the handler has settled, in `./server` until the program is done with it or told (`holdRequests`, `respond.hold()`); further requests wait for it. In the core by `hold`; further requests are refused',
    cve: ['CVE-2023-44487'],
    rule: 'stream.refused',
    sees: `${REFUSED}; once the limit is acknowledged each costs an oddity`,
    off: 2 ** 32 - 1,
  },
  earlyResetPauseMs: {
    family: 'resets',
    stops: 'Rapid reset: more than half of the last 400 streams reset before their response began',
    cve: ['CVE-2023-44487', 'CVE-2025-8671'],
    rule: 'flood.resets',
    sees: `nothing is read for that long; after ten pauses in ten seconds ${END}`,
  },
  maxLocalErrorResetStreams: {
    family: 'resets',
    stops:
      'MadeYouReset: streams that we are made to reset. Ten are forgiven each second, one by each stream that ends well',
    cve: ['CVE-2025-8671'],
    rule: 'flood.stream-errors',
    sees: END,
  },
  maxConcurrentResetStreams: {
    family: 'resets',
    stops: 'Memory of streams we reset, for whose late frames there is no penalty',
    rule: 'stream.closed',
    sees: `for a stream that is forgotten ${RESET}, charged as an error`,
    off: 16_384,
  },
  resetStreamDurationMs: {
    family: 'resets',
    stops: 'The same, by age',
    rule: 'stream.closed',
    sees: `for a stream that is forgotten ${RESET}, charged as an error`,
  },
  maxPendingAccept: {
    family: 'accept',
    stops: 'Requests that nobody accepts (`./server`)',
    rule: null,
    sees: 'RST_STREAM(REFUSED_STREAM): the request may be sent again',
    off: GREATEST,
  },
  maxPendingAcceptResetStreams: {
    family: 'accept',
    stops: 'Requests reset while they wait to be accepted, since the program was given one (`./server`)',
    cve: ['CVE-2023-26964'],
    rule: 'accept.resets',
    sees: END,
  },
  maxHeaderListSize: {
    family: 'headers',
    stops: 'HPACK bombs: octets of a section, 32 added for each field; counted while decoding, not built beyond',
    cve: ['CVE-2016-6581'],
    rule: 'headers.list-size',
    sees: `${RESET}; from four times as much, and for as much in compressed octets, GOAWAY({}) \`headers.too-large\``,
    off: 2 ** 32 - 1,
  },
  maxHeaderFields: {
    family: 'headers',
    stops: 'HTTP/2 bombs: fields of a section, cookie crumbs one by one, references of one octet to empty fields',
    cve: ['CVE-2026-49975', 'CVE-2026-47774'],
    rule: 'headers.list-size',
    sees: `${RESET}; from four times as many GOAWAY({}) \`headers.too-large\``,
    off: GREATEST,
  },
  maxHeaderMemory: {
    family: 'headers',
    stops: 'HTTP/2 bombs: the heads of all open streams together',
    cve: ['CVE-2026-49975', 'CVE-2026-47774'],
    rule: 'headers.memory',
    sees: `${REFUSED}; each costs an oddity`,
    off: GREATEST,
  },
  maxContinuationFrames: {
    family: 'headers',
    stops: 'CONTINUATION floods, empty frames among them',
    cve: ['CVE-2024-27316'],
    rule: 'continuation.too-many',
    sees: END,
    off: GREATEST,
  },
  headerBlockTimeoutMs: {
    family: 'headers',
    stops: 'A field section that does not come to its end',
    rule: 'continuation.timeout',
    sees: END,
  },
  headerTableSize: {
    family: 'tables',
    stops: 'A decoding table larger than we offered',
    rule: 'hpack.block',
    sees: END,
    off: 65_536,
  },
  encoderTableSize: {
    family: 'tables',
    stops: 'An encoding table as large as the peer likes',
    rule: null,
    sees: 'the table is used up to that size only',
    off: 65_536,
  },
  maxSettingsPerFrame: {
    family: 'settings',
    stops: 'SETTINGS with many entries',
    rule: 'settings.too-many',
    sees: END,
    off: GREATEST,
  },
  settingsWorkBurst: {
    family: 'settings',
    stops: 'SETTINGS floods: one per frame, one for each stream whose window moves, one for each table entry dropped',
    cve: ['CVE-2019-9515'],
    rule: 'flood.settings',
    sees: END,
  },
  settingsWorkRefillPerSecond: {
    family: 'settings',
    stops: 'The same, as it comes back with time',
    rule: 'flood.settings',
    sees: END,
    off: GREATEST,
  },
  maxQueuedReplies: {
    family: 'replies',
    stops: 'PING and SETTINGS floods by a peer that does not read the answers',
    cve: ['CVE-2019-9512', 'CVE-2019-9515'],
    rule: 'flood.replies',
    sees: `nothing is read until they are written; at ten times as many ${END}`,
    off: GREATEST,
  },
  emptyDataBurst: {
    family: 'data',
    stops: 'DATA without octets that does not end its stream; padding is no content',
    cve: ['CVE-2019-9518'],
    rule: 'flood.empty-data',
    sees: END,
  },
  emptyDataRefillPerSecond: {
    family: 'data',
    stops: 'The same, as it comes back with time',
    cve: ['CVE-2019-9518'],
    rule: 'flood.empty-data',
    sees: END,
    off: GREATEST,
  },
  dataFrameBudget: {
    family: 'data',
    stops:
      'Tiny DATA frames that wait to be read: each costs 256 less its length until it is, those with END_STREAM nothing',
    rule: 'flood.small-data',
    sees: END,
  },
  maxFrameSize: {
    family: 'data',
    stops: 'Frames too large to be kept until they are complete',
    rule: 'frame.too-large',
    sees: END,
    off: 2 ** 24 - 1,
  },
  initialWindowSize: {
    family: 'data',
    stops: 'Unread octets of a stream',
    rule: 'window.exceeded',
    sees: RESET,
    off: GREATEST,
  },
  initialConnectionWindowSize: {
    family: 'data',
    stops: 'Unread octets of the connection',
    rule: 'window.exceeded',
    sees: END,
    off: GREATEST,
  },
  oddityBurst: {
    family: 'oddities',
    stops:
      'PRIORITY floods, unknown frames, flags and settings, grants that answer nothing, late frames and requests above the limit without end',
    cve: ['CVE-2019-9513'],
    rule: 'flood.oddities',
    sees: END,
  },
  oddityRefillPerSecond: {
    family: 'oddities',
    stops: 'The same, as it comes back with time; two come back with each stream that ends well',
    rule: 'flood.oddities',
    sees: END,
    off: GREATEST,
  },
  maxSendBufferSize: {
    family: 'sending',
    stops: 'Octets queued on a stream that a peer does not take',
    cve: ['CVE-2019-9517'],
    rule: null,
    sees: 'nothing: `write` answers false to the program',
    off: GREATEST,
  },
  maxConnectionSendBufferSize: {
    family: 'sending',
    stops: 'The same over all streams; each keeps 16 KiB, so that those that stall do not stop those that do not',
    cve: ['CVE-2019-9511'],
    rule: null,
    sees: 'nothing: `write` answers false to the program',
    off: GREATEST,
  },
  writeStallTimeoutMs: {
    family: 'sending',
    stops: 'Windows of 0, and drips of one octet: less than 1 KiB in that time',
    cve: ['CVE-2019-9517', 'CVE-2026-49975'],
    rule: 'write.stalled',
    sees: `${RESET}; for want of the connection's window GOAWAY({})`,
  },
  maxReservedStreams: {
    family: 'push',
    stops: 'Promises without end',
    rule: 'push.too-many',
    sees: 'RST_STREAM({}) on the promised stream',
    off: GREATEST,
  },
  prefaceTimeoutMs: {
    family: 'timeouts',
    stops: 'Slowloris: a connection without preface and SETTINGS',
    rule: 'preface.timeout',
    sees: TIMEOUT,
  },
  settingsAckTimeoutMs: {
    family: 'timeouts',
    stops: 'SETTINGS that are not acknowledged',
    rule: 'settings.timeout',
    sees: TIMEOUT,
  },
  idleTimeoutMs: {
    family: 'timeouts',
    stops: 'Connections without streams',
    rule: 'idle.timeout',
    sees: TIMEOUT,
  },
  keepaliveIntervalMs: {
    family: 'timeouts',
    stops: 'A peer that is gone, while streams are open',
    rule: null,
    sees: 'PING',
  },
  keepaliveTimeoutMs: {
    family: 'timeouts',
    stops: 'The same: time for the answer',
    rule: 'keepalive.timeout',
    sees: TIMEOUT,
    off: GREATEST,
  },
};
