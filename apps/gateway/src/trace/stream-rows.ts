/** The rows of one connection's open streams, for their writer. */
import { SectionKind, StreamState } from '@glassway/h2-core';
import { Blocked, FrameType, Mark } from '@glassway/inspector-protocol';
import { type ConnectionRow, DEFAULT_WINDOW } from './connection-row.ts';
import { EntryKind } from './entry-ring.ts';
import { clip, type Sink, type StreamEnder } from './sink.ts';
import { ConnectionI, StreamF, StreamI } from './slots.ts';
import { StreamIndex } from './stream-index.ts';

const END_STREAM = 0x1;
const MAX_STREAM_ID = 0x7fff_ffff;
/** A frame is marked as stalled before when its stream had been blocked this long, microseconds. */
const STALL_US = 250_000;
/** Place in `BLOCKED_US` of the time in line while others were served. */
const SCHEDULER = 3;

/** Finds, opens, changes and finishes stream rows. A stream without a row (table full, long closed) is passed over. */
export class StreamRows implements StreamEnder {
  private readonly sink: Sink;
  private readonly id: number;
  private readonly connection: ConnectionRow;
  private readonly f64: Float64Array;
  private readonly i32: Int32Array;
  private readonly rows = new StreamIndex();
  // Identifiers of the highest stream seen, by who opened it.
  private highestEven = 0;
  private highestOdd = 0;
  // Frames come in runs of one stream.
  private lastStream = 0;
  private lastRow = -1;
  private peerInitialWindow = DEFAULT_WINDOW;
  private ownInitialWindow = DEFAULT_WINDOW;
  /** The stream's window after the frame given last. */
  window = 0;

  constructor(sink: Sink, id: number, connection: ConnectionRow) {
    this.sink = sink;
    this.id = id;
    this.connection = connection;
    this.f64 = sink.streams.f64;
    this.i32 = sink.streams.i32;
  }

  /** The stream's row by number, -1: it has none. */
  slot(streamId: number): number {
    const row = this.find(streamId);
    return row < 0 ? -1 : row / this.sink.streams.stride;
  }

  private find(streamId: number): number {
    if (streamId === this.lastStream) return this.lastRow;
    const row = this.rows.get(streamId);
    this.lastStream = streamId;
    this.lastRow = row;
    return row;
  }

  /** Call last: a reader that sees the revision takes the row as it is. */
  private changed(row: number): void {
    this.i32[row * 2 + StreamI.REVISION]! += 1;
  }

  /** Makes a row for a stream never seen before: identifiers only rise (RFC 9113 5.1.1). */
  open(streamId: number): void {
    if ((streamId & 1) === 1) {
      if (streamId <= this.highestOdd) return;
      this.highestOdd = streamId;
    } else {
      if (streamId <= this.highestEven) return;
      this.highestEven = streamId;
    }
    this.connection.addInteger(ConnectionI.TOTAL_STREAMS, 1);
    const now = this.sink.now;
    const row = this.sink.streams.take(StreamI.REVISION);
    if (row < 0) return;
    const word = row * 2;
    this.f64[row + StreamF.BLOCKED_SINCE] = -1;
    this.f64[row + StreamF.STALLED_SINCE] = -1;
    this.f64[row + StreamF.WITHHELD_SINCE] = -1;
    this.f64[row + StreamF.QUEUED_SINCE] = -1;
    this.f64[row + StreamF.OPENED_AT] = now;
    this.f64[row + StreamF.LAST_PROGRESS] = now;
    for (let i = StreamF.HEAD_AT; i <= StreamF.GRANTED_AT; i++) this.f64[row + i] = -1;
    this.i32[word + StreamI.SEND_WINDOW] = this.peerInitialWindow;
    this.i32[word + StreamI.RECEIVE_WINDOW] = this.ownInitialWindow;
    this.i32[word + StreamI.STREAM] = streamId;
    this.sink.bodies.open(row / this.sink.streams.stride);
    this.changed(row);
    this.i32[word + StreamI.CONNECTION] = this.id;
    this.rows.add(streamId, row);
    this.lastStream = streamId;
    this.lastRow = row;
  }

  /** Accounts a frame to its stream; the answer is the mark it earns. Sets `window`. */
  frame(
    streamId: number,
    direction: number,
    type: number,
    flags: number,
    length: number,
    receiving: boolean,
    window: number,
  ): number {
    if (type === FrameType.HEADERS) this.open(streamId);
    this.window = window;
    const row = this.find(streamId);
    if (row < 0) return 0;
    const f64 = this.f64;
    const i32 = this.i32;
    const word = row * 2;
    const now = this.sink.now;
    let mark = 0;
    i32[word + StreamI.FRAMES + direction]! += 1;
    const place = word + (receiving ? StreamI.RECEIVE_WINDOW : StreamI.SEND_WINDOW);
    const state = i32[word + StreamI.STATE]!;
    // The core knows no window of a stream that this frame opens, nor of one that has closed.
    if (state === StreamState.IDLE || state === StreamState.CLOSED) this.window = i32[place]!;
    else i32[place] = window;
    if (type === FrameType.DATA) {
      f64[row + StreamF.BYTES_RECEIVED + direction]! += length;
      if (direction === 1) mark = this.sentData(row, length);
    } else if (type === FrameType.HEADERS) {
      if (f64[row + StreamF.HEAD_AT + direction]! < 0) f64[row + StreamF.HEAD_AT + direction] = now;
    } else if (type === FrameType.WINDOW_UPDATE && direction === 0) {
      f64[row + StreamF.GRANTED_AT] = now;
    }
    if (type <= FrameType.HEADERS) {
      f64[row + StreamF.LAST_PROGRESS] = now;
      if ((flags & END_STREAM) !== 0) f64[row + StreamF.END_AT + direction] = now;
    } else if (type === FrameType.CONTINUATION) {
      f64[row + StreamF.LAST_PROGRESS] = now;
    }
    this.changed(row);
    return mark;
  }

  /** DATA left: a running blocked span ends here, and if the stream is still blocked a new one begins. */
  private sentData(row: number, length: number): number {
    const i32 = this.i32;
    const word = row * 2;
    const cause = i32[word + StreamI.CAUSE]!;
    if (length > 0) {
      if (cause !== Blocked.NOT) {
        this.endSpan(row, cause);
        this.f64[row + StreamF.STALLED_SINCE] = this.sink.now;
      }
      this.connection.progressed();
    }
    if (i32[word + StreamI.STALLED] === 0) return 0;
    i32[word + StreamI.STALLED] = 0;
    return Mark.STALLED;
  }

  private endSpan(row: number, cause: number): void {
    const since = this.f64[row + StreamF.BLOCKED_SINCE]!;
    const span = this.sink.now - since;
    // In line, and somebody else was served meanwhile: it is not the transport that it waited for.
    const overtaken = cause === Blocked.TRANSPORT && this.connection.dataSentAt > since;
    this.f64[row + StreamF.BLOCKED_US + (overtaken ? SCHEDULER : cause - 1)]! += span;
    this.f64[row + StreamF.BLOCKED_SINCE] = this.sink.now;
    if (span >= STALL_US) this.i32[row * 2 + StreamI.STALLED] = 1;
  }

  /** A transition of RFC 9113 5.1. */
  state(streamId: number, from: number, to: number): void {
    const sink = this.sink;
    sink.numbers(EntryKind.STREAM_STATE, this.id, streamId, from, to);
    if (from === StreamState.IDLE) this.open(streamId);
    const row = this.find(streamId);
    if (row < 0) return;
    const before = this.i32[row * 2 + StreamI.STATE]!;
    this.i32[row * 2 + StreamI.STATE] = to;
    this.connection.addInteger(ConnectionI.OPEN_STREAMS, isActive(to) - isActive(before));
    if (to === StreamState.CLOSED && before !== StreamState.CLOSED) {
      this.f64[row + StreamF.CLOSED_AT] = sink.now;
      // Finished when the turn ends, so that frames of the same turn still count.
      sink.endAtTurnEnd(this, row);
    }
    this.changed(row);
  }

  /** A stream that was refused before it opened has no transition of its own. */
  refused(streamId: number): void {
    const row = this.find(streamId);
    if (row >= 0 && this.i32[row * 2 + StreamI.STATE] === StreamState.IDLE) {
      this.state(streamId, StreamState.IDLE, StreamState.CLOSED);
    }
  }

  /** A stream may not send, and why; or (cause 0) it may again. */
  blocked(streamId: number, cause: number, pendingBytes: number): void {
    const row = this.find(streamId);
    if (row < 0) return;
    const word = row * 2;
    this.i32[word + StreamI.PENDING] = pendingBytes;
    if (this.i32[word + StreamI.CAUSE] !== cause) {
      this.unblock(row);
      this.sink.numbers(EntryKind.SEND_BLOCKED, this.id, streamId, cause, pendingBytes);
      if (cause === Blocked.NOT) {
        this.f64[row + StreamF.STALLED_SINCE] = -1;
      } else {
        this.i32[word + StreamI.CAUSE] = cause;
        this.f64[row + StreamF.BLOCKED_SINCE] = this.sink.now;
        if (this.f64[row + StreamF.STALLED_SINCE]! < 0) this.f64[row + StreamF.STALLED_SINCE] = this.sink.now;
      }
      if (cause === Blocked.CONNECTION_WINDOW) this.connection.waiting(1);
    }
    this.changed(row);
  }

  private unblock(row: number): void {
    const cause = this.i32[row * 2 + StreamI.CAUSE]!;
    if (cause === Blocked.NOT) return;
    this.endSpan(row, cause);
    this.f64[row + StreamF.BLOCKED_SINCE] = -1;
    this.i32[row * 2 + StreamI.CAUSE] = Blocked.NOT;
    if (cause === Blocked.CONNECTION_WINDOW) this.connection.waiting(-1);
  }

  /** Received octets held back on a stream. */
  withheld(streamId: number, bytes: number): void {
    const row = this.find(streamId);
    if (row < 0) return;
    this.endWithheld(row);
    if (bytes > 0) this.f64[row + StreamF.WITHHELD_SINCE] = this.sink.now;
    this.i32[row * 2 + StreamI.WITHHELD] = bytes;
    this.changed(row);
  }

  private endWithheld(row: number): void {
    const since = this.f64[row + StreamF.WITHHELD_SINCE]!;
    if (since < 0) return;
    this.f64[row + StreamF.WITHHELD_US]! += this.sink.now - since;
    this.f64[row + StreamF.WITHHELD_SINCE] = -1;
  }

  /** The exchange waits for a place on a backend's connection (true), or does so no longer. */
  queued(streamId: number, waits: boolean): void {
    const row = this.find(streamId);
    if (row < 0) return;
    this.endQueued(row);
    if (waits) this.f64[row + StreamF.QUEUED_SINCE] = this.sink.now;
    this.changed(row);
  }

  private endQueued(row: number): void {
    const since = this.f64[row + StreamF.QUEUED_SINCE]!;
    if (since < 0) return;
    this.f64[row + StreamF.QUEUED_US]! += this.sink.now - since;
    this.f64[row + StreamF.QUEUED_SINCE] = -1;
  }

  /** RFC 9113 6.9.2: a changed initial size moves the windows of all open streams. `ours`: the receive windows. */
  initialWindow(ours: boolean, size: number): void {
    const change = size - (ours ? this.ownInitialWindow : this.peerInitialWindow);
    if (ours) this.ownInitialWindow = size;
    else this.peerInitialWindow = size;
    if (change === 0) return;
    for (const [, row] of this.rows.entries()) {
      this.i32[row * 2 + (ours ? StreamI.RECEIVE_WINDOW : StreamI.SEND_WINDOW)]! += change;
      this.changed(row);
    }
  }

  /** The head of a request or final response, in the sink's `head`. */
  section(streamId: number, kind: SectionKind): void {
    // A section is told before the HEADERS frame that carries it.
    if (kind === SectionKind.REQUEST) this.open(streamId);
    const row = this.find(streamId);
    if (row < 0) return;
    const { heads, sections } = this.sink;
    const { head } = sections;
    if (kind === SectionKind.REQUEST) heads.set(row / this.sink.streams.stride, head);
    else if (kind === SectionKind.RESPONSE) this.i32[row * 2 + StreamI.STATUS] = Number(head.status);
    else return;
    this.changed(row);
  }

  /** The exchange joined it to a stream on the other leg. */
  paired(streamId: number, connection: number, stream: number): void {
    const row = this.find(streamId);
    if (row < 0) return;
    this.endQueued(row);
    this.i32[row * 2 + StreamI.PAIR_CONNECTION] = connection;
    this.i32[row * 2 + StreamI.PAIR_STREAM] = stream;
    this.changed(row);
  }

  /** Tells again what every open stream asks for. */
  retell(): void {
    const { heads, streams } = this.sink;
    for (const [stream, row] of this.rows.entries()) {
      const { method, scheme, authority, path } = heads.read(row / streams.stride);
      if (method === '' && path === '') continue;
      this.sink.event(
        {
          kind: 'stream-head',
          connection: this.id,
          stream,
          method: clip(method),
          scheme: clip(scheme),
          authority: clip(authority),
          path: clip(path),
        },
        EntryKind.RETOLD,
      );
    }
  }

  /** A head of an HTTP/1.1 exchange passed. */
  head(ordinal: number, direction: 0 | 1): void {
    const row = this.find(ordinal);
    if (row < 0) return;
    if (this.f64[row + StreamF.HEAD_AT + direction]! < 0) this.f64[row + StreamF.HEAD_AT + direction] = this.sink.now;
    this.f64[row + StreamF.LAST_PROGRESS] = this.sink.now;
    this.changed(row);
  }

  /** Body octets of an HTTP/1.1 exchange passed. */
  body(ordinal: number, direction: 0 | 1, bytes: number): void {
    const row = this.find(ordinal);
    if (row < 0) return;
    this.f64[row + StreamF.BYTES_RECEIVED + direction]! += bytes;
    this.f64[row + StreamF.LAST_PROGRESS] = this.sink.now;
    this.changed(row);
  }

  /** A whole HTTP/1.1 message has passed. */
  complete(ordinal: number, direction: 0 | 1): void {
    const row = this.find(ordinal);
    if (row < 0) return;
    this.f64[row + StreamF.END_AT + direction] = this.sink.now;
    this.f64[row + StreamF.LAST_PROGRESS] = this.sink.now;
    this.changed(row);
  }

  /** Finishes a stream that closed in this turn. */
  end(row: number): void {
    const state = this.i32[row * 2 + StreamI.STATE]!;
    this.connection.addInteger(ConnectionI.OPEN_STREAMS, -isActive(state));
    this.finish(row);
  }

  private finish(row: number): void {
    this.unblock(row);
    this.endWithheld(row);
    this.endQueued(row);
    this.i32[row * 2 + StreamI.STATE] = StreamState.CLOSED;
    this.rows.delete(this.i32[row * 2 + StreamI.STREAM]!);
    this.lastStream = 0;
    this.lastRow = -1;
    this.sink.closeStreamRow(row);
  }

  /** The connection is gone: finishes all streams and opens no more. */
  close(): void {
    this.sink.endStreamsOf(this);
    for (const [, row] of this.rows.entries()) {
      this.f64[row + StreamF.CLOSED_AT] = this.sink.now;
      this.finish(row);
    }
    this.highestEven = MAX_STREAM_ID;
    this.highestOdd = MAX_STREAM_ID;
  }
}

function isActive(state: number): 0 | 1 {
  return state >= StreamState.OPEN && state <= StreamState.HALF_CLOSED_REMOTE ? 1 : 0;
}
