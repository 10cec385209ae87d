/** The row of one open connection, for its writer. All methods do nothing once the row is closed or was never had. */
import { TYPE_BUCKETS } from '@glassway/inspector-protocol';
import type { Sink } from './sink.ts';
import { ConnectionF, ConnectionI } from './slots.ts';

const FRAME_HEADER_BYTES = 9;
/** RFC 9113 6.9.2: both connection windows begin here. */
export const DEFAULT_WINDOW = 65_535;

/** Counters and windows of one connection. */
export class ConnectionRow {
  private readonly sink: Sink;
  private readonly f64: Float64Array;
  private readonly i32: Int32Array;
  // First double of the row; -1: the table was full, or the connection is closed.
  private row: number;

  constructor(sink: Sink, id: number) {
    this.sink = sink;
    this.f64 = sink.connections.f64;
    this.i32 = sink.connections.i32;
    const row = sink.connections.take(ConnectionI.REVISION);
    this.row = row;
    if (row < 0) return;
    const word = row * 2;
    this.f64[row + ConnectionF.LAST_ACTIVITY] = sink.now;
    this.f64[row + ConnectionF.WINDOW_BLOCKED_SINCE] = -1;
    this.f64[row + ConnectionF.TRANSPORT_FULL_SINCE] = -1;
    this.f64[row + ConnectionF.PING_RTT] = -1;
    this.f64[row + ConnectionF.DATA_SENT] = -1;
    this.f64[row + ConnectionF.GRANTED_AT] = -1;
    this.f64[row + ConnectionF.HEADER_BLOCK_SINCE] = -1;
    this.i32[word + ConnectionI.SEND_WINDOW] = DEFAULT_WINDOW;
    this.i32[word + ConnectionI.RECEIVE_WINDOW] = DEFAULT_WINDOW;
    this.i32[word + ConnectionI.REVISION]! += 1;
    this.i32[word + ConnectionI.ID] = id;
  }

  /** A frame passed; `receiving` tells which side's window `window` is. */
  frame(direction: number, type: number, length: number, receiving: boolean, window: number): void {
    const row = this.row;
    if (row < 0) return;
    const f64 = this.f64;
    const word = row * 2;
    f64[row + ConnectionF.FRAMES + direction * TYPE_BUCKETS + Math.min(type, TYPE_BUCKETS - 1)]! += 1;
    f64[row + ConnectionF.BYTES_RECEIVED + direction]! += FRAME_HEADER_BYTES + length;
    f64[row + ConnectionF.LAST_ACTIVITY] = this.sink.now;
    this.i32[word + (receiving ? ConnectionI.RECEIVE_WINDOW : ConnectionI.SEND_WINDOW)] = window;
    this.i32[word + ConnectionI.REVISION]! += 1;
  }

  /** Octets of DATA left; if streams wait for the window all the same, their wait begins anew. */
  progressed(): void {
    if (this.row < 0) return;
    this.f64[this.row + ConnectionF.DATA_SENT] = this.sink.now;
    if (this.i32[this.row * 2 + ConnectionI.BLOCKED_STREAMS] === 0) return;
    this.f64[this.row + ConnectionF.WINDOW_BLOCKED_SINCE] = this.sink.now;
  }

  /** When octets of DATA were last sent, -1: never. */
  get dataSentAt(): number {
    return this.row < 0 ? -1 : this.f64[this.row + ConnectionF.DATA_SENT]!;
  }

  /** The peer gave window back to the connection. */
  granted(): void {
    this.setDouble(ConnectionF.GRANTED_AT, this.sink.now);
  }

  /** The peer began a field section that is to go on (0: finished it). */
  headerBlock(streamId: number): void {
    if (this.row < 0) return;
    this.i32[this.row * 2 + ConnectionI.HEADER_BLOCK_STREAM] = streamId;
    this.setDouble(ConnectionF.HEADER_BLOCK_SINCE, streamId === 0 ? -1 : this.sink.now);
  }

  /** Body octets of HTTP/1.1. */
  body(direction: number, bytes: number): void {
    this.addDouble(ConnectionF.BYTES_RECEIVED + direction, bytes);
    this.setDouble(ConnectionF.LAST_ACTIVITY, this.sink.now);
  }

  /** Adds to one of the doubles. */
  addDouble(place: number, value: number): void {
    if (this.row < 0) return;
    this.f64[this.row + place]! += value;
    this.i32[this.row * 2 + ConnectionI.REVISION]! += 1;
  }

  /** Sets one of the doubles. */
  setDouble(place: number, value: number): void {
    if (this.row < 0) return;
    this.f64[this.row + place] = value;
    this.i32[this.row * 2 + ConnectionI.REVISION]! += 1;
  }

  /** Adds to one of the integers. */
  addInteger(place: number, value: number): void {
    if (this.row < 0) return;
    this.i32[this.row * 2 + place]! += value;
    this.i32[this.row * 2 + ConnectionI.REVISION]! += 1;
  }

  /** One stream more (1) or fewer (-1) waits for the connection's send window. */
  waiting(change: 1 | -1): void {
    if (this.row < 0) return;
    this.addInteger(ConnectionI.BLOCKED_STREAMS, change);
    const waiting = this.i32[this.row * 2 + ConnectionI.BLOCKED_STREAMS]!;
    if (waiting === 0) this.setDouble(ConnectionF.WINDOW_BLOCKED_SINCE, -1);
    else if (waiting === 1 && change === 1) this.setDouble(ConnectionF.WINDOW_BLOCKED_SINCE, this.sink.now);
  }

  /** The transport is full, or accepts octets again. */
  transport(writable: boolean): void {
    if (this.row < 0) return;
    const full = this.row * 2 + ConnectionI.TRANSPORT_FULL;
    if ((this.i32[full] === 0) === writable) return;
    this.i32[full] = writable ? 0 : 1;
    this.setDouble(ConnectionF.TRANSPORT_FULL_SINCE, writable ? -1 : this.sink.now);
  }

  /** Writes the last look and frees the row. */
  close(): void {
    if (this.row < 0) return;
    this.i32[this.row * 2 + ConnectionI.OPEN_STREAMS] = 0;
    this.sink.closeConnectionRow(this.row);
    this.row = -1;
  }
}
