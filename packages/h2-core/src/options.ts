import { UsageError } from './errors.ts';
import { checkPadding, type PaddingStrategy } from './flow/padding.ts';
import { DEFAULT_WINDOW, MAX_MAX_FRAME_SIZE, MAX_WINDOW, MIN_MAX_FRAME_SIZE } from './frame/types.ts';
import {
  EARLY_RESET_PAUSE_MS,
  EMPTY_DATA_BURST,
  EMPTY_DATA_REFILL_PER_SECOND,
  HEADER_BLOCK_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  MAX_CONTINUATION_FRAMES,
  MAX_HEADER_FIELDS,
  MAX_HEADER_LIST_SIZE,
  MAX_HEADER_MEMORY,
  MAX_QUEUED_REPLIES,
  MAX_SETTINGS_PER_FRAME,
  ODDITY_BURST,
  ODDITY_REFILL_PER_SECOND,
  PREFACE_TIMEOUT_MS,
  SETTINGS_ACK_TIMEOUT_MS,
  SETTINGS_WORK_BURST,
  SETTINGS_WORK_REFILL_PER_SECOND,
  WRITE_STALL_TIMEOUT_MS,
} from './limits.ts';
import { SettingId } from './settings.ts';

/**
 * What can be set on a connection. Every number is checked once; a bad one throws a `UsageError` with its range, which is
 * 0..2^31-1 where none is given here. Names that end in `Ms` are in milliseconds.
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
  /** Field lines of a received section. Default 256, range 1..65,536. */
  readonly maxHeaderFields?: number;
  /** Field sections of all open streams together, octets by RFC 9113 6.5.2; more requests are refused. Default 2 MiB. */
  readonly maxHeaderMemory?: number;
  /** CONTINUATION frames after one HEADERS or PUSH_PROMISE. Default 16, range 0..65,536. */
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
  /** Entries accepted in one SETTINGS frame. Default 32, range 1..65,536. */
  readonly maxSettingsPerFrame?: number;
  /** Unsent replies at which `wantsPause` turns true. Default 1000, range 1..1,000,000. */
  readonly maxQueuedReplies?: number;
  /** Time for the peer's preface and first SETTINGS. Default 10 s, 0: off. */
  readonly prefaceTimeoutMs?: number;
  /** Time for the peer's acknowledgement of our SETTINGS. Default 10 s, 0: off. */
  readonly settingsAckTimeoutMs?: number;
  /** Time without any stream after which the connection is closed. Default 180 s, 0: off. */
  readonly idleTimeoutMs?: number;
  /** Silence after which a PING is sent while streams are open. Default 0: off. */
  readonly keepaliveIntervalMs?: number;
  /** Time for the answer to that PING. Default 20 s. */
  readonly keepaliveTimeoutMs?: number;
  /** Pause of reading when most of 400 streams were reset before their response; ten pauses in 10 s end the connection. Default 100 ms, 0: off. */
  readonly earlyResetPauseMs?: number;
  /** Legal but useless frames (unknown types, PRIORITY, tiny grants ...) taken at once. Default 1000, 0: off. */
  readonly oddityBurst?: number;
  /** ... and per second. Default 100. */
  readonly oddityRefillPerSecond?: number;
  /** DATA frames with neither octets nor END_STREAM taken at once. Default 100, 0: off. */
  readonly emptyDataBurst?: number;
  /** ... and per second. Default 10. */
  readonly emptyDataRefillPerSecond?: number;
  /** What unread DATA frames below 256 octets may cost, 256 minus length each. Default max(64 KiB, half the window), 0: off. */
  readonly smallDataBudget?: number;
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
}

/** `CoreOptions` with every value settled. */
export type ResolvedOptions = { readonly [Name in keyof CoreOptions]-?: NonNullable<CoreOptions[Name]> };

/** SETTINGS_HEADER_TABLE_SIZE unless told otherwise. RFC 9113 6.5.2. */
const DEFAULT_TABLE = 4096;
const UINT32 = 0xffff_ffff;

function number(name: string, value: number | undefined, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(
      'api.option',
      `option ${name} is ${String(value)}; it must be an integer from ${min} to ${max}`,
    );
  }
  return value;
}

/** Fills in defaults and checks ranges; throws a `UsageError` that names the option, its value and its range. */
export function resolveOptions(role: 'server' | 'client', given: CoreOptions, canPush: boolean): ResolvedOptions {
  const whole = (name: keyof CoreOptions, fallback: number): number =>
    number(name, given[name] as number | undefined, fallback, 0, MAX_WINDOW);
  return {
    initialWindowSize: number('initialWindowSize', given.initialWindowSize, 1_048_576, 0, MAX_WINDOW),
    initialConnectionWindowSize: number(
      'initialConnectionWindowSize',
      given.initialConnectionWindowSize,
      4_194_304,
      65_535,
      MAX_WINDOW,
    ),
    maxFrameSize: number(
      'maxFrameSize',
      given.maxFrameSize,
      MIN_MAX_FRAME_SIZE,
      MIN_MAX_FRAME_SIZE,
      MAX_MAX_FRAME_SIZE,
    ),
    maxConcurrentStreams: number(
      'maxConcurrentStreams',
      given.maxConcurrentStreams,
      role === 'server' ? 128 : 100,
      0,
      UINT32,
    ),
    maxHeaderListSize: number('maxHeaderListSize', given.maxHeaderListSize, MAX_HEADER_LIST_SIZE, 0, UINT32),
    maxHeaderMemory: number('maxHeaderMemory', given.maxHeaderMemory, MAX_HEADER_MEMORY, 0, MAX_WINDOW),
    maxHeaderFields: number('maxHeaderFields', given.maxHeaderFields, MAX_HEADER_FIELDS, 1, 65_536),
    maxContinuationFrames: number(
      'maxContinuationFrames',
      given.maxContinuationFrames,
      MAX_CONTINUATION_FRAMES,
      0,
      65_536,
    ),
    headerTableSize: number('headerTableSize', given.headerTableSize, 4096, 0, 65_536),
    encoderTableSize: number('encoderTableSize', given.encoderTableSize, 4096, 0, 65_536),
    enablePush: given.enablePush ?? canPush,
    enableConnectProtocol: given.enableConnectProtocol ?? false,
    maxSendBufferSize: number('maxSendBufferSize', given.maxSendBufferSize, 262_144, 1, MAX_WINDOW),
    maxSettingsPerFrame: number('maxSettingsPerFrame', given.maxSettingsPerFrame, MAX_SETTINGS_PER_FRAME, 1, 65_536),
    maxQueuedReplies: number('maxQueuedReplies', given.maxQueuedReplies, MAX_QUEUED_REPLIES, 1, 1_000_000),
    prefaceTimeoutMs: whole('prefaceTimeoutMs', PREFACE_TIMEOUT_MS),
    settingsAckTimeoutMs: whole('settingsAckTimeoutMs', SETTINGS_ACK_TIMEOUT_MS),
    idleTimeoutMs: whole('idleTimeoutMs', IDLE_TIMEOUT_MS),
    keepaliveIntervalMs: whole('keepaliveIntervalMs', 0),
    keepaliveTimeoutMs: whole('keepaliveTimeoutMs', 20_000),
    earlyResetPauseMs: whole('earlyResetPauseMs', EARLY_RESET_PAUSE_MS),
    oddityBurst: whole('oddityBurst', ODDITY_BURST),
    oddityRefillPerSecond: whole('oddityRefillPerSecond', ODDITY_REFILL_PER_SECOND),
    emptyDataBurst: whole('emptyDataBurst', EMPTY_DATA_BURST),
    emptyDataRefillPerSecond: whole('emptyDataRefillPerSecond', EMPTY_DATA_REFILL_PER_SECOND),
    smallDataBudget: whole('smallDataBudget', Math.max(65_536, (given.initialWindowSize ?? 1_048_576) >>> 1)),
    settingsWorkBurst: whole('settingsWorkBurst', SETTINGS_WORK_BURST),
    settingsWorkRefillPerSecond: whole('settingsWorkRefillPerSecond', SETTINGS_WORK_REFILL_PER_SECOND),
    writeStallTimeoutMs: whole('writeStallTimeoutMs', WRITE_STALL_TIMEOUT_MS),
    obeyPriorities: given.obeyPriorities ?? true,
    headerBlockTimeoutMs: whole('headerBlockTimeoutMs', HEADER_BLOCK_TIMEOUT_MS),
    padding: checkPadding(given.padding),
  };
}

/** The first SETTINGS as pairs of id and value: what differs from the RFC's initial values. */
export function initialSettings(isServer: boolean, options: ResolvedOptions): number[] {
  const pairs: number[] = [];
  if (options.headerTableSize !== DEFAULT_TABLE) pairs.push(SettingId.HEADER_TABLE_SIZE, options.headerTableSize);
  if (!isServer) pairs.push(SettingId.ENABLE_PUSH, options.enablePush ? 1 : 0);
  if (isServer || options.enablePush) pairs.push(SettingId.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams);
  if (options.initialWindowSize !== DEFAULT_WINDOW)
    pairs.push(SettingId.INITIAL_WINDOW_SIZE, options.initialWindowSize);
  if (options.maxFrameSize !== MIN_MAX_FRAME_SIZE) pairs.push(SettingId.MAX_FRAME_SIZE, options.maxFrameSize);
  pairs.push(SettingId.MAX_HEADER_LIST_SIZE, options.maxHeaderListSize);
  if (isServer && options.enableConnectProtocol) pairs.push(SettingId.ENABLE_CONNECT_PROTOCOL, 1);
  return pairs;
}
