/** The words of HTTP/2 that a filter, a grid row and a detail pane share (RFC 9113 6, 7; RFC 7838 4; RFC 8336 2; RFC 9218 7.1). */
import { hexNumber } from './words.ts';

/** Frame types by number. */
export const FRAME_NAMES: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'HEADERS',
  2: 'PRIORITY',
  3: 'RST_STREAM',
  4: 'SETTINGS',
  5: 'PUSH_PROMISE',
  6: 'PING',
  7: 'GOAWAY',
  8: 'WINDOW_UPDATE',
  9: 'CONTINUATION',
  10: 'ALTSVC',
  12: 'ORIGIN',
  16: 'PRIORITY_UPDATE',
};

/** `HEADERS`, or `0x2a` for a type nobody registered. */
export function frameName(type: number): string {
  return FRAME_NAMES[type] ?? hexNumber(type, 2);
}

/** A flag: its bit and the frame types on which the bit means this. */
export interface FlagMeaning {
  readonly name: string;
  /** For narrow places. */
  readonly short: string;
  readonly bit: number;
  readonly types: readonly number[];
}

/** Every flag of RFC 9113 6. */
export const FLAGS: readonly FlagMeaning[] = [
  { name: 'END_STREAM', short: 'ES', bit: 0x1, types: [0, 1] },
  { name: 'ACK', short: 'ACK', bit: 0x1, types: [4, 6] },
  { name: 'END_HEADERS', short: 'EH', bit: 0x4, types: [1, 5, 9] },
  { name: 'PADDED', short: 'PAD', bit: 0x8, types: [0, 1, 5] },
  { name: 'PRIORITY', short: 'PRI', bit: 0x20, types: [1] },
];

/** Names of the flags set on a frame; bits without a meaning are shown as hex. */
export function flagNames(type: number, flags: number, short = false): readonly string[] {
  const names: string[] = [];
  let rest = flags;
  for (const flag of FLAGS) {
    if ((rest & flag.bit) !== 0 && flag.types.includes(type)) {
      names.push(short ? flag.short : flag.name);
      rest &= ~flag.bit;
    }
  }
  if (rest !== 0) names.push(hexNumber(rest, 2));
  return names;
}

/** Error codes by number (RFC 9113 7). */
export const ERROR_NAMES: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

/** `CANCEL`, or `0x1f` for a code nobody registered. */
export function errorName(code: number): string {
  return ERROR_NAMES[code] ?? hexNumber(code, 2);
}

/** A setting: name, initial value (null: no limit), unit and where it is defined. */
export interface SettingMeaning {
  readonly id: number;
  readonly name: string;
  readonly initial: number | null;
  readonly unit: 'octets' | 'streams' | 'flag';
  readonly rfc: string;
}

/** The registered settings an HTTP/2 endpoint of today meets. */
export const SETTINGS: readonly SettingMeaning[] = [
  { id: 1, name: 'HEADER_TABLE_SIZE', initial: 4096, unit: 'octets', rfc: 'RFC 9113 6.5.2' },
  { id: 2, name: 'ENABLE_PUSH', initial: 1, unit: 'flag', rfc: 'RFC 9113 6.5.2' },
  { id: 3, name: 'MAX_CONCURRENT_STREAMS', initial: null, unit: 'streams', rfc: 'RFC 9113 6.5.2' },
  { id: 4, name: 'INITIAL_WINDOW_SIZE', initial: 65_535, unit: 'octets', rfc: 'RFC 9113 6.5.2' },
  { id: 5, name: 'MAX_FRAME_SIZE', initial: 16_384, unit: 'octets', rfc: 'RFC 9113 6.5.2' },
  { id: 6, name: 'MAX_HEADER_LIST_SIZE', initial: null, unit: 'octets', rfc: 'RFC 9113 6.5.2' },
  { id: 8, name: 'ENABLE_CONNECT_PROTOCOL', initial: 0, unit: 'flag', rfc: 'RFC 8441 3' },
  { id: 9, name: 'NO_RFC7540_PRIORITIES', initial: 0, unit: 'flag', rfc: 'RFC 9218 2.1' },
];

/** `MAX_FRAME_SIZE`, or `0x0f00` for a setting nobody registered. */
export function settingName(id: number): string {
  return SETTINGS.find(setting => setting.id === id)?.name ?? hexNumber(id, 4);
}

/** Numbers of a stream's states (RFC 9113 5.1), as `StreamState` has them. */
export const StateNumber = {
  IDLE: 0,
  RESERVED_LOCAL: 1,
  RESERVED_REMOTE: 2,
  OPEN: 3,
  HALF_CLOSED_LOCAL: 4,
  HALF_CLOSED_REMOTE: 5,
  CLOSED: 6,
} as const;

const STREAM_STATES = [
  'idle',
  'reserved (local)',
  'reserved (remote)',
  'open',
  'half-closed (local)',
  'half-closed (remote)',
  'closed',
];

/** The name of a stream's state by its `StateNumber`. */
export function stateName(state: number): string {
  return STREAM_STATES[state] ?? `state ${state}`;
}
