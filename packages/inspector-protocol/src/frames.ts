/** The FRAMES message: the header of `binary.ts`, then frame records (see `record.ts`). */
import { BINARY_HEADER_BYTES, type BinaryHeader, BinaryKind, readHeaderOf, writeBinaryHeader } from './binary.ts';
import { RECORD_BYTES } from './record.ts';

/** Octets before the first record; a multiple of 8, so that records can be read in place. */
export const FRAMES_HEADER_BYTES: number = BINARY_HEADER_BYTES;

/** The header of a FRAMES message; records follow at `FRAMES_HEADER_BYTES`. */
export type FramesHeader = BinaryHeader;

/** Writes the header at the start of `bytes`, which begins its buffer at a multiple of 8. */
export function writeFramesHeader(bytes: Uint8Array, count: number, from: number, to: number): void {
  writeBinaryHeader(bytes, BinaryKind.FRAMES, count, from, to);
}

/** Reads and checks the header of a FRAMES message. Throws `Error` when it is not a whole one of this version. */
export function readFramesHeader(buffer: ArrayBufferLike): FramesHeader {
  const header = readHeaderOf(buffer, BinaryKind.FRAMES, 'FRAMES', FRAMES_HEADER_BYTES, RECORD_BYTES);
  if (buffer.byteLength !== FRAMES_HEADER_BYTES + header.count * RECORD_BYTES) {
    throw new Error(`FRAMES message says ${header.count} records but has ${buffer.byteLength} octets`);
  }
  return header;
}
