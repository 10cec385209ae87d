/**
 * The hub's way through the ring of frames: every record is read once, counted by connection and type, and offered to
 * the viewers. What the writer overwrote before it was read is found out by difference from the counters that the
 * writer keeps in shared memory, so that for every connection and type `seen + lost == recorded`.
 */
import {
  FRAMES_HEADER_BYTES,
  FrameMatcher,
  RECORD_BYTES,
  RECORD_WORDS,
  TYPE_BUCKETS,
  writeFramesHeader,
} from '@glassway/inspector-protocol';
import type { FrameRingReader } from '../frame-ring.ts';
import { countRecords, eachRun, FrameCounts, UNKNOWN_PLACE } from './frame-counts.ts';

/** Records read in one go. */
const CHUNK_RECORDS = 8192;
/** Records of one message: 32 KB. */
const BATCH_RECORDS = Math.floor((32 * 1024) / RECORD_BYTES);

/** A FRAMES message, made once for all viewers that want the same. */
export interface FrameBatch {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

/** A stretch of the log in private memory. */
export interface FrameChunk {
  readonly from: number;
  readonly to: number;
  readonly words: Uint32Array;
}

/** Records lost to the writer. */
export interface FrameLoss {
  readonly from: number;
  readonly to: number;
  /** By connection: 32 counters each. Connection 0 holds those whose connection is not known. */
  readonly byConnection: ReadonlyMap<number, Float64Array>;
}

/** The writer's counters by connection, at a moment when the log's end was `head`. */
export interface WriterMoment {
  readonly head: number;
  readonly frames: ReadonlyMap<number, readonly number[]>;
}

/** The last counters of closed connections. */
export type ClosedCounters = Iterable<readonly [connection: number, frames: readonly number[]]>;

const EVERYTHING = new FrameMatcher({});

/** Reads the ring to its end, once. */
export class FrameFeed {
  /** Everything before was seen or is lost. */
  position = 0;
  /** Records from here on are not read yet. */
  horizon: number = Number.POSITIVE_INFINITY;
  readonly #ring: FrameRingReader;
  readonly #words = new Uint32Array(CHUNK_RECORDS * RECORD_WORDS);
  // Seen and lost together, by connection: what the writer's counters stood at when `position` was reached.
  readonly #accounted = new Map<number, Float64Array>();
  // What lies before is not read again: positions without records are among it.
  #floor = 0;

  constructor(ring: FrameRingReader) {
    this.#ring = ring;
  }

  /** The next stretch, null when there is none, `'overrun'` when the writer has overwritten what comes next. */
  next(): FrameChunk | 'overrun' | null {
    const count = Math.min(CHUNK_RECORDS, this.#ring.head() - this.position, this.horizon - this.position);
    if (count <= 0) return null;
    if (!this.#ring.copy(this.position, count, this.#words)) return 'overrun';
    const chunk = { from: this.position, to: this.position + count, words: this.#words };
    eachRun(this.#words, 0, count, EVERYTHING, this.#count);
    this.position += count;
    return chunk;
  }

  readonly #count = (connection: number, place: number, count: number): void => {
    this.#counters(connection)[place]! += count;
  };

  #counters(connection: number): Float64Array {
    let found = this.#accounted.get(connection);
    if (found === undefined) {
      found = new Float64Array(2 * TYPE_BUCKETS);
      this.#accounted.set(connection, found);
    }
    return found;
  }

  /** Goes to the end at that moment without looking at what lies between. For when nobody is told of it. */
  jump(moment: WriterMoment, closed: ClosedCounters): void {
    this.#accounted.clear();
    for (const [connection, frames] of recordedAt(moment, closed)) this.#counters(connection).set(frames);
    this.position = moment.head;
  }

  /**
   * After an overrun: goes on with the oldest record that is left, and tells what was lost. Null: the writer has
   * overtaken again; try anew.
   */
  recover(moment: WriterMoment, closed: ClosedCounters): FrameLoss | null {
    const from = this.position;
    const to = Math.max(from, this.#ring.oldest());
    const left = new FrameCounts();
    for (let at = to; at < moment.head; ) {
      const count = Math.min(CHUNK_RECORDS, moment.head - at);
      if (!this.#ring.copy(at, count, this.#words)) return null;
      left.addAll(countRecords(this.#words, 0, count, EVERYTHING), 1);
      at += count;
    }
    const recorded = recordedAt(moment, closed);
    const byConnection = new Map<number, Float64Array>();
    let known = 0;
    for (const [connection, counters] of recorded) {
      const lost = Float64Array.from(counters);
      const accounted = this.#counters(connection);
      for (let i = 0; i < lost.length; i++) lost[i]! -= accounted[i]!;
      byConnection.set(connection, lost);
    }
    for (const [connection, direction, type, count] of left.list()) {
      const lost = byConnection.get(connection);
      if (lost !== undefined) lost[direction * TYPE_BUCKETS + type]! -= count;
    }
    for (const [connection, lost] of byConnection) {
      const accounted = this.#counters(connection);
      for (let i = 0; i < lost.length; i++) {
        accounted[i]! += lost[i]!;
        known += lost[i]!;
      }
      if (lost.every(count => count === 0)) byConnection.delete(connection);
    }
    const unknown = to - from - known;
    if (unknown !== 0) {
      const rest = new Float64Array(2 * TYPE_BUCKETS);
      rest[UNKNOWN_PLACE] = unknown;
      byConnection.set(0, rest);
    }
    this.position = to;
    return { from, to, byConnection };
  }

  /** Frames that do not come by the ring: recorded before it began, known already, or lost. `place` as in `FrameCounts`. */
  account(connection: number, place: number, count: number): void {
    this.#counters(connection)[place]! += count;
  }

  /** What was seen or lost of a connection, 32 counters; null: nothing. */
  accounted(connection: number): Float64Array | null {
    return this.#accounted.get(connection) ?? null;
  }

  /**
   * The next positions, as many as the counters add up to, are those of records that are lost; what lies before cannot be
   * read again. The writer must have left them out.
   */
  leaveOut(byConnection: ReadonlyMap<number, Float64Array>): FrameLoss {
    const from = this.position;
    for (const [connection, lost] of byConnection) {
      const accounted = this.#counters(connection);
      for (let i = 0; i < lost.length; i++) {
        accounted[i]! += lost[i]!;
        this.position += lost[i]!;
      }
    }
    this.#floor = this.position;
    return { from, to: this.position, byConnection };
  }

  /** Forgets all counters. */
  forgetAll(): void {
    this.#accounted.clear();
  }

  /** Forgets a connection's counters. */
  forget(connection: number): void {
    this.#accounted.delete(connection);
  }

  /** Frames recorded before `position` less those of `later`. */
  before(later: FrameCounts): FrameCounts {
    const counts = new FrameCounts();
    for (const [connection, accounted] of this.#accounted) {
      for (let place = 0; place < accounted.length; place++) {
        if (accounted[place] !== 0) counts.add(connection, place, accounted[place]!);
      }
    }
    counts.addAll(later, -1);
    return counts;
  }

  /** The oldest position that may still be read. */
  oldest(): number {
    return Math.min(this.position, Math.max(this.#floor, this.#ring.oldest()));
  }

  /** Reads old records again: up to a chunk from `from`, not beyond `position`. Null when they are gone. */
  reread(from: number): FrameChunk | null {
    if (from < this.#floor) return null;
    const count = Math.min(CHUNK_RECORDS, this.position - from);
    if (!this.#ring.copy(from, count, this.#words)) return null;
    return { from, to: from + count, words: this.#words };
  }
}

function recordedAt(moment: WriterMoment, closed: ClosedCounters): Map<number, readonly number[]> {
  const recorded = new Map<number, readonly number[]>(moment.frames);
  for (const [connection, frames] of closed) if (!recorded.has(connection)) recorded.set(connection, frames);
  return recorded;
}

/** Cuts one message out of a chunk, from log position `from` on. It speaks for as much of the chunk as it can. */
export function cutBatch(chunk: FrameChunk, from: number, matcher: FrameMatcher): FrameBatch {
  const words = chunk.words;
  const first = from - chunk.from;
  const end = chunk.to - chunk.from;
  const buffer = new ArrayBuffer(FRAMES_HEADER_BYTES + BATCH_RECORDS * RECORD_BYTES);
  const target = new Uint32Array(buffer, FRAMES_HEADER_BYTES);
  let at = first;
  let count = 0;
  if (matcher.everything) {
    count = Math.min(BATCH_RECORDS, end - first);
    target.set(words.subarray(first * RECORD_WORDS, (first + count) * RECORD_WORDS));
    at += count;
  } else {
    for (; at < end && count < BATCH_RECORDS; at++) {
      const word = at * RECORD_WORDS;
      if (!matcher.matchesRecord(words, word)) continue;
      const to = count++ * RECORD_WORDS;
      for (let i = 0; i < RECORD_WORDS; i++) target[to + i] = words[word + i]!;
    }
  }
  const bytes = new Uint8Array(buffer, 0, FRAMES_HEADER_BYTES + count * RECORD_BYTES);
  const to = chunk.from + at;
  writeFramesHeader(bytes, count, from, to);
  return { from, to, bytes };
}
