/** Frames counted by connection, direction and type. */
import {
  CONNECTION_MASK,
  type FrameCount,
  type FrameMatcher,
  RECORD_WORDS,
  TYPE_BUCKETS,
} from '@glassway/inspector-protocol';

const PER_CONNECTION = 2 * TYPE_BUCKETS;
/** Kinds in one count; with more the counts of single connections are given up and only the total is told. */
const MAX_KINDS = 20_000;

/** A multiset of frame kinds. */
export class FrameCounts {
  total = 0;
  readonly #counts = new Map<number, number>();

  /** Adds `count` (perhaps negative) frames; `place` is direction * TYPE_BUCKETS + bucket. */
  add(connection: number, place: number, count: number): void {
    this.total += count;
    const kind = connection * PER_CONNECTION + place;
    const next = (this.#counts.get(kind) ?? 0) + count;
    if (next === 0) this.#counts.delete(kind);
    else if (this.#counts.size < MAX_KINDS || this.#counts.has(kind)) this.#counts.set(kind, next);
    else this.#counts.set(UNKNOWN_PLACE, (this.#counts.get(UNKNOWN_PLACE) ?? 0) + count);
  }

  /** Adds all of another, `sign` times. */
  addAll(other: FrameCounts, sign: 1 | -1): void {
    for (const [kind, count] of other.#counts) {
      this.add(Math.floor(kind / PER_CONNECTION), kind % PER_CONNECTION, sign * count);
    }
  }

  /** Adds what `matcher` chooses, without regard to streams, from counters of one connection. */
  addMatching(matcher: FrameMatcher, leg: number, connection: number, counters: ArrayLike<number>): void {
    for (let place = 0; place < PER_CONNECTION; place++) {
      const count = counters[place]!;
      const word = ((connection & CONNECTION_MASK) | (leg << 31) | ((place >> 4) << 30)) >>> 0;
      if (count !== 0 && matcher.matchesConnection(word, place % TYPE_BUCKETS)) this.add(connection, place, count);
    }
  }

  clear(): void {
    this.total = 0;
    this.#counts.clear();
  }

  /** As the protocol tells it. */
  list(): FrameCount[] {
    return [...this.#counts].map(([kind, count]) => {
      const place = kind % PER_CONNECTION;
      return [Math.floor(kind / PER_CONNECTION), place < TYPE_BUCKETS ? 0 : 1, place % TYPE_BUCKETS, count];
    });
  }
}

/** Connection 0, received, every other type: not known. */
export const UNKNOWN_PLACE: number = TYPE_BUCKETS - 1;

/** Calls `visit` for runs of records of one connection, direction and type from `from` to before `to` that match. */
export function eachRun(
  words: Uint32Array,
  from: number,
  to: number,
  matcher: FrameMatcher,
  visit: (connection: number, place: number, count: number) => void,
): void {
  let lastConnection = -1;
  let lastPlace = -1;
  let run = 0;
  for (let i = from, word = from * RECORD_WORDS; i < to; i++, word += RECORD_WORDS) {
    if (!matcher.matchesRecord(words, word)) continue;
    const connectionWord = words[word + 3]!;
    const type = words[word + 5]! >>> 24;
    const connection = connectionWord & CONNECTION_MASK;
    const place = ((connectionWord >>> 30) & 1) * TYPE_BUCKETS + Math.min(type, TYPE_BUCKETS - 1);
    if (connection === lastConnection && place === lastPlace) {
      run++;
      continue;
    }
    if (run > 0) visit(lastConnection, lastPlace, run);
    lastConnection = connection;
    lastPlace = place;
    run = 1;
  }
  if (run > 0) visit(lastConnection, lastPlace, run);
}

/** Counts the records of `words` from `from` to before `to` that match. */
export function countRecords(words: Uint32Array, from: number, to: number, matcher: FrameMatcher): FrameCounts {
  const counts = new FrameCounts();
  eachRun(words, from, to, matcher, (connection, place, count) => counts.add(connection, place, count));
  return counts;
}
