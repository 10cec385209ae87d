import type { IndexingPolicy } from '@glassway/hpack';
import { OptionError } from '../errors.ts';
import { checkPadding } from '../flow/padding.ts';
import { DEFAULT_WINDOW, MAX_MAX_FRAME_SIZE, MAX_WINDOW, MIN_MAX_FRAME_SIZE } from '../frame/types.ts';
import {
  completeOrder,
  DEFAULT_PSEUDO_ORDER,
  isPseudoOrder,
  PSEUDO_ORDER_RANGE,
  type PseudoField,
} from '../message/pseudo-order.ts';
import { checkSettingsOrder, OWN_SETTINGS } from '../settings/initial-settings.ts';
import { checkSetting, Settings, settingName } from '../settings/settings.ts';
import {
  CLIENT_RESET_MEMORY,
  EARLY_RESET_PAUSE_MS,
  EMPTY_DATA_BURST,
  EMPTY_DATA_REFILL_PER_SECOND,
  HEADER_BLOCK_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_CLOSED_STREAMS,
  MAX_CONCURRENT_STREAMS,
  MAX_CONNECTION_SEND_BUFFER,
  MAX_CONTINUATION_FRAMES,
  MAX_HEADER_FIELDS,
  MAX_HEADER_LIST_SIZE,
  MAX_HEADER_MEMORY,
  MAX_LOCAL_ERROR_RESETS,
  MAX_ODDITY_BURST,
  MAX_PENDING_ACCEPT,
  MAX_PENDING_ACCEPT_RESETS,
  MAX_PUSHED_STREAMS,
  MAX_QUEUED_REPLIES,
  MAX_REMEMBERED_STREAMS,
  MAX_RESERVED_STREAMS,
  MAX_SEND_BUFFER,
  MAX_SETTINGS_PER_FRAME,
  MIN_DATA_FRAME_BUDGET,
  ODDITY_BURST,
  ODDITY_REFILL_PER_SECOND,
  PREFACE_TIMEOUT_MS,
  SETTINGS_ACK_TIMEOUT_MS,
  SETTINGS_WORK_BURST,
  SETTINGS_WORK_REFILL_PER_SECOND,
  WRITE_STALL_TIMEOUT_MS,
} from './limits.ts';
import type { CoreOptions, ResolvedOptions } from './options.ts';

const UINT32 = 0xffff_ffff;
const MAX_TABLE = 65_536;
const DEFAULT_TABLE = 4096;
const STREAM_WINDOW = 1_048_576;
const CONNECTION_WINDOW = 4_194_304;

const NOTHING: readonly number[] = [];

type NamesOf<Kind> = { [Name in keyof CoreOptions]-?: NonNullable<CoreOptions[Name]> extends Kind ? Name : never };
type NumberName = NamesOf<number>[keyof CoreOptions];
type BooleanName = NamesOf<boolean>[keyof CoreOptions];

/** A number that must be an integer within `min..max`. */
function whole(given: CoreOptions, name: NumberName, fallback: number, min = 0, max: number = MAX_WINDOW): number {
  const value = given[name];
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new OptionError(name, value, `an integer from ${min} to ${max}`);
  }
  return value;
}

function flag(given: CoreOptions, name: BooleanName, fallback: boolean): boolean {
  const value = given[name];
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new OptionError(name, value, 'true or false');
  return value;
}

/** Settings this core has no option for, as pairs of id and value. RFC 9113 6.5.2. */
function extraSettings(role: 'server' | 'client', given: CoreOptions): readonly number[] {
  const { extraSettings: pairs = [] } = given;
  const fail = (range: string): never => {
    throw new OptionError('extraSettings', pairs, range);
  };
  if (!Array.isArray(pairs) || (pairs.length & 1) !== 0) fail('an array of ids and values in turn');
  const none = new Settings();
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const id = pairs[i] as number;
    const value = pairs[i + 1] as number;
    if (!isUint(id, 0xffff) || !isUint(value, UINT32)) fail('pairs of a 16-bit id and a 32-bit value');
    if (OWN_SETTINGS.has(id)) fail(`without ${settingName(id)}, which has an option of its own`);
    if (checkSetting(id, value, none, role === 'server', true) !== '') fail(`a legal value for ${settingName(id)}`);
  }
  return pairs.length === 0 ? NOTHING : [...pairs];
}

/** The encoder's policy. */
function indexing({ indexing: policy = 'default' }: CoreOptions): 'default' | IndexingPolicy {
  if (policy === 'default' || typeof policy === 'function') return policy;
  throw new OptionError('indexing', policy, "'default' or a function");
}

/** The order of pseudo-fields, complete. */
function pseudoOrder({ pseudoOrder: order }: CoreOptions): readonly PseudoField[] {
  if (order === undefined) return DEFAULT_PSEUDO_ORDER;
  if (!isPseudoOrder(order)) throw new OptionError('pseudoOrder', order, PSEUDO_ORDER_RANGE);
  return completeOrder(order);
}

function isUint(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

/**
 * Fills in defaults and checks every value; throws an `OptionError` that names the option, its value and its range.
 * `canPush`: what `enablePush` is when it is not given.
 */
export function resolveOptions(role: 'server' | 'client', given: CoreOptions = {}, canPush = false): ResolvedOptions {
  if (role !== 'server' && role !== 'client') throw new OptionError('role', role, "'server' or 'client'");
  const isServer = role === 'server';
  const maxConcurrentStreams = whole(
    given,
    'maxConcurrentStreams',
    isServer ? MAX_CONCURRENT_STREAMS : MAX_PUSHED_STREAMS,
    0,
    UINT32,
  );
  // Whoever cancels all it has open at once may be late with each, and have said something of each before.
  const oddityBurst = Math.max(ODDITY_BURST, Math.min(2 * maxConcurrentStreams, MAX_ODDITY_BURST));
  const initialWindowSize = whole(given, 'initialWindowSize', STREAM_WINDOW);
  const remembered = isServer
    ? Math.min(Math.max(MAX_CLOSED_STREAMS, maxConcurrentStreams * 2), MAX_REMEMBERED_STREAMS)
    : CLIENT_RESET_MEMORY;
  const dataFrameBudget = Math.max(MIN_DATA_FRAME_BUDGET, initialWindowSize >>> 1);
  const prefaceReceived = flag(given, 'prefaceReceived', false);
  if (prefaceReceived && !isServer)
    throw new OptionError('prefaceReceived', true, 'false for a client, which expects none');
  const extra = extraSettings(role, given);
  return {
    initialWindowSize,
    initialConnectionWindowSize: whole(given, 'initialConnectionWindowSize', CONNECTION_WINDOW, DEFAULT_WINDOW),
    maxFrameSize: whole(given, 'maxFrameSize', MIN_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE, MAX_MAX_FRAME_SIZE),
    maxConcurrentStreams,
    maxHeaderListSize: whole(given, 'maxHeaderListSize', MAX_HEADER_LIST_SIZE, 0, UINT32),
    maxHeaderFields: whole(given, 'maxHeaderFields', MAX_HEADER_FIELDS, 1),
    maxHeaderMemory: whole(given, 'maxHeaderMemory', MAX_HEADER_MEMORY),
    maxContinuationFrames: whole(given, 'maxContinuationFrames', MAX_CONTINUATION_FRAMES),
    headerTableSize: whole(given, 'headerTableSize', DEFAULT_TABLE, 0, MAX_TABLE),
    encoderTableSize: whole(given, 'encoderTableSize', DEFAULT_TABLE, 0, MAX_TABLE),
    enablePush: flag(given, 'enablePush', canPush),
    enableConnectProtocol: flag(given, 'enableConnectProtocol', false),
    maxSendBufferSize: whole(given, 'maxSendBufferSize', MAX_SEND_BUFFER, 1),
    maxConnectionSendBufferSize: whole(given, 'maxConnectionSendBufferSize', MAX_CONNECTION_SEND_BUFFER, 1),
    maxSettingsPerFrame: whole(given, 'maxSettingsPerFrame', MAX_SETTINGS_PER_FRAME, 1),
    maxQueuedReplies: whole(given, 'maxQueuedReplies', MAX_QUEUED_REPLIES, 1),
    prefaceTimeoutMs: whole(given, 'prefaceTimeoutMs', PREFACE_TIMEOUT_MS),
    settingsAckTimeoutMs: whole(given, 'settingsAckTimeoutMs', SETTINGS_ACK_TIMEOUT_MS),
    idleTimeoutMs: whole(given, 'idleTimeoutMs', IDLE_TIMEOUT_MS),
    keepaliveIntervalMs: whole(given, 'keepaliveIntervalMs', 0),
    keepaliveWhileIdle: flag(given, 'keepaliveWhileIdle', false),
    keepaliveTimeoutMs: whole(given, 'keepaliveTimeoutMs', KEEPALIVE_TIMEOUT_MS),
    earlyResetPauseMs: whole(given, 'earlyResetPauseMs', EARLY_RESET_PAUSE_MS),
    maxLocalErrorResetStreams: whole(given, 'maxLocalErrorResetStreams', MAX_LOCAL_ERROR_RESETS),
    maxConcurrentResetStreams: whole(given, 'maxConcurrentResetStreams', remembered, 0, MAX_REMEMBERED_STREAMS),
    resetStreamDurationMs: whole(given, 'resetStreamDurationMs', 0),
    maxReservedStreams: whole(given, 'maxReservedStreams', MAX_RESERVED_STREAMS),
    maxPendingAccept: whole(given, 'maxPendingAccept', MAX_PENDING_ACCEPT, 1),
    maxPendingAcceptResetStreams: whole(given, 'maxPendingAcceptResetStreams', MAX_PENDING_ACCEPT_RESETS),
    oddityBurst: whole(given, 'oddityBurst', oddityBurst),
    oddityRefillPerSecond: whole(given, 'oddityRefillPerSecond', ODDITY_REFILL_PER_SECOND),
    emptyDataBurst: whole(given, 'emptyDataBurst', EMPTY_DATA_BURST),
    emptyDataRefillPerSecond: whole(given, 'emptyDataRefillPerSecond', EMPTY_DATA_REFILL_PER_SECOND),
    dataFrameBudget: whole(given, 'dataFrameBudget', dataFrameBudget),
    settingsWorkBurst: whole(given, 'settingsWorkBurst', SETTINGS_WORK_BURST),
    settingsWorkRefillPerSecond: whole(given, 'settingsWorkRefillPerSecond', SETTINGS_WORK_REFILL_PER_SECOND),
    writeStallTimeoutMs: whole(given, 'writeStallTimeoutMs', WRITE_STALL_TIMEOUT_MS),
    obeyPriorities: flag(given, 'obeyPriorities', true),
    headerBlockTimeoutMs: whole(given, 'headerBlockTimeoutMs', HEADER_BLOCK_TIMEOUT_MS),
    automaticPingAck: flag(given, 'automaticPingAck', true),
    goAwayDebugData: flag(given, 'goAwayDebugData', true),
    prefaceReceived,
    extraSettings: extra,
    settingsOrder: checkSettingsOrder(given.settingsOrder ?? NOTHING, extra),
    pseudoOrder: pseudoOrder(given),
    indexing: indexing(given),
    splitCookies: flag(given, 'splitCookies', true),
    joinCookies: flag(given, 'joinCookies', true),
    holdCancelledSlots: flag(given, 'holdCancelledSlots', true),
    padding: checkPadding(given.padding),
  };
}

/** The options of the last connection of either role. */
const last: { server: ResolvedOptions | null; client: ResolvedOptions | null } = { server: null, client: null };

/**
 * `resolveOptions` for a connection: one object for all those of a program that makes them with the same options, as most do.
 * It would be half a kilobyte for each that is idle.
 */
export function sharedOptions(role: 'server' | 'client', given: CoreOptions, canPush: boolean): ResolvedOptions {
  const options = resolveOptions(role, given, canPush);
  // A function of the program's may hold anything, and is not to be kept here.
  if (typeof options.indexing === 'function' || typeof options.padding === 'function') return options;
  const before = last[role];
  if (before !== null && isSame(before, options)) return before;
  last[role] = Object.freeze(options);
  return options;
}

function isSame(one: ResolvedOptions, other: ResolvedOptions): boolean {
  for (const name of Object.keys(other) as (keyof ResolvedOptions)[]) {
    const value = one[name];
    const second = other[name];
    if (value === second) continue;
    if (!Array.isArray(value) || !Array.isArray(second) || value.length !== second.length) return false;
    if (!value.every((item, at) => item === second[at])) return false;
  }
  return true;
}
