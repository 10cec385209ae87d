import { OptionError } from '../errors.ts';
import { DEFAULT_WINDOW, MIN_MAX_FRAME_SIZE } from '../frame/types.ts';
import type { ResolvedOptions } from '../options/options.ts';
import { SettingId, settingName } from './settings.ts';

/** SETTINGS_HEADER_TABLE_SIZE unless told otherwise. RFC 9113 6.5.2. */
const DEFAULT_TABLE = 4096;

/** SETTINGS_MAX_HEADER_LIST_SIZE in numbers: without it there is no limit. */
const UNLIMITED = 0xffff_ffff;

/** Settings whose values are options of their own. */
export const OWN_SETTINGS: ReadonlySet<number> = new Set([
  SettingId.HEADER_TABLE_SIZE,
  SettingId.ENABLE_PUSH,
  SettingId.MAX_CONCURRENT_STREAMS,
  SettingId.INITIAL_WINDOW_SIZE,
  SettingId.MAX_FRAME_SIZE,
  SettingId.MAX_HEADER_LIST_SIZE,
  SettingId.ENABLE_CONNECT_PROTOCOL,
]);

const NO_ORDER: readonly number[] = [];

/** Checks the ids of `settingsOrder`: each once, and none that would have no value. */
export function checkSettingsOrder(order: readonly number[], extra: readonly number[]): readonly number[] {
  const fail = (range: string): never => {
    throw new OptionError('settingsOrder', order, range);
  };
  if (!Array.isArray(order)) fail('an array of ids');
  for (const [at, id] of order.entries()) {
    const isKnown = OWN_SETTINGS.has(id) || extra.some((other, i) => i % 2 === 0 && other === id);
    if (!isKnown) fail(`without ${settingName(id)}, to which neither an option nor extraSettings gives a value`);
    if (order.indexOf(id) !== at) fail(`without a second ${settingName(id)}`);
  }
  return order.length === 0 ? NO_ORDER : [...order];
}

/**
 * The first SETTINGS as pairs of id and value: what differs from the RFC's initial values and what `settingsOrder` names, in
 * its order, the rest behind it.
 */
export function initialSettings(isServer: boolean, options: ResolvedOptions): number[] {
  const { settingsOrder, extraSettings } = options;
  const pairs: number[] = [];
  const put = (id: number, value: number, unlike: number | null): void => {
    if (value !== unlike || settingsOrder.includes(id)) pairs.push(id, value);
  };
  put(SettingId.HEADER_TABLE_SIZE, options.headerTableSize, DEFAULT_TABLE);
  if (!isServer) put(SettingId.ENABLE_PUSH, options.enablePush ? 1 : 0, null);
  const limited = isServer || options.enablePush || settingsOrder.includes(SettingId.MAX_CONCURRENT_STREAMS);
  if (limited) put(SettingId.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams, null);
  put(SettingId.INITIAL_WINDOW_SIZE, options.initialWindowSize, DEFAULT_WINDOW);
  put(SettingId.MAX_FRAME_SIZE, options.maxFrameSize, MIN_MAX_FRAME_SIZE);
  put(SettingId.MAX_HEADER_LIST_SIZE, options.maxHeaderListSize, UNLIMITED);
  if (isServer) put(SettingId.ENABLE_CONNECT_PROTOCOL, options.enableConnectProtocol ? 1 : 0, 0);
  for (const number of extraSettings) pairs.push(number);
  return settingsOrder.length === 0 ? pairs : ordered(pairs, settingsOrder);
}

/** The pairs with those ids first, in that order. */
function ordered(pairs: readonly number[], order: readonly number[]): number[] {
  const first: number[] = [];
  const rest: number[] = [];
  for (const id of order) {
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === id) first.push(id, pairs[i + 1] as number);
  }
  for (let i = 0; i < pairs.length; i += 2) {
    if (!order.includes(pairs[i] as number)) rest.push(pairs[i] as number, pairs[i + 1] as number);
  }
  return [...first, ...rest];
}
