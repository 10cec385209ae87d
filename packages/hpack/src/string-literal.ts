/** String literals, RFC 7541 5.2. */

import { HpackError } from './errors.ts';
import { huffmanDecodeInto, huffmanDecodeRoom, huffmanLength, huffmanPut, huffmanPutRoom } from './huffman.ts';
import { type Cursor, MAX_INTEGER_OCTETS, putInteger, readInteger } from './integer.ts';
import { latin1Decode, latin1Encode } from './octets.ts';

/** The H bit, and how many bits are left for the length. */
const HUFFMAN_PATTERN = 0x80;
const LENGTH_PREFIX = 7;

/** Lengths below this take one octet. */
const ONE_OCTET_LENGTH = 127;

/** Capacity the scratch space begins with, octets. */
const SCRATCH_LEAST = 4096;
/** Scratch space above this is given back when a shorter string comes, octets. */
const SCRATCH_KEPT = 128 * 1024;

// One for the whole process: a string is opened and taken without anything between.
let scratch: Uint8Array = new Uint8Array(SCRATCH_LEAST);
// The opened string: these octets of the scratch space if it was Huffman-coded, else of the block.
let inScratch = false;
let openStart = 0;
let openEnd = 0;

/**
 * Opens the string literal at the cursor: checks it, undoes Huffman coding, and moves the cursor behind it. Returns the
 * length of the string; `takeString` builds it, if it is wanted. A string longer than `maxLength` octets, encoded or
 * decoded, is an `HpackError` before anything is allocated for it.
 */
export function openString(cursor: Cursor, block: Uint8Array, end: number, maxLength: number): number {
  const at = cursor.position;
  const length = readInteger(cursor, block, end, LENGTH_PREFIX);
  if (length > maxLength) throw tooLong(length, maxLength);
  const start = cursor.position;
  const stop = start + length;
  if (stop > end) throw new HpackError('hpack.incomplete', 'RFC 7541 5.2', 'the field block ends within a string');
  cursor.position = stop;
  if (block[at]! < HUFFMAN_PATTERN) {
    inScratch = false;
    openStart = start;
    openEnd = stop;
    return length;
  }
  const room = huffmanDecodeRoom(length);
  if (scratch.length < room || (scratch.length > SCRATCH_KEPT && room <= SCRATCH_KEPT)) {
    scratch = new Uint8Array(Math.max(room, SCRATCH_LEAST));
  }
  const decoded = huffmanDecodeInto(block, start, stop, scratch);
  if (decoded > maxLength) throw tooLong(decoded, maxLength);
  inScratch = true;
  openStart = 0;
  openEnd = decoded;
  return decoded;
}

/** The string opened last, from the same block. */
export function takeString(block: Uint8Array): string {
  return latin1Decode(inScratch ? scratch : block, openStart, openEnd);
}

/** Octets of room that `putString` needs. */
export function stringRoom(text: string): number {
  const length = text.length;
  return MAX_INTEGER_OCTETS + (length < ONE_OCTET_LENGTH ? huffmanPutRoom(length) : length + huffmanPutRoom(0));
}

/**
 * Writes `text` at `position` of `buffer`, Huffman-coded where that is shorter, and returns the position behind it.
 * Throws an `HpackUsageError` for a code point above U+00FF.
 */
export function putString(buffer: Uint8Array, position: number, text: string): number {
  const length = text.length;
  if (length < ONE_OCTET_LENGTH) {
    // The length takes one octet either way, so the string is coded at its place before its length is known.
    const start = position + 1;
    const end = huffmanPut(text, buffer, start);
    if (end - start < length) {
      buffer[position] = HUFFMAN_PATTERN | (end - start);
      return end;
    }
    buffer[position] = length;
    return latin1Encode(text, buffer, start);
  }
  const coded = huffmanLength(text);
  if (coded < length) {
    return huffmanPut(text, buffer, putInteger(buffer, position, coded, LENGTH_PREFIX, HUFFMAN_PATTERN));
  }
  return latin1Encode(text, buffer, putInteger(buffer, position, length, LENGTH_PREFIX, 0));
}

function tooLong(length: number, maxLength: number): HpackError {
  return new HpackError(
    'hpack.string-length',
    'RFC 7541 7.4',
    `a string of ${length} octets exceeds the limit of ${maxLength}`,
  );
}
