/** What the palette finds among the streams. */

/** One stream that a search found. */
export interface FoundStream {
  readonly connection: number;
  readonly leg: 0 | 1;
  readonly stream: number;
  readonly method: string;
  readonly path: string;
  /** 0: none yet. */
  readonly status: number;
  /** The verdict's short words, '' without one. */
  readonly verdict: string;
}

/** The answer to a search. */
export interface FoundPart {
  /** What was searched for. */
  readonly text: string;
  /** The best ones, those of the connection looked at first. */
  readonly streams: readonly FoundStream[];
}
