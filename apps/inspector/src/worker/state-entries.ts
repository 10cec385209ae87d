/** What the page remembers of a connection and of a stream, and how news changes it. */
import {
  type ConnectionFacts,
  type ConnectionState,
  emptyConnectionState,
  emptyStreamFacts,
  emptyStreamState,
  type LogEvent,
  StateNumber,
  type StreamFacts,
  type StreamState,
} from '@glassway/inspector-protocol';
import type { Doubt, SettingsMoment } from '../feed/model.ts';
import { Rate } from './rates.ts';

const MAX_SPANS = 200;
const MAX_PROGRESS = 64;
/* A sender at full speed waits for window all the time; only waits that last longer are worth remembering. */
const SHORT_SPAN_US = 100_000;

/** A span in which a stream could not send. `to` -1: it lasts. */
export interface BlockedSpan {
  readonly cause: number;
  readonly from: number;
  to: number;
  /** Octets that waited when it began. */
  readonly pendingBytes: number;
}

/** How far the bodies of a request of HTTP/1.1 had come, as the gateway told it. */
export interface Progress {
  readonly t: number;
  readonly received: number;
  readonly sent: number;
}

/** One stream. */
export interface StreamEntry {
  facts: StreamFacts;
  state: StreamState;
  /** The reserved state it began in (RFC 9113 5.1), 0 when it was not pushed. */
  reserved: number;
  readonly spans: BlockedSpan[];
  /** Of HTTP/1.1, which has no frames to count; oldest first. */
  readonly progress: Progress[];
  /** Why its numbers at a moment of the past are not certain; null: they are. */
  readonly doubt: Doubt | null;
}

/** One violation as an event told it. */
export type Violation = Extract<LogEvent, { kind: 'violation' }>;

/** How near a connection came to a limit, as an event told it. */
export type LimitNear = Extract<LogEvent, { kind: 'limit-near' }>;

/** One connection with its streams. */
export interface ConnectionEntry {
  facts: ConnectionFacts;
  state: ConnectionState;
  readonly streams: Map<number, StreamEntry>;
  /** Those of `streams` that are not closed. */
  readonly open: Map<number, StreamEntry>;
  readonly rate: Rate;
  /** Round trips in microseconds, oldest first, and when they were told. */
  readonly pings: { readonly t: number; readonly us: number }[];
  readonly violations: Violation[];
  /** Newest for each rule. */
  readonly limits: Map<string, LimitNear>;
  readonly settings: SettingsMoment[];
}

/** What a connection's rate counts: frames, or on HTTP/1.1 kilobytes. */
export function activity(entry: ConnectionEntry): number {
  if (entry.facts.protocol === 'http/1.1') return (entry.state.bytesReceived + entry.state.bytesSent) / 1000;
  let frames = 0;
  for (const count of entry.state.frames) frames += count;
  return frames;
}

/** Takes in a stream's newest state. */
export function takeState(entry: StreamEntry, state: StreamState): void {
  if (isReserved(state.state)) entry.reserved = state.state;
  entry.state = state;
  if (state.blocked !== 0) blocked(entry, state.blocked, state.blockedSince, state.pendingBytes);
  else blocked(entry, 0, state.lastProgressAt, 0);
}

/** Remembers how far the bodies of an HTTP/1.1 request have come; of long ones ever more seldom. */
export function progressed({ progress, state }: StreamEntry, t: number): void {
  const last = progress.at(-1);
  if (last !== undefined && last.received === state.bytesReceived && last.sent === state.bytesSent) return;
  progress.push({ t, received: state.bytesReceived, sent: state.bytesSent });
  if (progress.length <= MAX_PROGRESS) return;
  const half = progress.filter((_, at) => at % 2 === 1);
  progress.splice(0, progress.length, ...half);
}

/** RFC 9113 5.1: reserved (local) or reserved (remote). */
export function isReserved(state: number): boolean {
  return state === StateNumber.RESERVED_LOCAL || state === StateNumber.RESERVED_REMOTE;
}

/** From now on blocked by this cause, or (0) no longer. Events and states tell the same; the second changes nothing. */
export function blocked(entry: StreamEntry, cause: number, t: number, pendingBytes: number): void {
  const last = entry.spans.at(-1);
  if (last !== undefined && last.to < 0) {
    // The same cause anew: something was sent in between.
    if (last.cause === cause && t <= last.from + SHORT_SPAN_US) return;
    last.to = Math.max(last.from, t);
    if (last.to - last.from < SHORT_SPAN_US) entry.spans.pop();
  }
  if (cause === 0 || (last !== undefined && t < last.to) || (last?.from === t && last.cause === cause)) return;
  entry.spans.push({ cause, from: t, to: -1, pendingBytes });
  if (entry.spans.length > MAX_SPANS) entry.spans.shift();
}

/** A connection of which only the facts are known. */
export function newConnection(facts: ConnectionFacts): ConnectionEntry {
  return {
    facts,
    state: emptyConnectionState(facts.id, facts.openedAt),
    streams: new Map(),
    open: new Map(),
    rate: new Rate(),
    pings: [],
    violations: [],
    limits: new Map(),
    settings: [],
  };
}

/** A stream of which nothing is known. */
export function newStream(connection: number, stream: number): StreamEntry {
  return {
    facts: emptyStreamFacts(connection, stream),
    state: emptyStreamState(connection, stream, -1),
    reserved: 0,
    spans: [],
    progress: [],
    doubt: null,
  };
}
