/** What a decoder is given: where fields go, its limits, and how they are classed. */

import type { HpackTap } from './tap.ts';

/** Receives the field lines of a block in order. */
export interface FieldSink {
  /**
   * One field line. `sensitive` is true for a literal that must never be indexed (RFC 7541 6.2.3) and has to stay so
   * when it is forwarded. `tag` is what `DecoderOptions.classify` answered for it, 0 without. Must not throw and must
   * not call back into the decoder: a block that is left in the middle loses the decoding context.
   */
  onField(name: string, value: string, sensitive: boolean, tag: number): void;
}

/** Options of a `Decoder`. All limits are in force from the first block on. */
export interface DecoderOptions {
  /**
   * Dynamic table size that both ends begin with, octets. In HTTP/2 that is the default, 4096, whatever our first SETTINGS
   * say: those come into force with `setMaxTableSize`, when they have been acknowledged. Range 0..2^31-1.
   */
  maxTableSize?: number;
  /**
   * Size of a field section that is handed out, octets, each field counted as name + value + 32 (RFC 9113 6.5.2).
   * Beyond it decoding goes on for the sake of the table but hands out nothing, and `truncated` is set; beyond
   * `HARD_LIMIT_FACTOR` times it decoding throws. Default 65,536, range 0..2^28.
   */
  maxFieldSectionSize?: number;
  /** Field lines of a section that are handed out, with the same two steps. Default 256, range 1..2^28. */
  maxFields?: number;
  /**
   * Longest name or value, octets, encoded as well as decoded. A longer one is an error before anything is allocated
   * for it. Default `maxFieldSectionSize`, range 0..2^28.
   */
  maxStringLength?: number;
  /**
   * Sorts a field into one of 256 classes, which the sink receives as `tag`. Must be a pure function: it is asked once
   * for each entry of the dynamic table and each literal, and once per process for the static entries.
   */
  classify?: (name: string, value: string) => number;
  /** Observer of representations and of the dynamic table. Default none. */
  tap?: HpackTap | null;
}

/** How far above `maxFieldSectionSize` and `maxFields` a block may go before decoding it stops with an error. */
export const HARD_LIMIT_FACTOR = 4;

/** Greatest value of the limits. */
export const MAX_LIMIT: number = 2 ** 28;
