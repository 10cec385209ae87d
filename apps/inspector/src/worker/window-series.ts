/**
 * Windows over time, read from the frames of one connection: every record carries the windows after it. DATA received
 * and WINDOW_UPDATE sent tell of the receiving side, every other frame of the sending side.
 */
import { FrameType } from '@glassway/inspector-protocol';
import type { StallSpan, WindowMark, WindowsPart } from '../feed/model.ts';
import type { FrameLog } from './frame-log.ts';
import type { ConnectionEntry } from './state-entries.ts';

/** Points per series at most; what is denser is thinned so that the lowest point of each stretch stays. */
export const MAX_POINTS = 1600;
const MAX_MARKS = 160;
/* A connection that was silent for so many frames of others begins where its next frame says. */
const LOOK_BACK_ROWS = 50_000;
const SHORTEST_STALL_US = 100_000;

/** What is asked. */
export interface WindowQuestion {
  readonly key: string;
  readonly streams: readonly number[];
  /** 0 receive windows, 1 send windows. */
  readonly direction: 0 | 1;
  /** Microseconds. */
  readonly from: number;
  readonly to: number;
}

/** True when a frame's windows are those of this side. */
export function tellsOf(direction: 0 | 1, frameDirection: number, type: number): boolean {
  const receiving =
    (type === FrameType.DATA && frameDirection === 0) || (type === FrameType.WINDOW_UPDATE && frameDirection === 1);
  return receiving === (direction === 0);
}

/** Reads the series out of rows [first, end) of the log. */
export function windowSeries(
  log: FrameLog,
  first: number,
  end: number,
  connection: ConnectionEntry,
  question: WindowQuestion,
): WindowsPart {
  const { direction, streams, from, to } = question;
  const { columns } = log;
  const id = connection.facts.id;
  const rows: number[] = [];
  const marks: WindowMark[] = [];
  const start = Math.min(log.rowAt(from), end);
  for (let row = start; row < end; row++) {
    const slot = log.slot(row);
    if (columns.connection[slot] !== id) continue;
    const type = columns.type[slot]!;
    if (!tellsOf(direction, columns.direction[slot]!, type)) continue;
    const t = columns.t[slot]!;
    if (t > to) break;
    rows.push(row);
    const stream = columns.stream[slot]!;
    if (type === FrameType.WINDOW_UPDATE && (stream === 0 || streams.includes(stream))) {
      marks.push({ t, stream, increment: columns.aux[slot]! });
    }
  }
  const before = lastBefore(log, first, start, id, direction);
  if (before >= 0) rows.unshift(before);
  const kept = thin(log, rows);
  const t = new Float64Array(kept.length + 1);
  const whole = new Float64Array(kept.length + 1);
  const series = streams.map(stream => ({ stream, values: new Float64Array(kept.length + 1).fill(Number.NaN) }));
  const last = new Map(streams.map(stream => [stream, streamStart(log, first, kept[0] ?? end, id, stream, direction)]));
  kept.forEach((row, at) => {
    const slot = log.slot(row);
    t[at] = Math.max(from, columns.t[slot]!);
    whole[at] = columns.connectionWindow[slot]!;
    if (last.has(columns.stream[slot]!)) last.set(columns.stream[slot]!, columns.streamWindow[slot]!);
    for (const { stream, values } of series)
      values[at] = t[at]! > closedAt(connection, stream) ? Number.NaN : last.get(stream)!;
  });
  // The state is always right: the lines end at what it says.
  const at = kept.length;
  t[at] = Math.max(to, t[at - 1] ?? to);
  whole[at] = direction === 1 ? connection.state.sendWindow : connection.state.receiveWindow;
  for (const { stream, values } of series) {
    const state = connection.streams.get(stream)?.state;
    values[at] =
      state === undefined || state.closedAt >= 0
        ? Number.NaN
        : direction === 1
          ? state.sendWindow
          : state.receiveWindow;
  }
  return {
    key: question.key,
    t,
    connection: whole,
    streams: series,
    marks: marks.length > MAX_MARKS ? marks.filter((_, n) => n % Math.ceil(marks.length / MAX_MARKS) === 0) : marks,
    spans: direction === 1 ? spansOf(log, rows, connection, question) : [],
    from,
    to,
  };
}

function closedAt(connection: ConnectionEntry, stream: number): number {
  const at = connection.streams.get(stream)?.state.closedAt ?? -1;
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

/* The last row before the range says where the connection's line begins. */
function lastBefore(log: FrameLog, first: number, until: number, id: number, direction: 0 | 1): number {
  const { columns } = log;
  for (let row = until - 1; row >= Math.max(first, until - LOOK_BACK_ROWS); row--) {
    const slot = log.slot(row);
    if (columns.connection[slot] !== id) continue;
    if (tellsOf(direction, columns.direction[slot]!, columns.type[slot]!)) return row;
  }
  return -1;
}

/* What a stream's window was before the first row shown: from its last frame before it, if it is still in the log. */
function streamStart(
  log: FrameLog,
  first: number,
  until: number,
  id: number,
  stream: number,
  direction: 0 | 1,
): number {
  const { columns } = log;
  for (let row = until - 1; row >= Math.max(first, until - LOOK_BACK_ROWS); row--) {
    const slot = log.slot(row);
    if (columns.connection[slot] !== id || columns.stream[slot] !== stream) continue;
    if (tellsOf(direction, columns.direction[slot]!, columns.type[slot]!)) return columns.streamWindow[slot]!;
  }
  return Number.NaN;
}

/* Two rows per stretch: the one with the lowest connection window, and the last. */
function thin(log: FrameLog, rows: readonly number[]): readonly number[] {
  if (rows.length <= MAX_POINTS) return rows;
  const windows = log.columns.connectionWindow;
  const stretch = Math.ceil(rows.length / (MAX_POINTS / 2));
  const kept: number[] = [];
  for (let start = 0; start < rows.length; start += stretch) {
    const end = Math.min(rows.length, start + stretch);
    let lowest = rows[start]!;
    for (let at = start + 1; at < end; at++) {
      if (windows[log.slot(rows[at]!)]! < windows[log.slot(lowest)]!) lowest = rows[at]!;
    }
    const last = rows[end - 1]!;
    if (lowest !== last) kept.push(lowest);
    kept.push(last);
  }
  return kept;
}

/*
 * The connection stalls while its window is used up and a stream waits for it: a window of 0 with nothing to send is
 * fine. A chosen stream stalls while it waits for its own window.
 */
function spansOf(
  log: FrameLog,
  rows: readonly number[],
  connection: ConnectionEntry,
  question: WindowQuestion,
): StallSpan[] {
  const { streams, from, to } = question;
  const waits: StallSpan[] = [];
  for (const [stream, entry] of connection.streams) {
    for (const span of entry.spans) {
      const end = span.to < 0 ? to : span.to;
      if (end < from || span.from > to || span.cause === 3) continue;
      if (span.cause === 2 && !streams.includes(stream)) continue;
      waits.push({ from: Math.max(from, span.from), to: Math.min(to, end), stream, cause: span.cause });
    }
  }
  const empty = emptyRuns(log, rows, connection, question);
  const whole = merged(waits.filter(span => span.cause === 1)).flatMap(span => overlaps(span, empty));
  return [...waits.filter(span => span.cause === 2), ...whole];
}

type Run = readonly [from: number, to: number];

/* When the connection's window was 0 or below. */
function emptyRuns(
  log: FrameLog,
  rows: readonly number[],
  connection: ConnectionEntry,
  question: WindowQuestion,
): Run[] {
  const { columns } = log;
  const runs: Run[] = [];
  let since = -1;
  for (const row of rows) {
    const slot = log.slot(row);
    const t = Math.max(question.from, columns.t[slot]!);
    if (columns.connectionWindow[slot]! <= 0) {
      if (since < 0) since = t;
    } else if (since >= 0) {
      runs.push([since, t]);
      since = -1;
    }
  }
  if (since >= 0 || (rows.length === 0 && connection.state.sendWindow <= 0))
    runs.push([since < 0 ? question.from : since, question.to]);
  return runs;
}

function overlaps(span: StallSpan, runs: readonly Run[]): StallSpan[] {
  return runs
    .map(([from, to]) => ({ ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) }))
    .filter(part => part.to - part.from >= SHORTEST_STALL_US);
}

/* Streams that wait at once are one wait for the connection. */
function merged(spans: readonly StallSpan[]): StallSpan[] {
  const result: StallSpan[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && span.from <= last.to)
      result[result.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    else result.push({ ...span, stream: 0 });
  }
  return result;
}
