/**
 * The two kinds of failure. A peer that breaks RFC 7541 causes an `HpackError`, a connection error of type
 * COMPRESSION_ERROR in HTTP/2 (RFC 9113 4.3). A program that misuses this package causes an `HpackUsageError`.
 */

/** The rules a peer can break; stable ids that logs, traces and tests may rely on. */
export type HpackRule =
  | 'hpack.incomplete'
  | 'hpack.index'
  | 'hpack.integer-overflow'
  | 'hpack.string-length'
  | 'hpack.huffman-eos'
  | 'hpack.huffman-padding'
  | 'hpack.update-position'
  | 'hpack.update-too-large'
  | 'hpack.update-missing'
  | 'hpack.section-too-large'
  | 'hpack.context-lost';

/** The peer sent a field block that cannot be decoded. The decoding context is lost: the connection must end. */
export class HpackError extends Error {
  override readonly name: string = 'HpackError';
  /** Stable id of the broken rule, such as `hpack.index`. */
  readonly rule: HpackRule;
  /** The section that states the rule, such as `RFC 7541 2.3.3`. */
  readonly rfc: string;

  constructor(rule: HpackRule, rfc: string, message: string) {
    super(`${message} (${rule}, ${rfc})`);
    this.rule = rule;
    this.rfc = rfc;
  }
}

/** The calling program passed a value out of range, or called in a wrong order. Nothing has been changed by the call. */
export class HpackUsageError extends RangeError {
  override readonly name: string = 'HpackUsageError';
}

/** Returns `value` if it is an integer within `min..max`, else throws an `HpackUsageError` that names the option. */
export function integerInRange(option: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new HpackUsageError(`${option} is ${value}; it must be an integer from ${min} to ${max}`);
}
