/**
 * The numbers of HTTP/2 as the wire has them, written down a second time: what is tested with them must not be able to be
 * wrong in the same way.
 */

/** Frame types. RFC 9113 6; ALTSVC RFC 7838 4, ORIGIN RFC 8336 2, PRIORITY_UPDATE RFC 9218 7.1. */
export const Type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
  ALTSVC: 10,
  ORIGIN: 12,
  PRIORITY_UPDATE: 16,
} as const;
/** Name of a frame type. */
export type TypeName = keyof typeof Type;

/** Flag bits. RFC 9113 6: one bit may mean different things on different types. */
export const Flags = { END_STREAM: 0x01, ACK: 0x01, END_HEADERS: 0x04, PADDED: 0x08, PRIORITY: 0x20 } as const;
/** Name of a flag. */
export type FlagName = keyof typeof Flags;

/** Error codes. RFC 9113 7. */
export const Code = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;
/** Name of an error code. */
export type CodeName = keyof typeof Code;

/** Settings. RFC 9113 6.5.2; RFC 8441 3, RFC 9218 2.1. */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
  NO_RFC7540_PRIORITIES: 9,
} as const;
/** Name of a setting. */
export type SettingName = keyof typeof Setting;

function nameIn(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.keys(table).find(name => table[name] === value);
}

/** Name of a frame type; `TYPE 0x..` for one without. */
export function typeName(type: number): string {
  return nameIn(Type, type) ?? `TYPE 0x${type.toString(16)}`;
}

/** Name of an error code; the number in hexadecimal for one without. */
export function codeName(code: number): string {
  return nameIn(Code, code) ?? `0x${code.toString(16)}`;
}

/** Name of a setting; the number in hexadecimal for one without. */
export function settingName(id: number): string {
  return nameIn(Setting, id) ?? `0x${id.toString(16)}`;
}

/** Flags that RFC 9113 6 defines for each type, in the order in which they are named. */
const FLAGS_OF: Readonly<Record<number, readonly FlagName[]>> = {
  [Type.DATA]: ['END_STREAM', 'PADDED'],
  [Type.HEADERS]: ['END_STREAM', 'END_HEADERS', 'PADDED', 'PRIORITY'],
  [Type.SETTINGS]: ['ACK'],
  [Type.PUSH_PROMISE]: ['END_HEADERS', 'PADDED'],
  [Type.PING]: ['ACK'],
  [Type.CONTINUATION]: ['END_HEADERS'],
};

/** Names of the flags that are set, by the frame's type; bits without a name there as one number, `0x..`. */
export function flagNames(type: number, flags: number): string[] {
  const known = (FLAGS_OF[type] ?? []).filter(name => (flags & Flags[name]) !== 0);
  const rest = known.reduce((left, name) => left & ~Flags[name], flags);
  return rest === 0 ? known : [...known, `0x${rest.toString(16)}`];
}
