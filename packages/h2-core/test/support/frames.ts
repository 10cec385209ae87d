/** Frames built and read octet by octet, independent of the code under test. */

export const T = {
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
} as const;
export const F = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 0x20 } as const;

export type Fields = readonly (readonly [string, string])[];

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, c => c.charCodeAt(0));
}

export function text(octets: Uint8Array): string {
  return Buffer.from(octets).toString('latin1');
}

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function be(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}

export const u32 = (value: number): number[] => be(value, 4);

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  return concat(be(payload.length, 3), [type, flags], be(streamId, 4), payload);
}

/** Literal without indexing, no Huffman: needs no table. RFC 7541 6.2.2. */
export function block(fields: Fields): Uint8Array {
  const length = (n: number): number[] => {
    if (n < 127) return [n];
    const out = [127];
    let rest = n - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    return [...out, rest];
  };
  return concat(...fields.flatMap(([n, v]) => [[0], length(n.length), bytes(n), length(v.length), bytes(v)]));
}

export const preface: Uint8Array = bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const settings = (...pairs: number[]): Uint8Array => {
  const payload: number[] = [];
  for (let i = 0; i < pairs.length; i += 2) payload.push(...be(pairs[i] ?? 0, 2), ...be(pairs[i + 1] ?? 0, 4));
  return frame(T.SETTINGS, 0, 0, payload);
};
export const settingsAck: Uint8Array = frame(T.SETTINGS, F.ACK, 0);
export const headers = (streamId: number, fields: Fields, flags: number = F.END_HEADERS | F.END_STREAM): Uint8Array =>
  frame(T.HEADERS, flags, streamId, block(fields));
export const data = (streamId: number, body: string | Uint8Array, flags = 0): Uint8Array =>
  frame(T.DATA, flags, streamId, typeof body === 'string' ? bytes(body) : body);
export const rst = (streamId: number, code: number): Uint8Array => frame(T.RST_STREAM, 0, streamId, u32(code));
export const windowUpdate = (streamId: number, increment: number): Uint8Array =>
  frame(T.WINDOW_UPDATE, 0, streamId, u32(increment));
export const ping = (payload: readonly number[], flags = 0): Uint8Array => frame(T.PING, flags, 0, payload);
export const goAway = (last: number, code: number, debug = ''): Uint8Array =>
  frame(T.GOAWAY, 0, 0, concat(u32(last), u32(code), bytes(debug)));

export const priority = (streamId: number, dependsOn: number, weight = 15, exclusive = false): Uint8Array =>
  frame(T.PRIORITY, 0, streamId, concat(u32(dependsOn + (exclusive ? 0x8000_0000 : 0)), [weight]));
export const continuation = (streamId: number, fragment: Uint8Array | readonly number[], flags = 0): Uint8Array =>
  frame(T.CONTINUATION, flags, streamId, fragment);
/** A header only, announcing `length` octets that may never come. */
export const header = (length: number, type: number, flags: number, streamId: number): Uint8Array =>
  concat(be(length, 3), [type, flags], be(streamId, 4));

/** RFC 9113 7, as numbers of the wire. */
export const E = {
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
} as const;
/** RFC 9113 6.5.2. */
export const S = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

export const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'example.com'],
  [':path', '/'],
];
export const POST: Fields = [[':method', 'POST'], ...GET.slice(1)];

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Cuts octets into frames; throws when they do not end at a frame's end. */
export function parse(octets: Uint8Array): RawFrame[] {
  const frames: RawFrame[] = [];
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let at = 0;
  while (at < octets.length) {
    const length = view.getUint32(at) >>> 8;
    const end = at + 9 + length;
    if (end > octets.length) throw new Error(`frame cut off at ${at}`);
    frames.push({
      type: view.getUint8(at + 3),
      flags: view.getUint8(at + 4),
      streamId: view.getUint32(at + 5),
      payload: octets.slice(at + 9, end),
    });
    at = end;
  }
  return frames;
}

const NAMES = Object.keys(T);

/** A frame as one line: `RST_STREAM 1 code=8`, for transcripts. */
export function line(f: RawFrame): string {
  const view = new DataView(f.payload.buffer, f.payload.byteOffset, f.payload.byteLength);
  const name = NAMES[f.type] ?? `TYPE${f.type}`;
  const end = (f.type === T.DATA || f.type === T.HEADERS) && (f.flags & F.END_STREAM) !== 0 ? ' END_STREAM' : '';
  switch (f.type) {
    case T.DATA:
      return `DATA ${f.streamId} ${f.payload.length}${end}`;
    case T.RST_STREAM:
      return `RST_STREAM ${f.streamId} ${view.getUint32(0)}`;
    case T.GOAWAY:
      return `GOAWAY ${view.getUint32(0)} ${view.getUint32(4)} ${text(f.payload.slice(8))}`.trimEnd();
    case T.WINDOW_UPDATE:
      return `WINDOW_UPDATE ${f.streamId} ${view.getUint32(0)}`;
    case T.SETTINGS:
    case T.PING:
      return (f.flags & F.ACK) !== 0 ? `${name} ACK` : name;
    default:
      return `${name} ${f.streamId}${end}`;
  }
}
