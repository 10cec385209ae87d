import { HpackError } from './errors.ts';
import { type Cursor, readInteger } from './integer.ts';

const cursor: Cursor = { position: 0 };

/**
 * Where the representation at `start` ends, -1 when it goes beyond `end`. One that a decoder is going to reject counts
 * as complete as soon as that is certain, so that nothing is kept in wait for octets that do not matter.
 */
export function representationEnd(source: Uint8Array, start: number, end: number, maxStringLength: number): number {
  if (start >= end) return -1;
  const first = source[start]!;
  try {
    cursor.position = start;
    if (first >= 0x80) {
      readInteger(cursor, source, end, 7);
    } else if (first >= 0x20 && first < 0x40) {
      readInteger(cursor, source, end, 5);
    } else {
      const nameIndex = readInteger(cursor, source, end, first >= 0x40 ? 6 : 4);
      const strings = nameIndex === 0 ? 2 : 1;
      for (let i = 0; i < strings; i++) {
        const length = readInteger(cursor, source, end, 7);
        if (length > maxStringLength) return end;
        cursor.position += length;
      }
    }
  } catch (error) {
    if (error instanceof HpackError && error.rule === 'hpack.incomplete') return -1;
    return end;
  }
  return cursor.position <= end ? cursor.position : -1;
}
