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
/** What brings the leading bits of a 32-bit window to where they are an index. */
const LOOKUP_SHIFT = 32 - LOOKUP_BITS;

/**
 * What the next 12 bits begin with: first symbol (bits 0-7), second symbol (8-15), bits of the first (16-19), bits of
 * all that were found (20-23), how many were found (24-25). None is found when the first code is longer than 12 bits.
 */
const LOOKUP: Int32Array = buildLookup();

function buildLookup(): Int32Array {
  const table = new Int32Array(1 << LOOKUP_BITS);
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
  // Shortest code, plus what a step writes on speculation behind what it has found.
  return Math.ceil((encodedLength * 8) / MIN_CODE_BITS) + 4;
}

/**
 * Decodes `source[start..end]` into `target` from 0, which has `huffmanDecodeRoom` octets, and returns the decoded
 * length. Throws an `HpackError` for EOS within the string, padding longer than 7 bits or not of ones, a cut-off code.
 */
export function huffmanDecodeInto(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  const endOffset = end * 8;
  let offset = start * 8;
  let written = 0;
  for (;;) {
    // Each step loads at least 25 bits, enough for two look-ups, and writes two octets for each without asking how many
    // were found: a branch on that could not be predicted. A store into an octet drops the bits above.
    while (offset + 32 <= endOffset) {
      const at = offset >>> 3;
      const octets = (source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!;
      const window = octets << (offset & 7);
      const first = LOOKUP[window >>> LOOKUP_SHIFT]!;
      if (first === 0) {
        const symbol = longSymbol(source, offset, endOffset);
        target[written++] = symbol;
        offset += CODE_BITS[symbol]!;
        continue;
      }
      target[written] = first;
      target[written + 1] = first >>> 8;
      written += first >>> 24;
      const used = (first >>> 20) & 0xf;
      // Where this finds nothing it adds nothing, and the next step meets the long code.
      const second = LOOKUP[(window << used) >>> LOOKUP_SHIFT]!;
      target[written] = second;
      target[written + 1] = second >>> 8;
      written += second >>> 24;
      offset += used + ((second >>> 20) & 0xf);
    }

    // Fewer than 32 bits are left. Bits of ones follow them, as the encoder filled its last octet.
    let left = endOffset - offset;
    let window = ~(~lastOctets(source, offset >>> 3, end) << (offset & 7));
    for (;;) {
      const entry = LOOKUP[window >>> LOOKUP_SHIFT]!;
      if (entry === 0) break;
      target[written] = entry;
      target[written + 1] = entry >>> 8;
      let used = (entry >>> 20) & 0xf;
      if (used <= left) {
        written += entry >>> 24;
      } else {
        used = (entry >>> 16) & 0xf;
        if (used > left) break;
        written++;
      }
      window = ~(~window << used);
      left -= used;
    }
    if (left <= 7) {
      if (window !== -1) throw badPadding();
      return written;
    }
    offset = endOffset - left;
    const symbol = longSymbol(source, offset, endOffset);
    target[written++] = symbol;
    offset += CODE_BITS[symbol]!;
  }
}

/** The octets from `at`, at most four, before `end`, and ones behind them, as 32 bits. */
function lastOctets(source: Uint8Array, at: number, end: number): number {
  let octets = -1;
  for (let i = at, shift = 24; i < end; i++, shift -= 8) octets &= ~((source[i]! ^ 0xff) << shift);
  return octets;
}

/** The symbol at bit `offset`, which is known not to have a code as short as a look-up. */
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

/** Codes up to this length are packed: two of them and seven waiting bits fit into 32. */
const PACKED_BITS = 12;

/** Code and length (bits 0-3) of each octet that has a short code, 0 of the others. */
const PACKED: Int32Array = Int32Array.from({ length: EOS }, (_, symbol) =>
  CODE_BITS[symbol]! <= PACKED_BITS ? (CODES[symbol]! << 4) | CODE_BITS[symbol]! : 0,
);

/** Bits of a longer code that are written at once. */
const PART_BITS = 15;

/** Octets of room that `huffmanPut` needs for a string of `length` code points. */
export function huffmanPutRoom(length: number): number {
  // Longest code, plus what is written on speculation.
  return length * 4 + 3;
}

/**
 * Encodes `text` at `position` of `buffer`, which has `huffmanPutRoom` octets, and returns the position behind it.
 * Throws an `HpackUsageError` for a code point above U+00FF.
 */
export function huffmanPut(text: string, buffer: Uint8Array, position: number): number {
  const end = putPacked(text, buffer, position);
  return end >= 0 ? end : putAny(text, buffer, position);
}

/** Encodes what has short codes only, as most strings do; returns -1 when a symbol has none. Small, hence fast. */
function putPacked(text: string, buffer: Uint8Array, position: number): number {
  const length = text.length;
  const even = length & ~1;
  let at = position;
  // The low `count` bits of `bits` await writing; fewer than 8 between the steps. Each step writes three octets and then
  // counts the whole ones: a branch on their number could not be predicted.
  let bits = 0;
  let count = 0;
  for (let i = 0; i < even; i += 2) {
    const symbol = text.charCodeAt(i);
    const next = text.charCodeAt(i + 1);
    if ((symbol | next) > 0xff) return -1;
    const first = PACKED[symbol]!;
    const second = PACKED[next]!;
    if (first === 0 || second === 0) return -1;
    bits = (((bits << (first & 0xf)) | (first >>> 4)) << (second & 0xf)) | (second >>> 4);
    count += (first & 0xf) + (second & 0xf);
    const aligned = bits << (32 - count);
    buffer[at] = aligned >>> 24;
    buffer[at + 1] = aligned >>> 16;
    buffer[at + 2] = aligned >>> 8;
    at += count >>> 3;
    count &= 7;
  }
  if (even < length) {
    const symbol = text.charCodeAt(even);
    const last = symbol > 0xff ? 0 : PACKED[symbol]!;
    if (last === 0) return -1;
    bits = (bits << (last & 0xf)) | (last >>> 4);
    count += last & 0xf;
    const aligned = bits << (32 - count);
    buffer[at] = aligned >>> 24;
    buffer[at + 1] = aligned >>> 16;
    at += count >>> 3;
    count &= 7;
  }
  if (count > 0) buffer[at++] = (bits << (8 - count)) | (0xff >>> count);
  return at;
}

/** Encodes any octet string. */
function putAny(text: string, buffer: Uint8Array, position: number): number {
  let at = position;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    if (symbol > 0xff) throw notAnOctet(text, i);
    const code = CODES[symbol]!;
    let rest = CODE_BITS[symbol]!;
    // In parts, for 7 waiting bits and 30 new ones do not fit into 32.
    while (rest > 0) {
      const part = Math.min(rest, PART_BITS);
      rest -= part;
      bits = (bits << part) | ((code >>> rest) & ((1 << part) - 1));
      count += part;
      const aligned = bits << (32 - count);
      buffer[at] = aligned >>> 24;
      buffer[at + 1] = aligned >>> 16;
      at += count >>> 3;
      count &= 7;
    }
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
  const encoded = new Uint8Array(huffmanPutRoom(text.length));
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
