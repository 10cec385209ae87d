/** Rows of shared memory, for their reader. */
import { Blocked, type ConnectionState, type StreamState, TYPE_BUCKETS } from '@glassway/inspector-protocol';
import { Control, type SharedTrace } from '../shared.ts';
import { CONNECTION_SLOT_BYTES, ConnectionF, ConnectionI, STREAM_SLOT_BYTES, StreamF, StreamI } from '../slots.ts';
import type { WriterMoment } from './frame-feed.ts';

/** The connection row at `base` (a double's index). */
export function readConnection(f64: Float64Array, i32: Int32Array, base: number): ConnectionState {
  const word = base * 2;
  const waiting = i32[word + ConnectionI.BLOCKED_STREAMS]!;
  const full = i32[word + ConnectionI.TRANSPORT_FULL]! !== 0;
  const sinceWindow = f64[base + ConnectionF.WINDOW_BLOCKED_SINCE]!;
  const sinceTransport = f64[base + ConnectionF.TRANSPORT_FULL_SINCE]!;
  return {
    id: i32[word + ConnectionI.ID]!,
    openStreams: i32[word + ConnectionI.OPEN_STREAMS]!,
    totalStreams: i32[word + ConnectionI.TOTAL_STREAMS]! >>> 0,
    sendWindow: i32[word + ConnectionI.SEND_WINDOW]!,
    receiveWindow: i32[word + ConnectionI.RECEIVE_WINDOW]!,
    bytesReceived: f64[base + ConnectionF.BYTES_RECEIVED]!,
    bytesSent: f64[base + ConnectionF.BYTES_SENT]!,
    frames: framesOf(f64, base),
    blocked: waiting > 0 ? Blocked.CONNECTION_WINDOW : full ? Blocked.TRANSPORT : Blocked.NOT,
    blockedSince: waiting > 0 ? sinceWindow : full ? sinceTransport : -1,
    blockedStreams: waiting,
    transportFullSince: full ? sinceTransport : -1,
    dataSentAt: f64[base + ConnectionF.DATA_SENT]!,
    grantedAt: f64[base + ConnectionF.GRANTED_AT]!,
    headerBlockStream: i32[word + ConnectionI.HEADER_BLOCK_STREAM]!,
    headerBlockSince: f64[base + ConnectionF.HEADER_BLOCK_SINCE]!,
    withheldBytes: f64[base + ConnectionF.WITHHELD]!,
    pingRttUs: f64[base + ConnectionF.PING_RTT]!,
    sectionBytesReceived: f64[base + ConnectionF.SECTION_BYTES_RECEIVED]!,
    sectionBytesSent: f64[base + ConnectionF.SECTION_BYTES_SENT]!,
    fieldBytesReceived: f64[base + ConnectionF.FIELD_BYTES_RECEIVED]!,
    fieldBytesSent: f64[base + ConnectionF.FIELD_BYTES_SENT]!,
    evictionsReceived: i32[word + ConnectionI.EVICTIONS_RECEIVED]! >>> 0,
    evictionsSent: i32[word + ConnectionI.EVICTIONS_SENT]! >>> 0,
    violations: i32[word + ConnectionI.VIOLATIONS]! >>> 0,
    resetsReceived: i32[word + ConnectionI.RESETS_RECEIVED]! >>> 0,
    resetsSent: i32[word + ConnectionI.RESETS_SENT]! >>> 0,
    lastActivityAt: f64[base + ConnectionF.LAST_ACTIVITY]!,
  };
}

function framesOf(f64: Float64Array, base: number): number[] {
  return Array.from(f64.subarray(base + ConnectionF.FRAMES, base + ConnectionF.FRAMES + 2 * TYPE_BUCKETS));
}

/** What a stream row knows besides its state. */
export interface SlotFacts {
  /** 0: no pair. */
  readonly pairConnection: number;
  readonly pairStream: number;
  /** 0: not known. */
  readonly status: number;
}

/** The facts in the stream row at `base`. */
function readStreamFacts(i32: Int32Array, base: number): SlotFacts {
  const word = base * 2;
  return {
    pairConnection: i32[word + StreamI.PAIR_CONNECTION]!,
    pairStream: i32[word + StreamI.PAIR_STREAM]!,
    status: i32[word + StreamI.STATUS]!,
  };
}

/** The stream row at `base` (a double's index). */
export function readStream(f64: Float64Array, i32: Int32Array, base: number): StreamState {
  const word = base * 2;
  return {
    connection: i32[word + StreamI.CONNECTION]!,
    stream: i32[word + StreamI.STREAM]!,
    state: i32[word + StreamI.STATE]!,
    sendWindow: i32[word + StreamI.SEND_WINDOW]!,
    receiveWindow: i32[word + StreamI.RECEIVE_WINDOW]!,
    bytesReceived: f64[base + StreamF.BYTES_RECEIVED]!,
    bytesSent: f64[base + StreamF.BYTES_SENT]!,
    framesReceived: i32[word + StreamI.FRAMES]! >>> 0,
    framesSent: i32[word + StreamI.FRAMES + 1]! >>> 0,
    blocked: i32[word + StreamI.CAUSE] as Blocked,
    blockedSince: f64[base + StreamF.BLOCKED_SINCE]!,
    stalledSince: f64[base + StreamF.STALLED_SINCE]!,
    pendingBytes: i32[word + StreamI.PENDING]!,
    withheldBytes: i32[word + StreamI.WITHHELD]!,
    withheldSince: f64[base + StreamF.WITHHELD_SINCE]!,
    grantedAt: f64[base + StreamF.GRANTED_AT]!,
    queuedSince: f64[base + StreamF.QUEUED_SINCE]!,
    blockedConnectionUs: f64[base + StreamF.BLOCKED_US]!,
    blockedStreamUs: f64[base + StreamF.BLOCKED_US + 1]!,
    blockedTransportUs: f64[base + StreamF.BLOCKED_US + 2]!,
    blockedSchedulerUs: f64[base + StreamF.BLOCKED_US + 3]!,
    withheldUs: f64[base + StreamF.WITHHELD_US]!,
    queuedUs: f64[base + StreamF.QUEUED_US]!,
    openedAt: f64[base + StreamF.OPENED_AT]!,
    headReceivedAt: f64[base + StreamF.HEAD_AT]!,
    headSentAt: f64[base + StreamF.HEAD_AT + 1]!,
    endReceivedAt: f64[base + StreamF.END_AT]!,
    endSentAt: f64[base + StreamF.END_AT + 1]!,
    closedAt: f64[base + StreamF.CLOSED_AT]!,
    lastProgressAt: f64[base + StreamF.LAST_PROGRESS]!,
  };
}

/** Polls both tables. A row that is being written may look torn; its revision then changes and it is read again. */
export class SlotReader {
  readonly #control: Int32Array;
  readonly #connectionF64: Float64Array;
  readonly #connectionI32: Int32Array;
  readonly #streamF64: Float64Array;
  readonly #streamI32: Int32Array;
  readonly #connectionRevisions: Int32Array;
  readonly #streamRevisions: Int32Array;

  constructor(shared: SharedTrace) {
    this.#control = new Int32Array(shared.control);
    this.#connectionF64 = new Float64Array(shared.connections);
    this.#connectionI32 = new Int32Array(shared.connections);
    this.#streamF64 = new Float64Array(shared.streams);
    this.#streamI32 = new Int32Array(shared.streams);
    this.#connectionRevisions = new Int32Array(shared.connections.byteLength / CONNECTION_SLOT_BYTES);
    this.#streamRevisions = new Int32Array(shared.streams.byteLength / STREAM_SLOT_BYTES);
  }

  /** Calls back for every row in use whose revision changed since the last poll. */
  poll(connection: (row: ConnectionState) => void, stream: (row: StreamState, facts: SlotFacts) => void): void {
    const connections = Atomics.load(this.#control, Control.CONNECTION_ROWS);
    for (let row = 0; row < connections; row++) {
      const base = (row * CONNECTION_SLOT_BYTES) / 8;
      const revision = Atomics.load(this.#connectionI32, base * 2 + ConnectionI.REVISION);
      if (revision === this.#connectionRevisions[row]) continue;
      this.#connectionRevisions[row] = revision;
      const id = this.#connectionI32[base * 2 + ConnectionI.ID];
      if (id === 0) continue;
      const state = readConnection(this.#connectionF64, this.#connectionI32, base);
      // Given back, perhaps taken again, while it was read: the next look sees its new revision.
      if (state.id === id) connection(state);
    }
    const streams = Atomics.load(this.#control, Control.STREAM_ROWS);
    for (let row = 0; row < streams; row++) {
      const base = (row * STREAM_SLOT_BYTES) / 8;
      const revision = Atomics.load(this.#streamI32, base * 2 + StreamI.REVISION);
      if (revision === this.#streamRevisions[row]) continue;
      this.#streamRevisions[row] = revision;
      const owner = this.#streamI32[base * 2 + StreamI.CONNECTION];
      const id = this.#streamI32[base * 2 + StreamI.STREAM];
      if (owner === 0) continue;
      const state = readStream(this.#streamF64, this.#streamI32, base);
      const facts = readStreamFacts(this.#streamI32, base);
      if (state.connection === owner && state.stream === id) stream(state, facts);
    }
  }

  /** Connections and streams that have a row now: `connection` and `connection:stream`. */
  present(): ReadonlySet<string> {
    const found = new Set<string>();
    const connections = Atomics.load(this.#control, Control.CONNECTION_ROWS);
    for (let row = 0; row < connections; row++) {
      const id = this.#connectionI32[(row * CONNECTION_SLOT_BYTES) / 4 + ConnectionI.ID]!;
      if (id !== 0) found.add(`${id}`);
    }
    const streams = Atomics.load(this.#control, Control.STREAM_ROWS);
    for (let row = 0; row < streams; row++) {
      const word = (row * STREAM_SLOT_BYTES) / 4;
      const id = this.#streamI32[word + StreamI.CONNECTION]!;
      if (id !== 0) found.add(`${id}:${this.#streamI32[word + StreamI.STREAM]}`);
    }
    return found;
  }

  /**
   * Frame counters of all open connections, at one moment at which they agree with the published log: `at` tells the
   * log's position then. Null when the writer was busy throughout.
   */
  counters(at: () => number): WriterMoment | null {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const epoch = Atomics.load(this.#control, Control.EPOCH);
      if ((epoch & 1) !== 0) continue;
      const head = at();
      const frames = new Map<number, readonly number[]>();
      const connections = Atomics.load(this.#control, Control.CONNECTION_ROWS);
      for (let row = 0; row < connections; row++) {
        const base = (row * CONNECTION_SLOT_BYTES) / 8;
        const id = this.#connectionI32[base * 2 + ConnectionI.ID]!;
        if (id !== 0) frames.set(id, framesOf(this.#connectionF64, base));
      }
      if (Atomics.load(this.#control, Control.EPOCH) === epoch) return { head, frames };
    }
    return null;
  }
}

// About a millisecond of looking; the caller tries again later.
const MAX_ATTEMPTS = 20_000;
