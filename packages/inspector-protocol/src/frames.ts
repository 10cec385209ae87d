/**
 * The FRAMES message, binary like PAYLOADS (see `payloads.ts`): a header of 24 octets, then records.
 *
 *      0  kind    u8    1
 *      1  version u8    protocol version
 *      2  -       u16   0
 *      4  count   u32   records that follow
 *      8  from    f64   first log position this batch speaks for
 *     16  to      f64   the position after the last one it speaks for; acknowledge with it
 *
 * Between `from` and `to` every record that the subscription matches is here; between this message's `to` and the next
 * one's `from` there is none, unless DROPPED says so.
 */
import { RECORD_BYTES } from './record.ts';
import { OLDEST_READABLE_VERSION, PROTOCOL_VERSION } from './version.ts';

/** Octets before the first record; a multiple of 8, so that records can be read in place. */
export const FRAMES_HEADER_BYTES = 24;
const KIND_FRAMES = 1;

/** The header of a FRAMES message. */
export interface FramesHeader {
  /** Records that follow at `FRAMES_HEADER_BYTES`. */
  readonly count: number;
  /** First log position this batch speaks for. */
  readonly from: number;
  /** The position after the last one it speaks for. */
  readonly to: number;
}

/** Writes the header at the start of `bytes`, which begins its buffer at a multiple of 8. */
export function writeFramesHeader(bytes: Uint8Array, count: number, from: number, to: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAMES_HEADER_BYTES);
  view.setUint8(0, KIND_FRAMES);
  view.setUint8(1, PROTOCOL_VERSION);
  view.setUint16(2, 0);
  view.setUint32(4, count, true);
  view.setFloat64(8, from, true);
  view.setFloat64(16, to, true);
}

/** Reads and checks the header of a binary message. Throws `Error` when it is not a whole FRAMES message of a version that this side reads. */
export function readFramesHeader(buffer: ArrayBufferLike): FramesHeader {
  if (buffer.byteLength < FRAMES_HEADER_BYTES)
    throw new Error(`FRAMES message of ${buffer.byteLength} octets is cut off`);
  const view = new DataView(buffer);
  if (view.getUint8(0) !== KIND_FRAMES) throw new Error(`unknown binary message kind ${view.getUint8(0)}`);
  const version = view.getUint8(1);
  if (version < OLDEST_READABLE_VERSION || version > PROTOCOL_VERSION) {
    throw new Error(`FRAMES message of version ${version}, this side speaks ${PROTOCOL_VERSION}`);
  }
  const count = view.getUint32(4, true);
  if (buffer.byteLength !== FRAMES_HEADER_BYTES + count * RECORD_BYTES) {
    throw new Error(`FRAMES message says ${count} records but has ${buffer.byteLength} octets`);
  }
  return { count, from: view.getFloat64(8, true), to: view.getFloat64(16, true) };
}
