import type { StreamRecord } from '../stream/stream.ts';

/** Urgency levels of RFC 9218 4.1, 0 first. */
const LEVELS = 8;

/**
 * Streams that have something to send and window to send it, in one ring per urgency. All operations are O(1): idle or
 * blocked streams are in no ring and cost nothing. The stream to serve is the head of the most urgent ring.
 */
export class Scheduler {
  private readonly heads: (StreamRecord | null)[] = new Array(LEVELS).fill(null);
  /** Bit n set: ring n is not empty. */
  private occupied = 0;

  /** True when no stream can send. */
  get isEmpty(): boolean {
    return this.occupied === 0;
  }

  /** Puts a stream at the end of its ring; does nothing if it is in one. */
  add(stream: StreamRecord): void {
    if (stream.ringNext !== null) return;
    const level = stream.urgency;
    const head = this.heads[level] as StreamRecord | null;
    if (head === null) {
      stream.ringNext = stream;
      stream.ringPrevious = stream;
      this.heads[level] = stream;
      this.occupied |= 1 << level;
      return;
    }
    const last = head.ringPrevious as StreamRecord;
    last.ringNext = stream;
    stream.ringPrevious = last;
    stream.ringNext = head;
    head.ringPrevious = stream;
  }

  /** Takes a stream out of its ring; does nothing if it is in none. */
  remove(stream: StreamRecord): void {
    const next = stream.ringNext;
    if (next === null) return;
    const level = stream.urgency;
    if (next === stream) {
      this.heads[level] = null;
      this.occupied &= ~(1 << level);
    } else {
      const previous = stream.ringPrevious as StreamRecord;
      previous.ringNext = next;
      next.ringPrevious = previous;
      if (this.heads[level] === stream) this.heads[level] = next;
    }
    stream.ringNext = null;
    stream.ringPrevious = null;
  }

  /** The stream to serve next, null when none can send. */
  next(): StreamRecord | null {
    if (this.occupied === 0) return null;
    return this.heads[31 - Math.clz32(this.occupied & -this.occupied)] as StreamRecord;
  }

  /** Gives the next stream of the same urgency its turn. */
  rotate(stream: StreamRecord): void {
    if (stream.ringNext !== null) this.heads[stream.urgency] = stream.ringNext;
  }
}
