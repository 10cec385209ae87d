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

/** Why what is shown of a stream at a moment of the past is not certain. */
export type Doubt =
  /** Not all of its frames until then are kept: what it had carried is what it has carried by now, less the frames since. */
  | 'counted-back'
  /** Nor are all frames since. */
  | 'frames-missing'
  /** HTTP/1.1 has no frames: as the gateway had told it last. */
  | 'sampled';

/** How far what is kept reaches back to the moment shown. */
export interface Reach {
  /** The moment, and the oldest frame kept (infinite: none is), in t. */
  readonly at: number;
  readonly from: number;
  /** The moment lies before the oldest frame. */
  readonly beyond: boolean;
  /** Frames since `from` that never came here. */
  readonly missing: number;
  /** Streams open at the moment of which frames would have told more. */
  readonly doubtful: number;
}
