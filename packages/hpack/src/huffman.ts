/** String coding with the static Huffman code, RFC 7541 5.2 and Appendix B. */

import { HpackError, HpackUsageError } from './errors.ts';
import {
  CODE_BITS,
  CODES,
  EOS,
  FIRST_CODE,
  FIRST_RANK,
  MAX_CODE_BITS,
  MIN_CODE_BITS,
  SYMBOLS_BY_CODE,
} from './huffman-table.ts';
import { latin1Decode } from './octets.ts';

/**
 * Bits looked up at once. Twelve hold two of the common symbols (5 to 7 bits) most of the time, and the table of 16 KiB
 * still fits a first-level cache.
 */
const LOOKUP_BITS = 12;
const LOOKUP_MASK = (1 << LOOKUP_BITS) - 1;

/**
 * What the next 12 bits begin with: first symbol (bits 0-7), second symbol (8-15), bits of the first (16-19), bits of
 * all that were found (20-23), how many were found (24-25). None is found when the first code is longer than 12 bits.
 */
const LOOKUP: Uint32Array = buildLookup();

function buildLookup(): Uint32Array {
  const table = new Uint32Array(1 << LOOKUP_BITS);
  for (let window = 0; window < table.length; window++) {
    const first = match(window, LOOKUP_BITS);
    if (first < 0) continue;
    const firstBits = CODE_BITS[first]!;
    const left = LOOKUP_BITS - firstBits;
    const second = match(window & ((1 << left) - 1), left);
    const entry = first | (firstBits << 16);
    table[window] =
      second < 0
        ? entry | (firstBits << 20) | (1 << 24)
        : entry | (second << 8) | ((firstBits + CODE_BITS[second]!) << 20) | (2 << 24);
  }
  return table;
}

/** The symbol whose code leads the `count` low bits of `window`, -1 when none does. */
function match(window: number, count: number): number {
  for (let bits = MIN_CODE_BITS; bits <= count; bits++) {
    const rank = FIRST_RANK[bits]! + (window >>> (count - bits)) - FIRST_CODE[bits]!;
    if (rank >= FIRST_RANK[bits]! && rank < FIRST_RANK[bits + 1]!) return SYMBOLS_BY_CODE[rank]!;
  }
  return -1;
}

/** Octets of room that `huffmanDecodeInto` needs for an encoded string of `encodedLength` octets. */
export function huffmanDecodeRoom(encodedLength: number): number {
  // Shortest code plus the second octet that each step writes on speculation.
  return Math.ceil((encodedLength * 8) / MIN_CODE_BITS) + 2;
}

/**
 * Decodes `source[start..end]` into `target` from 0, which has `huffmanDecodeRoom` octets, and returns the decoded
 * length. Throws an `HpackError` for EOS within the string, padding longer than 7 bits or not of ones, a cut-off code.
 */
export function huffmanDecodeInto(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let position = start;
  let written = 0;
  // The low `count` bits of `bits` are read but not yet decoded; what stands above them is spent.
  let bits = 0;
  let count = 0;
  for (;;) {
    if (count < LOOKUP_BITS) {
      if (position + 1 < end) {
        bits = (bits << 16) | (source[position]! << 8) | source[position + 1]!;
        position += 2;
        count += 16;
      } else if (position < end) {
        bits = (bits << 8) | source[position++]!;
        count += 8;
        if (count < LOOKUP_BITS) break;
      } else {
        break;
      }
    }
    const entry = LOOKUP[(bits >>> (count - LOOKUP_BITS)) & LOOKUP_MASK]!;
    if (entry !== 0) {
      target[written] = entry & 0xff;
      target[written + 1] = (entry >>> 8) & 0xff;
      written += entry >>> 24;
      count -= (entry >>> 20) & 0xf;
    } else {
      const offset = position * 8 - count;
      const symbol = longSymbol(source, offset, end * 8);
      target[written++] = symbol;
      const next = offset + CODE_BITS[symbol]!;
      position = (next + 7) >>> 3;
      count = position * 8 - next;
      bits = count === 0 ? 0 : source[position - 1]!;
    }
  }
  // Fewer bits are left than a look-up takes: fill up with ones, as the encoder filled its last octet.
  while (count > 0) {
    const free = LOOKUP_BITS - count;
    const entry = LOOKUP[((bits << free) | ((1 << free) - 1)) & LOOKUP_MASK]!;
    const firstBits = (entry >>> 16) & 0xf;
    if (entry === 0 || firstBits > count) break;
    target[written++] = entry & 0xff;
    count -= firstBits;
  }
  if (count > 7 || (bits & ((1 << count) - 1)) !== (1 << count) - 1) throw badPadding();
  return written;
}

/** The symbol at bit `offset`, which is known to have a code longer than a look-up. */
function longSymbol(source: Uint8Array, offset: number, endOffset: number): number {
  const left = endOffset - offset;
  let code = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS && bits <= left; bits++) {
    const at = offset + bits - 1;
    code = (code << 1) | ((source[at >>> 3]! >>> (7 - (at & 7))) & 1);
    if (bits <= LOOKUP_BITS) continue;
    const rank = FIRST_RANK[bits]! + code - FIRST_CODE[bits]!;
    if (rank < FIRST_RANK[bits]! || rank >= FIRST_RANK[bits + 1]!) continue;
    const symbol = SYMBOLS_BY_CODE[rank]!;
    if (symbol !== EOS) return symbol;
    throw new HpackError('hpack.huffman-eos', 'RFC 7541 5.2', 'a Huffman string contains the EOS symbol');
  }
  // More than seven bits are left and they are no code: an over-long padding or half a code.
  throw badPadding();
}

function badPadding(): HpackError {
  return new HpackError(
    'hpack.huffman-padding',
    'RFC 7541 5.2',
    'a Huffman string ends in something other than at most 7 bits of ones',
  );
}

/** Octets that one code point can take at most when Huffman-coded, for callers of `huffmanPut`. */
export const HUFFMAN_MAX_OCTETS_PER_SYMBOL = 4;

/**
 * Encodes `text` at `position` of `buffer`, which has room for `HUFFMAN_MAX_OCTETS_PER_SYMBOL` octets per code point
 * and one more. Returns the position behind it. Throws an `HpackUsageError` for a code point above U+00FF.
 */
export function huffmanPut(text: string, buffer: Uint8Array, position: number): number {
  let at = position;
  // The low `count` bits of `bits` await writing; fewer than 16 between symbols.
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    if (symbol > 0xff) throw notAnOctet(text, i);
    const length = CODE_BITS[symbol]!;
    const code = CODES[symbol]!;
    if (length <= 16) {
      bits = (bits << length) | code;
      count += length;
    } else {
      // In two steps, for 15 waiting bits and 30 new ones do not fit into 32.
      const rest = length - 15;
      bits = (bits << 15) | (code >>> rest);
      count += 15;
      if (count >= 16) {
        count -= 16;
        buffer[at++] = bits >>> (count + 8);
        buffer[at++] = bits >>> count;
      }
      bits = (bits << rest) | (code & ((1 << rest) - 1));
      count += rest;
    }
    if (count >= 16) {
      count -= 16;
      buffer[at++] = bits >>> (count + 8);
      buffer[at++] = bits >>> count;
    }
  }
  if (count >= 8) {
    count -= 8;
    buffer[at++] = bits >>> count;
  }
  if (count > 0) buffer[at++] = (bits << (8 - count)) | (0xff >>> count);
  return at;
}

/**
 * Octets that `text` takes when Huffman-coded, padding included. Throws an `HpackUsageError` for a code point above
 * U+00FF.
 */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    if (symbol > 0xff) throw notAnOctet(text, i);
    bits += CODE_BITS[symbol]!;
  }
  return Math.ceil(bits / 8);
}

/** `text`, an octet string, in the Huffman code. Throws an `HpackUsageError` for a code point above U+00FF. */
export function huffmanEncode(text: string): Uint8Array {
  const encoded = new Uint8Array(text.length * HUFFMAN_MAX_OCTETS_PER_SYMBOL + 1);
  return encoded.slice(0, huffmanPut(text, encoded, 0));
}

/** The octet string that `encoded` stands for. Throws an `HpackError` when it is not valid (RFC 7541 5.2). */
export function huffmanDecode(encoded: Uint8Array): string {
  const decoded = new Uint8Array(huffmanDecodeRoom(encoded.length));
  return latin1Decode(decoded, 0, huffmanDecodeInto(encoded, 0, encoded.length, decoded));
}

function notAnOctet(text: string, at: number): HpackUsageError {
  const point = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
  return new HpackUsageError(
    `a field name or value is an octet string; it must not hold U+${point} (at offset ${at}), encode it to UTF-8 first`,
  );
}
