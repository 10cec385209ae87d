/** How a stream that is gone came to its end, or that it never was. RFC 9113 5.1, closed. */
export const Gone = {
  /** Never opened: its number is above all opened ones. */
  IDLE: 0,
  /** Both halves ended with END_STREAM. */
  ENDED: 1,
  /** We sent RST_STREAM: late frames are ignored. */
  RESET_BY_US: 2,
  /** The peer sent RST_STREAM. */
  RESET_BY_PEER: 3,
  /** Closed long ago and forgotten. */
  FORGOTTEN: 4,
  /** Passed over: a higher number was opened first (RFC 9113 5.1.1). */
  SKIPPED: 5,
} as const;
/** One of `Gone`. */
export type Gone = (typeof Gone)[keyof typeof Gone];
