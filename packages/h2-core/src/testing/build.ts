import { concat, type OctetsLike, octets, uint } from './octets.ts';
import { Flags, Setting, type SettingName, Type, type TypeName } from './wire.ts';

/** Field lines in wire order, pseudo-fields included. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** What to do to a frame beyond what its arguments say, mostly wrongly. */
export interface FrameChanges {
  /** Says this in the length field instead of the payload's length, 0..2^24-1. */
  readonly length?: number;
  /** Sets the reserved bit before the stream identifier. */
  readonly reserved?: boolean;
  /**
   * Sets PADDED and adds padding (RFC 9113 6.1): so many octets 0, or these. On types without padding too, where it means
   * nothing.
   */
  readonly padding?: number | OctetsLike;
  /** Says this in the Pad Length octet instead of the padding's length, 0..255. */
  readonly padLength?: number;
}

/** The 9 octets of a frame header, for a payload of `length` octets that may never come. RFC 9113 4.1. */
export function frameHeader(length: number, type: number, flags: number, streamId: number): Uint8Array {
  return concat(uint(length, 3), [type, flags], uint(streamId, 4));
}

/**
 * Any frame. `type` and `flags` are octets; `streamId` is 32 bits, the first of them the reserved one. Nothing is checked.
 */
export function frame(
  type: TypeName | number,
  flags: number,
  streamId: number,
  payload: OctetsLike = [],
  changes: FrameChanges = {},
): Uint8Array {
  const { reserved = false, padding, padLength } = changes;
  const fill = typeof padding === 'number' ? new Uint8Array(padding) : (padding ?? []);
  const isPadded = padding !== undefined || padLength !== undefined;
  const whole = isPadded ? concat([padLength ?? fill.length], payload, fill) : payload;
  return concat(
    frameHeader(
      changes.length ?? whole.length,
      typeof type === 'number' ? type : Type[type],
      isPadded ? flags | Flags.PADDED : flags,
      reserved ? streamId + 0x8000_0000 : streamId,
    ),
    whole,
  );
}

/** An integer of RFC 7541 5.1 behind a prefix of `bits` bits; `first` holds the bits before it. */
export function hpackInteger(value: number, bits: number, first = 0): number[] {
  const limit = 2 ** bits - 1;
  if (value < limit) return [first | value];
  const out = [first | limit];
  let rest = value - limit;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return [...out, rest];
}

/** A string literal without Huffman coding. RFC 7541 5.2. */
export function hpackString(value: string): Uint8Array {
  return concat(hpackInteger(value.length, 7), octets(value));
}

/**
 * A field block of literals without indexing, without Huffman coding (RFC 7541 6.2.2): it needs no table and changes none.
 * Names and values go out as they are, valid or not. Raw HPACK octets are `payload` of `frame('HEADERS', ...)`.
 */
export function fieldBlock(fields: Fields): Uint8Array {
  return concat(...fields.flatMap(([name, value]) => [[0], hpackString(name), hpackString(value)]));
}

/** The client connection preface. RFC 9113 3.4. */
export const preface: Uint8Array = octets('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** DATA. RFC 9113 6.1. */
export function data(streamId: number, body: string | OctetsLike, flags = 0, changes?: FrameChanges): Uint8Array {
  return frame(Type.DATA, flags, streamId, typeof body === 'string' ? octets(body) : body, changes);
}

/** HEADERS with a block of literals; END_HEADERS and END_STREAM unless told otherwise. RFC 9113 6.2. */
export function headers(
  streamId: number,
  fields: Fields,
  flags: number = Flags.END_HEADERS | Flags.END_STREAM,
  changes?: FrameChanges,
): Uint8Array {
  return frame(Type.HEADERS, flags, streamId, fieldBlock(fields), changes);
}

/** CONTINUATION with octets of a field block. RFC 9113 6.10. */
export function continuation(streamId: number, fragment: OctetsLike, flags = 0): Uint8Array {
  return frame(Type.CONTINUATION, flags, streamId, fragment);
}

/** PRIORITY; `weight` is the octet on the wire, one less than the weight. RFC 9113 6.3. */
export function priority(streamId: number, dependsOn: number, weight = 15, exclusive = false): Uint8Array {
  return frame(Type.PRIORITY, 0, streamId, [...uint(dependsOn + (exclusive ? 0x8000_0000 : 0), 4), weight]);
}

/** RST_STREAM. RFC 9113 6.4. */
export function rstStream(streamId: number, code: number): Uint8Array {
  return frame(Type.RST_STREAM, 0, streamId, uint(code, 4));
}

/** SETTINGS from pairs - id, value, id, value ... - or by name. RFC 9113 6.5. */
export function settings(...pairs: readonly number[]): Uint8Array {
  const payload: number[] = [];
  for (let i = 0; i < pairs.length; i += 2) payload.push(...uint(pairs[i] ?? 0, 2), ...uint(pairs[i + 1] ?? 0, 4));
  return frame(Type.SETTINGS, 0, 0, payload);
}

/** Named settings as pairs for `settings`. */
export function settingPairs(named: Readonly<Partial<Record<SettingName, number>>>): number[] {
  return Object.entries(named).flatMap(([name, value]) => [Setting[name as SettingName], value]);
}

/** The acknowledgement of SETTINGS. */
export const settingsAck: Uint8Array = frame(Type.SETTINGS, Flags.ACK, 0);

/** PUSH_PROMISE with a block of literals. RFC 9113 6.6. */
export function pushPromise(
  streamId: number,
  promisedId: number,
  fields: Fields,
  flags: number = Flags.END_HEADERS,
  changes?: FrameChanges,
): Uint8Array {
  return frame(Type.PUSH_PROMISE, flags, streamId, concat(uint(promisedId, 4), fieldBlock(fields)), changes);
}

/** PING. RFC 9113 6.7. */
export function ping(payload: OctetsLike, flags = 0): Uint8Array {
  return frame(Type.PING, flags, 0, payload);
}

/** GOAWAY. RFC 9113 6.8. */
export function goAway(lastStreamId: number, code: number, debug = ''): Uint8Array {
  return frame(Type.GOAWAY, 0, 0, concat(uint(lastStreamId, 4), uint(code, 4), octets(debug)));
}

/** WINDOW_UPDATE; `increment` is 32 bits, the first of them the reserved one. RFC 9113 6.9. */
export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(Type.WINDOW_UPDATE, 0, streamId, uint(increment, 4));
}

/** PRIORITY_UPDATE; goes on stream 0. RFC 9218 7.1. */
export function priorityUpdate(prioritisedId: number, value: string, on = 0): Uint8Array {
  return frame(Type.PRIORITY_UPDATE, 0, on, concat(uint(prioritisedId, 4), octets(value)));
}

/** ALTSVC. RFC 7838 4. */
export function altSvc(streamId: number, origin: string, value: string): Uint8Array {
  return frame(Type.ALTSVC, 0, streamId, concat(uint(origin.length, 2), octets(origin), octets(value)));
}

/** ORIGIN; goes on stream 0. RFC 8336 2.1. */
export function origins(...names: readonly string[]): Uint8Array {
  return frame(Type.ORIGIN, 0, 0, concat(...names.flatMap(name => [uint(name.length, 2), octets(name)])));
}

/** The fields of a request for `path`, `GET` to example.com over http unless told otherwise, and more field lines. */
export function requestFields(
  head: {
    readonly method?: string;
    readonly path?: string;
    readonly scheme?: string;
    readonly authority?: string;
  } = {},
  more: Fields = [],
): Fields {
  const { method = 'GET', path = '/', scheme = 'http', authority = 'example.com' } = head;
  return [[':method', method], [':scheme', scheme], [':authority', authority], [':path', path], ...more];
}
