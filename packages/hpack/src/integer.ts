/** Integers with an N-bit prefix, RFC 7541 5.1. */

import { HpackError, HpackUsageError } from './errors.ts';
import type { Octets } from './octets.ts';

/** Greatest integer accepted or written. RFC 7541 5.1 demands an implementation limit; no use of HPACK needs more. */
export const MAX_INTEGER: number = 0x7fff_ffff;

/** Octets after the prefix that may follow, zero-valued ones included: five carry 35 bits. */
const MAX_CONTINUATION = 5;

/** A position in the octets being read; a reader moves it behind what it has read. */
export interface Cursor {
  position: number;
}

/**
 * Reads the integer whose prefix is the low `prefixBits` (1..8) of the octet at the cursor, and moves the cursor behind
 * it. Reads no octet at or after `end`. Throws an `HpackError` when the integer is cut off or above `MAX_INTEGER`.
 */
export function readInteger(cursor: Cursor, source: Uint8Array, end: number, prefixBits: number): number {
  let position = cursor.position;
  if (position >= end) throw incomplete();
  const mask = (1 << prefixBits) - 1;
  let value = source[position++]! & mask;
  if (value === mask) {
    let scale = 1;
    let octet: number;
    let count = 0;
    do {
      if (count === MAX_CONTINUATION) throw overflow();
      if (position >= end) throw incomplete();
      octet = source[position++]!;
      // A product, not a shift: 35 bits do not fit the 32-bit operators.
      value += (octet & 0x7f) * scale;
      scale *= 128;
      count++;
    } while (octet >= 0x80);
    if (value > MAX_INTEGER) throw overflow();
  }
  cursor.position = position;
  return value;
}

/**
 * Appends `value` (0..`MAX_INTEGER`) with a prefix of `prefixBits` (1..8). `pattern` holds the bits of the first octet
 * above the prefix. Throws an `HpackUsageError` for a value out of range.
 */
export function writeInteger(out: Octets, value: number, prefixBits: number, pattern: number): void {
  if (!(value >= 0 && value <= MAX_INTEGER) || !Number.isInteger(value)) {
    throw new HpackUsageError(`an HPACK integer must be an integer from 0 to ${MAX_INTEGER}, not ${value}`);
  }
  out.ensure(1 + MAX_CONTINUATION);
  out.length = putInteger(out.buffer, out.length, value, prefixBits, pattern);
}

/** Octets that `putInteger` needs at most. */
export const MAX_INTEGER_OCTETS: number = 1 + MAX_CONTINUATION;

/** `writeInteger` without checks, into octets that have room; returns the position behind the integer. */
export function putInteger(
  buffer: Uint8Array,
  position: number,
  value: number,
  prefixBits: number,
  pattern: number,
): number {
  const mask = (1 << prefixBits) - 1;
  let at = position;
  if (value < mask) {
    buffer[at++] = pattern | value;
    return at;
  }
  buffer[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

function overflow(): HpackError {
  return new HpackError(
    'hpack.integer-overflow',
    'RFC 7541 5.1',
    `an integer exceeds ${MAX_INTEGER} or its encoding 6 octets`,
  );
}

function incomplete(): HpackError {
  return new HpackError('hpack.incomplete', 'RFC 7541 5.1', 'the field block ends within an integer');
}
