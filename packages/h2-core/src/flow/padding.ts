import { OptionError } from '../errors.ts';

/**
 * How DATA, HEADERS and PUSH_PROMISE are padded, so that their lengths tell less (RFC 9113 10.7). `multipleOf`: payloads
 * are filled up to a multiple of that many octets, 2..256. A function is told a frame's payload `length` (0..2^24-1), the
 * greatest one it may have with padding (`limit`, at most 256 more), and its type (see `FrameType`), and answers the
 * payload length wanted; what is beyond `length..limit`, or no integer, becomes the nearest that is within. It is called for every such
 * frame and must not call back into the connection. One that throws ends the connection with INTERNAL_ERROR, but for a frame
 * of DATA cut inside `write`: then nothing is sent and nothing has changed. What it threw comes out of the call.
 *
 * The octet that says how much padding there is counts: `length + 1` is a frame with that octet and no other padding. Of a
 * field section in several frames nothing is padded, and DATA only as far as both windows go: padding is flow-controlled.
 */
export type PaddingStrategy =
  | 'none'
  | { readonly multipleOf: number }
  | ((length: number, limit: number, frameType: number) => number);

/** A strategy as a function; null: no padding. */
export type Padder = (length: number, limit: number, frameType: number) => number;

/** Octets that padding adds at most, with the one that says how much it is. RFC 9113 6.1. */
const MAX_PADDING = 256;

/** What padding is made of. RFC 9113 6.1: zeros. */
export const ZEROS: Uint8Array = new Uint8Array(MAX_PADDING);

/** Checks a strategy; a bad one throws a `OptionError` that says what it may be. */
export function checkPadding(strategy: unknown): PaddingStrategy {
  if (strategy === undefined || strategy === 'none') return 'none';
  if (typeof strategy === 'function') return strategy as Padder;
  const { multipleOf } = Object(strategy) as { readonly multipleOf?: unknown };
  if (typeof multipleOf === 'number' && Number.isInteger(multipleOf) && multipleOf >= 2 && multipleOf <= MAX_PADDING) {
    return { multipleOf };
  }
  throw new OptionError('padding', strategy, `'none', { multipleOf: 2..${MAX_PADDING} } or a function`);
}

/** The function of a strategy that has been checked. */
export function padderOf(strategy: PaddingStrategy): Padder | null {
  if (strategy === 'none') return null;
  if (typeof strategy === 'function') return strategy;
  const { multipleOf } = strategy;
  return length => Math.ceil(length / multipleOf) * multipleOf;
}

/**
 * Octets of padding, with the one that says how much it is, for a frame of this payload: 0 (not padded) to 256. `room`: the
 * greatest payload that the frame's limit and the windows allow.
 */
export function paddingOf(padder: Padder, length: number, room: number, frameType: number): number {
  const limit = Math.min(room, length + MAX_PADDING);
  if (limit <= length) return 0;
  const wanted = Math.round(padder(length, limit, frameType));
  return wanted > length ? Math.min(wanted, limit) - length : 0;
}
