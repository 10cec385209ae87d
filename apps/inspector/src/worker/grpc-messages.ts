/** The messages of gRPC that the gateway told of, by stream; the newest kept. */
import type { LogEvent } from '@glassway/inspector-protocol';

type MessageEvent = Extract<LogEvent, { kind: 'grpc-message' }>;

/** One message. */
export interface GrpcMessage {
  readonly direction: 0 | 1;
  /** From 1 in each direction. */
  readonly number: number;
  readonly flags: number;
  /** Octets without the prefix. */
  readonly length: number;
  /** When it began, in t. */
  readonly t: number;
  /** When its last octet passed; -1: it has not, or nobody told. */
  endAt: number;
  /** Position in the log of the frame in which its octets begin, and where in that frame's data. */
  readonly seq: number;
  readonly at: number;
}

/** Messages of one stream. */
const MAX_PER_STREAM = 500;
/** Messages of all. */
const MAX_MESSAGES = 50_000;

/** What was heard of messages. */
export class GrpcMessages {
  readonly #streams = new Map<string, GrpcMessage[]>();
  #held = 0;

  /** Takes in what happened. */
  add(events: readonly LogEvent[]): void {
    for (const event of events) if (event.kind === 'grpc-message') this.#take(event);
    for (const [key, list] of this.#streams) {
      if (this.#held <= MAX_MESSAGES) break;
      this.#held -= list.length;
      this.#streams.delete(key);
    }
  }

  /** Those of a stream, in the order in which they began. */
  of(connection: number, stream: number): readonly GrpcMessage[] {
    return this.#streams.get(`${connection}/${stream}`) ?? [];
  }

  /** Forgets everything. */
  clear(): void {
    this.#streams.clear();
    this.#held = 0;
  }

  #take(event: MessageEvent): void {
    const key = `${event.connection}/${event.stream}`;
    let list = this.#streams.get(key);
    if (list === undefined) {
      list = [];
      this.#streams.set(key, list);
    }
    const { direction, number, flags, length, t, seq, at } = event;
    if (event.phase === 'end') {
      const begun = list.findLast(each => each.direction === direction && each.number === number);
      if (begun !== undefined) begun.endAt = t;
      return;
    }
    list.push({ direction, number, flags, length, t, endAt: event.phase === 'whole' ? t : -1, seq, at });
    this.#held++;
    if (list.length > MAX_PER_STREAM) {
      list.shift();
      this.#held--;
    }
  }
}
