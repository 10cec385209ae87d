/** Frame types, flags and fixed sizes. RFC 9113 4.1 and 6; RFC 7838 4, RFC 8336 2, RFC 9218 7.1 for the extensions. */

/** Octets of a frame header. */
export const FRAME_HEADER_SIZE = 9;
/** Initial and least value of SETTINGS_MAX_FRAME_SIZE. RFC 9113 6.5.2. */
export const MIN_MAX_FRAME_SIZE = 16_384;
/** Greatest value of SETTINGS_MAX_FRAME_SIZE. RFC 9113 6.5.2. */
export const MAX_MAX_FRAME_SIZE = 16_777_215;
/** Initial flow-control window of a stream and of the connection. RFC 9113 6.9.2. */
export const DEFAULT_WINDOW = 65_535;
/** Greatest flow-control window. RFC 9113 6.9.1. */
export const MAX_WINDOW = 0x7fff_ffff;
/** Greatest stream identifier. RFC 9113 5.1.1. */
export const MAX_STREAM_ID = 0x7fff_ffff;

/** Frame types by their number on the wire. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
  ALTSVC: 0xa,
  ORIGIN: 0xc,
  PRIORITY_UPDATE: 0x10,
} as const;
/** One of `FrameType`; a received type may be any octet. */
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

const FRAME_NAMES: readonly (string | undefined)[] = (() => {
  const names: (string | undefined)[] = new Array(17).fill(undefined);
  for (const [name, type] of Object.entries(FrameType)) names[type] = name;
  return names;
})();

/** The RFC's name of a frame type, `UNKNOWN(0x..)` for others. */
export function frameTypeName(type: number): string {
  return FRAME_NAMES[type] ?? `UNKNOWN(0x${type.toString(16)})`;
}

/** Flag bits. ACK and END_STREAM share a bit on different frame types. */
export const Flag = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Flags that DATA may carry. RFC 9113 6.1. */
export const DATA_FLAGS: number = Flag.END_STREAM | Flag.PADDED;

/** By type, the flags that RFC 9113 6 does not define; none for types that are not its own. */
const UNDEFINED_FLAGS: Uint8Array = (() => {
  const flags = new Uint8Array(256);
  flags.fill(0xff, FrameType.DATA, FrameType.CONTINUATION + 1);
  flags[FrameType.DATA] = 0xff & ~DATA_FLAGS;
  flags[FrameType.HEADERS] = 0xff & ~(Flag.END_STREAM | Flag.END_HEADERS | Flag.PADDED | Flag.PRIORITY);
  flags[FrameType.PUSH_PROMISE] = 0xff & ~(Flag.END_HEADERS | Flag.PADDED);
  flags[FrameType.CONTINUATION] = 0xff & ~Flag.END_HEADERS;
  flags[FrameType.SETTINGS] = 0xff & ~Flag.ACK;
  flags[FrameType.PING] = 0xff & ~Flag.ACK;
  return flags;
})();

/** The flags of a frame type, as bits, that mean nothing and are to be ignored. RFC 9113 4.1. */
export function undefinedFlags(type: number): number {
  return UNDEFINED_FLAGS[type] as number;
}

/** The client connection preface. RFC 9113 3.4. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
