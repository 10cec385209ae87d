/**
 * HTTP/2 on the wire, written and read by hand for clients and backends that must be able to break the rules. Nothing
 * here shares code with the protocol core: a mistake there must not be repeated here.
 */
import { Decoder } from '@glassway/hpack';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

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
} as const;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;

export const NO_ERROR = 0x0;
export const PROTOCOL_ERROR = 0x1;
export const CANCEL = 0x8;
export const INADEQUATE_SECURITY = 0xc;

/** Fields as they go on the wire, pseudo-fields among them, in the order given. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** Any frame, legal or not. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** RFC 7541 5.1 with a 7-bit prefix, H bit 0, then the octets: a string without Huffman coding. */
function string(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1');
  if (octets.length < 0x7f) return Buffer.concat([Buffer.of(octets.length), octets]);
  const length = [0x7f];
  let rest = octets.length - 0x7f;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), octets]);
}

/** RFC 7541 6.2.2: literal without indexing, new name. Touches no table, so any octets can be sent. */
export function block(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), string(name), string(value)]));
}

export function headers(streamId: number, fields: Fields, flags: number = END_HEADERS | END_STREAM): Buffer {
  return frame(Type.HEADERS, flags, streamId, block(fields));
}

export function data(streamId: number, octets: Uint8Array | string, flags = 0): Buffer {
  return frame(Type.DATA, flags, streamId, typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return frame(Type.SETTINGS, 0, 0, settingsPayload(pairs));
}

export function settingsPayload(pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return payload;
}

export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

export const SETTINGS_ACK: Buffer = frame(Type.SETTINGS, ACK, 0);

export function rstStream(streamId: number, code: number): Buffer {
  return frame(Type.RST_STREAM, 0, streamId, uint32(code));
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(Type.WINDOW_UPDATE, 0, streamId, uint32(increment));
}

/** The pseudo-fields of a request that is fine, to be changed by the test. */
export function get(authority: string, path = '/', scheme = 'http'): [string, string][] {
  return [
    [':method', 'GET'],
    [':scheme', scheme],
    [':authority', authority],
    [':path', path],
  ];
}

export function post(authority: string, path = '/', scheme = 'http'): [string, string][] {
  const fields = get(authority, path, scheme);
  fields[0] = [':method', 'POST'];
  return fields;
}

/** A frame as received. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Cuts received octets into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Uint8Array): Frame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const length = this.#rest.length < 9 ? -1 : this.#rest.readUIntBE(0, 3);
      if (length < 0 || this.#rest.length < 9 + length) return frames;
      frames.push({
        type: this.#rest[3]!,
        flags: this.#rest[4]!,
        streamId: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: this.#rest.subarray(9, 9 + length),
      });
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}

/** Reads the field blocks of one direction; keeps the dynamic table, so every block must be given to it in order. */
export class FieldReader {
  readonly #decoder = new Decoder();

  read(payload: Uint8Array): [string, string][] {
    const fields: [string, string][] = [];
    this.#decoder.decode(payload, { onField: (name, value) => void fields.push([name, value]) });
    return fields;
  }
}
