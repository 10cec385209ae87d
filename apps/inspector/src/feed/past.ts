/** The flight recorder: what the page keeps of the past, by time. */

/** Bits of `PastPart.marks`. */
export const PastMark = { STALL: 1, VIOLATION: 2 } as const;

/** The span of time that frames are kept of, in equal parts. */
export interface PastPart {
  /** Microseconds since the epoch of the feed. */
  readonly from: number;
  readonly to: number;
  /** Frames in each part. */
  readonly counts: Uint32Array;
  /** What happened in each part: bits of `PastMark`. */
  readonly marks: Uint8Array;
}
