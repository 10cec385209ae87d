/**
 * What all binary messages have in common: a header of 24 octets, little-endian, and then what each kind has of its own.
 *
 *      0  kind    u8    1 FRAMES, 2 PAYLOADS, 3 FIELDS, 4 EVENTS
 *      1  version u8    protocol version
 *      2  -       u16   0
 *      4  count   u32   records or pieces that follow
 *      8  from    f64   first log position this batch speaks for
 *     16  to      f64   the position after the last one it speaks for; acknowledge with it
 *
 * Between `from` and `to` everything that the subscription matches is here; between this message's `to` and the next one's
 * `from` there is nothing, unless DROPPED says so.
 */
import type { LogName } from './messages.ts';
import { OLDEST_READABLE_VERSION, PROTOCOL_VERSION } from './version.ts';

/** Kinds of binary messages. */
export const BinaryKind = { FRAMES: 1, PAYLOADS: 2, FIELDS: 3, EVENTS: 4 } as const;

/** Octets of the header. */
export const BINARY_HEADER_BYTES = 24;

/** The header of a binary message. */
export interface BinaryHeader {
  /** One of `BinaryKind`. */
  readonly kind: number;
  /** Records or pieces that follow. */
  readonly count: number;
  /** First log position this batch speaks for. */
  readonly from: number;
  /** The position after the last one it speaks for. */
  readonly to: number;
}

/** Writes the header at the start of `bytes`, which begins its buffer at a multiple of 8. */
export function writeBinaryHeader(bytes: Uint8Array, kind: number, count: number, from: number, to: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BINARY_HEADER_BYTES);
  view.setUint8(0, kind);
  view.setUint8(1, PROTOCOL_VERSION);
  view.setUint16(2, 0);
  view.setUint32(4, count, true);
  view.setFloat64(8, from, true);
  view.setFloat64(16, to, true);
}

/** Reads and checks the header of a binary message. Throws `Error` when it is none of a version that this side reads. */
export function readBinaryHeader(buffer: ArrayBufferLike): BinaryHeader {
  if (buffer.byteLength < BINARY_HEADER_BYTES) {
    throw new Error(`binary message of ${buffer.byteLength} octets is cut off`);
  }
  const view = new DataView(buffer);
  const kind = view.getUint8(0);
  if (kind < BinaryKind.FRAMES || kind > BinaryKind.EVENTS) throw new Error(`unknown binary message kind ${kind}`);
  const version = view.getUint8(1);
  if (version < OLDEST_READABLE_VERSION || version > PROTOCOL_VERSION) {
    throw new Error(`binary message of version ${version}, this side speaks ${PROTOCOL_VERSION}`);
  }
  return {
    kind,
    count: view.getUint32(4, true),
    from: view.getFloat64(8, true),
    to: view.getFloat64(16, true),
  };
}

/** The same of one kind. Throws `Error` also when it is another one, or too short for `count` times `least` octets. */
export function readHeaderOf(
  buffer: ArrayBufferLike,
  wanted: number,
  name: string,
  firstAt: number,
  least: number,
): BinaryHeader {
  const header = readBinaryHeader(buffer);
  if (header.kind !== wanted) throw new Error(`binary message of kind ${header.kind} is no ${name} message`);
  if (buffer.byteLength < firstAt + header.count * least) {
    throw new Error(`${name} message says ${header.count} but is cut off after ${buffer.byteLength} octets`);
  }
  return header;
}

/** What a kind of binary message is called in ACK. Throws `Error` for one that is not known. */
export function logNameOf(kind: number): LogName {
  const name = NAMES[kind];
  if (name === undefined) throw new Error(`unknown binary message kind ${kind}`);
  return name;
}

const NAMES: Readonly<Record<number, LogName>> = {
  [BinaryKind.FRAMES]: 'frames',
  [BinaryKind.PAYLOADS]: 'payloads',
  [BinaryKind.FIELDS]: 'fields',
  [BinaryKind.EVENTS]: 'events',
};
