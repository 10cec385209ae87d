/**
 * What the frames that are kept say of a moment: one pass over them, in which those up to the moment and those after it are
 * counted apart. What a connection or stream carried by then is either the sum of the frames since its beginning, or what it
 * has carried by now less the frames since the moment; the second also holds where its beginning is not kept any more.
 */
import { FrameType, TYPE_BUCKETS, typeBucket } from '@glassway/inspector-protocol';
import type { FrameLog } from '../frame-log.ts';
import { RATE_SLOTS } from '../rates.ts';
import type { ConnectionEntry } from '../state-entries.ts';
import { tellsOf } from '../window-series.ts';

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const SECOND_US = 1_000_000;

/** What both have. Windows are NaN and times -1 while no frame has told. */
interface Trace {
  sendWindow: number;
  receiveWindow: number;
  /** When the window the peer gives was last raised, and when DATA was last sent. */
  grantedAt: number;
  dataSentAt: number;
}

/** One stream that was open at the moment. */
export interface StreamTrace extends Trace {
  readonly stream: number;
  /** When the frame passed that tells of each window. */
  sendToldAt: number;
  receiveToldAt: number;
  /** Octets of DATA and frames, received and sent: up to the moment, and after it. */
  readonly octets: readonly [before: Float64Array, after: Float64Array];
  readonly frames: readonly [before: Float64Array, after: Float64Array];
  /** Last DATA or field section up to the moment. */
  progressAt: number;
  /** Its first frame that is kept, when that is not after the moment; -1: there is none. */
  firstAt: number;
  /** When its ends passed, received and sent. */
  readonly endAt: [received: number, sent: number];
}

/** One connection. */
export interface ConnectionTrace extends Trace {
  /** Frames by direction and `typeBucket`, as in `ConnectionState.frames`. */
  readonly frames: readonly [before: Float64Array, after: Float64Array];
  /** Octets of frames with their headers, received and sent. */
  readonly octets: readonly [before: Float64Array, after: Float64Array];
  readonly resets: readonly [before: Float64Array, after: Float64Array];
  /** As in `ConnectionState`. */
  headerBlockStream: number;
  headerBlockSince: number;
  activityAt: number;
  /** The highest stream that a request opened. */
  highest: number;
  /** Frames in each of the last seconds before the moment, newest first. */
  readonly rate: Float64Array;
  /** Those asked for, and those that only frames tell of. */
  readonly streams: Map<number, StreamTrace>;
}

/** What the log says of a moment. */
export interface LogTrace {
  readonly connections: ReadonlyMap<number, ConnectionTrace>;
  /** Time of the oldest frame kept; infinite: none is. */
  readonly from: number;
  /** All frames after this time are kept, but for those that are `missing`. */
  readonly since: number;
  /** Positions between the frames kept that no frame came for. */
  readonly missing: number;
  /** The last frame before which some are missing, up to the moment (-infinite: none), and the first one after it (infinite). */
  readonly gapBefore: number;
  readonly gapAfter: number;
}

/** Reads the log. `wanted` answers whether a stream of this connection was open at `t`. */
export function traceFrames(
  log: FrameLog,
  connections: ReadonlyMap<number, ConnectionEntry>,
  t: number,
  wanted: (entry: ConnectionEntry, stream: number) => boolean,
): LogTrace {
  const { columns } = log;
  const traces = new Map<number, ConnectionTrace>();
  const split = rowAfter(log, t);
  let missing = 0;
  let gapBefore = Number.NEGATIVE_INFINITY;
  let gapAfter = Number.POSITIVE_INFINITY;
  let expected = log.size === 0 ? 0 : columns.seq[log.slot(log.first)]!;
  let id = -1;
  let entry: ConnectionEntry | undefined;
  let trace: ConnectionTrace | undefined;
  for (let row = log.first; row < log.end; row++) {
    const slot = log.slot(row);
    const seq = columns.seq[slot]!;
    if (seq !== expected) {
      missing += Math.max(0, seq - expected);
      if (row < split) gapBefore = columns.t[slot]!;
      else gapAfter = Math.min(gapAfter, columns.t[slot]!);
    }
    expected = seq + 1;
    if (columns.connection[slot] !== id) {
      id = columns.connection[slot]!;
      entry = connections.get(id);
      trace = traces.get(id);
      if (trace === undefined && entry !== undefined) {
        trace = newTrace();
        traces.set(id, trace);
      }
    }
    if (trace === undefined || entry === undefined) continue;
    count(log, slot, row < split ? 0 : 1, t, trace, entry, wanted);
  }
  const from = log.size === 0 ? Number.POSITIVE_INFINITY : columns.t[log.slot(log.first)]!;
  // Frames of one turn have one time, so some of the oldest one's may be gone; but nothing was before the very first.
  const first = log.size > 0 && columns.seq[log.slot(log.first)] === 0;
  return { connections: traces, from, since: first ? Number.NEGATIVE_INFINITY : from, missing, gapBefore, gapAfter };
}

/** The first row after a moment: what has its very time belongs to it. */
export function rowAfter(log: FrameLog, t: number): number {
  return log.rowAt(t + 1e-3);
}

function count(
  log: FrameLog,
  slot: number,
  side: 0 | 1,
  moment: number,
  trace: ConnectionTrace,
  entry: ConnectionEntry,
  wanted: (entry: ConnectionEntry, stream: number) => boolean,
): void {
  const { columns } = log;
  const type = columns.type[slot]!;
  const direction = columns.direction[slot] as 0 | 1;
  const length = columns.length[slot]!;
  const id = columns.stream[slot]!;
  trace.frames[side][direction * TYPE_BUCKETS + typeBucket(type)]!++;
  trace.octets[side][direction]! += length + 9;
  if (type === FrameType.RST_STREAM) trace.resets[side][direction]!++;
  let stream = id === 0 ? undefined : trace.streams.get(id);
  if (side === 1) {
    if (stream === undefined) return;
    stream.frames[1][direction]!++;
    if (type === FrameType.DATA) stream.octets[1][direction]! += length;
    return;
  }
  const t = columns.t[slot]!;
  trace.activityAt = t;
  const second = Math.floor((moment - t) / SECOND_US);
  if (second >= 0 && second < RATE_SLOTS) trace.rate[second]!++;
  if (tellsOf(0, direction, type)) trace.receiveWindow = columns.connectionWindow[slot]!;
  else trace.sendWindow = columns.connectionWindow[slot]!;
  fieldBlock(trace, type, direction, columns.flags[slot]!, id, t);
  if (type === FrameType.DATA && direction === 1 && length > 0) trace.dataSentAt = t;
  if (id === 0) {
    if (type === FrameType.WINDOW_UPDATE && direction === 0) trace.grantedAt = t;
    return;
  }
  if (stream === undefined) {
    if (!wanted(entry, id) && !opens(trace, entry, type, direction, id)) return;
    stream = newStreamTrace(id, t);
    trace.streams.set(id, stream);
  }
  stream.frames[0][direction]!++;
  if (tellsOf(0, direction, type)) {
    stream.receiveWindow = columns.streamWindow[slot]!;
    stream.receiveToldAt = t;
  } else {
    stream.sendWindow = columns.streamWindow[slot]!;
    stream.sendToldAt = t;
  }
  if (type === FrameType.DATA) {
    stream.octets[0][direction]! += length;
    if (direction === 1 && length > 0) stream.dataSentAt = t;
  } else if (type === FrameType.WINDOW_UPDATE && direction === 0) stream.grantedAt = t;
  if (type === FrameType.DATA || type === FrameType.HEADERS || type === FrameType.CONTINUATION) {
    stream.progressAt = t;
    if (type !== FrameType.CONTINUATION && (columns.flags[slot]! & END_STREAM) !== 0) stream.endAt[direction] = t;
  }
  const over = type === FrameType.RST_STREAM || (stream.endAt[0] >= 0 && stream.endAt[1] >= 0);
  if (over && !wanted(entry, id)) trace.streams.delete(id);
}

/* A stream that the page forgot is still told of by the frame that opened it; identifiers only rise (RFC 9113 5.1.1). */
function opens(trace: ConnectionTrace, entry: ConnectionEntry, type: number, direction: number, id: number): boolean {
  if (type !== FrameType.HEADERS || direction !== entry.facts.leg || id <= trace.highest) return false;
  trace.highest = id;
  return !entry.streams.has(id);
}

/* RFC 9113 4.3: a field block that is begun goes on in CONTINUATION frames and nothing else. */
function fieldBlock(
  trace: ConnectionTrace,
  type: number,
  direction: number,
  flags: number,
  stream: number,
  t: number,
): void {
  if (direction !== 0) return;
  const begins = type === FrameType.HEADERS || type === FrameType.PUSH_PROMISE;
  if (!begins && type !== FrameType.CONTINUATION) return;
  if ((flags & END_HEADERS) !== 0) {
    trace.headerBlockStream = 0;
    trace.headerBlockSince = -1;
  } else if (begins) {
    trace.headerBlockStream = stream;
    trace.headerBlockSince = t;
  }
}

function pair(size: number): readonly [Float64Array, Float64Array] {
  return [new Float64Array(size), new Float64Array(size)];
}

function newTrace(): ConnectionTrace {
  return {
    sendWindow: Number.NaN,
    receiveWindow: Number.NaN,
    grantedAt: -1,
    dataSentAt: -1,
    frames: pair(2 * TYPE_BUCKETS),
    octets: pair(2),
    resets: pair(2),
    headerBlockStream: 0,
    headerBlockSince: -1,
    activityAt: -1,
    highest: 0,
    rate: new Float64Array(RATE_SLOTS),
    streams: new Map(),
  };
}

function newStreamTrace(stream: number, t: number): StreamTrace {
  return {
    stream,
    sendWindow: Number.NaN,
    receiveWindow: Number.NaN,
    sendToldAt: -1,
    receiveToldAt: -1,
    grantedAt: -1,
    dataSentAt: -1,
    octets: pair(2),
    frames: pair(2),
    progressAt: -1,
    firstAt: t,
    endAt: [-1, -1],
  };
}
