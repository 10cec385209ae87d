/**
 * Rows of fixed size in shared memory, one per open connection and one per open stream. The writer changes numbers in
 * place and raises the row's revision; the reader polls revisions. Because a row is state and not history, a reader
 * that was away for any time is right again after one look.
 *
 * A row is seen as doubles (`F` constants) and as 32-bit integers (`I` constants) over the same octets.
 */

// The places of a connection row are chosen so that what changes with every exchange stands in the first 64 octets, a line
// of the processor's cache, and what changes with every frame in the next.

/** Doubles of a connection row. */
export const ConnectionF = {
  BYTES_RECEIVED: 0,
  BYTES_SENT: 1,
  LAST_ACTIVITY: 2,
  SECTION_BYTES_RECEIVED: 8,
  SECTION_BYTES_SENT: 9,
  FIELD_BYTES_RECEIVED: 10,
  FIELD_BYTES_SENT: 11,
  /** DATA with octets sent, on any stream. */
  DATA_SENT: 12,
  /** When the first stream began to wait for the connection's send window. */
  WINDOW_BLOCKED_SINCE: 13,
  TRANSPORT_FULL_SINCE: 14,
  /** WINDOW_UPDATE received for the connection. */
  GRANTED_AT: 15,
  PING_RTT: 16,
  WITHHELD: 17,
  /** When the field section of `HEADER_BLOCK_STREAM` was begun. */
  HEADER_BLOCK_SINCE: 18,
  /** 32 counters: frames received by type bucket, then frames sent. */
  FRAMES: 24,
} as const;

/** Integers of a connection row. */
export const ConnectionI = {
  ID: 6,
  REVISION: 7,
  SEND_WINDOW: 8,
  RECEIVE_WINDOW: 9,
  OPEN_STREAMS: 10,
  TOTAL_STREAMS: 11,
  BLOCKED_STREAMS: 12,
  TRANSPORT_FULL: 13,
  VIOLATIONS: 14,
  /** The stream whose received field section is unfinished, 0: none. */
  HEADER_BLOCK_STREAM: 15,
  EVICTIONS_RECEIVED: 38,
  EVICTIONS_SENT: 39,
  RESETS_RECEIVED: 40,
  RESETS_SENT: 41,
} as const;

/** Octets of a connection row. */
export const CONNECTION_SLOT_BYTES = 448;

/** Doubles of a stream row. Times are -1 until they happen. */
export const StreamF = {
  BYTES_RECEIVED: 0,
  BYTES_SENT: 1,
  /** Since when the cause lasts, and since when octets wait and none left, whatever the cause. */
  BLOCKED_SINCE: 2,
  STALLED_SINCE: 3,
  /** Time spent blocked by cause 1, 2, 3, and in line while others were served: four doubles. */
  BLOCKED_US: 4,
  WITHHELD_SINCE: 8,
  WITHHELD_US: 9,
  QUEUED_SINCE: 10,
  QUEUED_US: 11,
  OPENED_AT: 12,
  LAST_PROGRESS: 13,
  /** First field section received, then sent. */
  HEAD_AT: 14,
  /** END_STREAM received, then sent. */
  END_AT: 16,
  CLOSED_AT: 18,
  /** WINDOW_UPDATE received. */
  GRANTED_AT: 19,
} as const;

/** Integers of a stream row. */
export const StreamI = {
  CONNECTION: 40,
  STREAM: 41,
  REVISION: 42,
  STATE: 43,
  SEND_WINDOW: 44,
  RECEIVE_WINDOW: 45,
  /** Frames received, then sent. */
  FRAMES: 46,
  CAUSE: 48,
  PENDING: 49,
  WITHHELD: 50,
  /** 1: the next DATA sent was held up for long. */
  STALLED: 51,
  /** The stream on the other leg, 0 while there is none. */
  PAIR_CONNECTION: 52,
  PAIR_STREAM: 53,
  /** Final status, 0 while unknown. */
  STATUS: 54,
} as const;

/** Octets of a stream row. */
export const STREAM_SLOT_BYTES = 224;

/** A table of rows, for its one writer: hands out free rows. */
export class SlotTable {
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  /** Doubles per row. */
  readonly stride: number;
  private readonly rows: number;
  private readonly high: Int32Array;
  private readonly highWord: number;
  private readonly free: number[] = [];
  private used = 0;

  constructor(buffer: SharedArrayBuffer, rowBytes: number, control: Int32Array, highWord: number) {
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.stride = rowBytes / 8;
    this.rows = Math.floor(buffer.byteLength / rowBytes);
    this.high = control;
    this.highWord = highWord;
  }

  /** A row, all zero but for its revision, or -1 when the table is full. The answer is the row's first double. */
  take(revisionWord: number): number {
    const reused = this.free.pop();
    if (reused !== undefined) {
      // The revision must never go back, or a reader would take the new row for the old one.
      const word = reused * 2;
      const revision = this.i32[word + revisionWord]!;
      // A loop: for so few a call of `fill` costs more.
      for (let i = 0; i < this.stride; i++) this.f64[reused + i] = 0;
      this.i32[word + revisionWord] = revision;
      return reused;
    }
    if (this.used === this.rows) return -1;
    const base = this.used++ * this.stride;
    Atomics.store(this.high, this.highWord, this.used);
    return base;
  }

  /** Gives a row back; its identity must have been set to 0 before. */
  give(base: number): void {
    this.free.push(base);
  }
}
