/** Messages and counts made of one stretch of the log, once for every different choice of frames. */
import type { FrameMatcher } from '@glassway/inspector-protocol';
import { countRecords, type FrameCounts } from './frame-counts.ts';
import { cutBatch, type FrameBatch, type FrameChunk } from './frame-feed.ts';

/** Lives as long as its chunk. */
export class BatchCache {
  readonly #chunk: FrameChunk;
  readonly #batches = new Map<string, FrameBatch>();
  readonly #counts = new Map<string, FrameCounts>();

  constructor(chunk: FrameChunk) {
    this.#chunk = chunk;
  }

  /** The message that begins at log position `from`. */
  batch(matcher: FrameMatcher, from: number): FrameBatch {
    const key = `${from}${matcher.key}`;
    let found = this.#batches.get(key);
    if (found === undefined) {
      found = cutBatch(this.#chunk, from, matcher);
      this.#batches.set(key, found);
    }
    return found;
  }

  /** What of the whole chunk matches. */
  counts(matcher: FrameMatcher): FrameCounts {
    let found = this.#counts.get(matcher.key);
    if (found === undefined) {
      found = countRecords(this.#chunk.words, 0, this.#chunk.to - this.#chunk.from, matcher);
      this.#counts.set(matcher.key, found);
    }
    return found;
  }
}
