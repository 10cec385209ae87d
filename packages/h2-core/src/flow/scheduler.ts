import type { StreamRecord } from '../stream/stream.ts';

/** Urgency levels of RFC 9218 4.1, 0 first, with two rings each: sequential streams and incremental ones. */
const RINGS = 16;

/** The rings of every connection that has had nobody in line yet. */
const NOBODY: (StreamRecord | null)[] = new Array(RINGS).fill(null);

/**
 * Streams that have something to send and window to send it, in rings by urgency. The most urgent level is served first;
 * within it incremental streams take turns frame by frame, a sequential one goes on until it is done or blocked, and
 * where a level has both kinds they alternate. All operations are O(1): idle or blocked streams are in no ring.
 */
export class Scheduler {
  private heads: (StreamRecord | null)[] = NOBODY;
  /** Bit n set: ring n is not empty. */
  private occupied = 0;
  /** Bit n set: level n's incremental ring has the next turn. */
  private turns = 0;

  /** True when no stream can send. */
  get isEmpty(): boolean {
    return this.occupied === 0;
  }

  /** Puts a stream at the end of its ring; does nothing if it is in one. */
  add(stream: StreamRecord): void {
    if (stream.ringNext !== null) return;
    const ring = ringOf(stream);
    const head = this.heads[ring] as StreamRecord | null;
    if (head === null) {
      if (this.heads === NOBODY) this.heads = NOBODY.slice();
      stream.ringNext = stream;
      stream.ringPrevious = stream;
      this.heads[ring] = stream;
      this.occupied |= 1 << ring;
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
    const ring = ringOf(stream);
    if (next === stream) {
      this.heads[ring] = null;
      this.occupied &= ~(1 << ring);
    } else {
      const previous = stream.ringPrevious as StreamRecord;
      previous.ringNext = next;
      next.ringPrevious = previous;
      if (this.heads[ring] === stream) this.heads[ring] = next;
    }
    stream.ringNext = null;
    stream.ringPrevious = null;
  }

  /** Changes a stream's priority, in or out of a ring. */
  prioritise(stream: StreamRecord, urgency: number, incremental: boolean): void {
    if (stream.urgency === urgency && stream.incremental === incremental) return;
    const waits = stream.ringNext !== null;
    if (waits) this.remove(stream);
    stream.urgency = urgency;
    stream.incremental = incremental;
    if (waits) this.add(stream);
  }

  /** The stream to serve next, null when none can send. */
  next(): StreamRecord | null {
    if (this.occupied === 0) return null;
    const ring = 31 - Math.clz32(this.occupied & -this.occupied);
    const level = ring >> 1;
    const both = (this.occupied >> (level << 1)) & 3;
    const turn = both === 3 && (this.turns & (1 << level)) !== 0 ? 1 : 0;
    return this.heads[both === 3 ? (level << 1) | turn : ring] as StreamRecord;
  }

  /** Visits every stream in line; the visitor must not change the line. */
  forEach(visit: (stream: StreamRecord) => void): void {
    for (const head of this.heads) {
      if (head === null) continue;
      let stream = head;
      do {
        visit(stream);
        stream = stream.ringNext as StreamRecord;
      } while (stream !== head);
    }
  }

  /** A stream that stays in line was served: whose turn is it now? */
  rotate(stream: StreamRecord): void {
    if (stream.ringNext === null) return;
    if (stream.incremental) this.heads[ringOf(stream)] = stream.ringNext;
  }

  /** A frame of `stream` was cut: where its level has both kinds of stream, the other one is next. */
  served(stream: StreamRecord): void {
    if (stream.incremental) this.turns &= ~(1 << stream.urgency);
    else this.turns |= 1 << stream.urgency;
  }
}

function ringOf(stream: StreamRecord): number {
  return (stream.urgency << 1) | (stream.incremental ? 1 : 0);
}
