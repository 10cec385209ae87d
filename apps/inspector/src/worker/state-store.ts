/** The rows of the state as the gateway told them, plus what the page remembers longer than the gateway does. */
import type {
  Changes,
  ConnectionFacts,
  ConnectionState,
  LogEvent,
  StreamFacts,
  StreamState,
} from '@glassway/inspector-protocol';
import { Rate } from './rates.ts';

/** Closed connections kept, and closed streams per connection; the oldest go first. */
export const MAX_CLOSED_CONNECTIONS = 500;
/** See `MAX_CLOSED_CONNECTIONS`. */
export const MAX_STREAMS_PER_CONNECTION = 5000;
const MAX_PINGS = 60;
const MAX_VIOLATIONS = 100;
const MAX_SPANS = 200;
/* A sender at full speed waits for window all the time; only waits that last longer are worth remembering. */
const SHORT_SPAN_US = 100_000;

/** A span in which a stream could not send. `to` -1: it lasts. */
export interface BlockedSpan {
  readonly cause: number;
  readonly from: number;
  to: number;
}

/** One stream. */
export interface StreamEntry {
  facts: StreamFacts;
  state: StreamState;
  /** The reserved state it began in (RFC 9113 5.1), 0 when it was not pushed. */
  reserved: number;
  readonly spans: BlockedSpan[];
}

/** One violation as an event told it. */
export type Violation = Extract<LogEvent, { kind: 'violation' }>;

/** One connection with its streams. */
export interface ConnectionEntry {
  facts: ConnectionFacts;
  state: ConnectionState;
  readonly streams: Map<number, StreamEntry>;
  readonly rate: Rate;
  readonly pings: number[];
  readonly violations: Violation[];
}

/** All connections. */
export class StateStore {
  readonly connections: Map<number, ConnectionEntry> = new Map();

  /** Another gateway process: nothing of the old one is true. */
  restart(): void {
    this.connections.clear();
  }

  /** Takes in rows. `reset`: rows that are not named are gone, except those of the closed, which stay as they were. */
  apply(changes: Changes, now: number, reset: boolean): void {
    if (reset) this.#reset(changes);
    for (const facts of changes.connections) {
      const entry = this.connections.get(facts.id);
      if (entry === undefined) this.connections.set(facts.id, newConnection(facts));
      else entry.facts = facts;
    }
    for (const state of changes.connectionStates) {
      const entry = this.connections.get(state.id);
      if (entry === undefined) continue;
      if (state.pingRttUs >= 0 && state.pingRttUs !== entry.state.pingRttUs) {
        entry.pings.push(state.pingRttUs);
        if (entry.pings.length > MAX_PINGS) entry.pings.shift();
      }
      entry.state = state;
      entry.rate.add(now, activity(entry));
    }
    for (const facts of changes.streams) this.#stream(facts.connection, facts.stream, entry => (entry.facts = facts));
    for (const state of changes.streamStates) {
      this.#stream(state.connection, state.stream, entry => takeState(entry, state));
    }
    // What the gateway forgets was closed before; the page keeps it as long as there is room.
    for (const id of changes.forgottenConnections) {
      const entry = this.connections.get(id);
      if (entry !== undefined && entry.facts.closedAt < 0) this.connections.delete(id);
    }
    for (const [connection, stream] of changes.forgottenStreams) {
      const streams = this.connections.get(connection)?.streams;
      if ((streams?.get(stream)?.state.closedAt ?? 0) < 0) streams?.delete(stream);
    }
    this.#trim();
  }

  /** Takes in events, which tell when things happened between two states. */
  happened(events: readonly LogEvent[]): void {
    for (const event of events) {
      const connection = this.connections.get(event.connection);
      if (connection === undefined) continue;
      if (event.kind === 'violation') {
        connection.violations.unshift(event);
        if (connection.violations.length > MAX_VIOLATIONS) connection.violations.pop();
      } else if (event.kind === 'stream-state') {
        const stream = connection.streams.get(event.stream);
        if (stream !== undefined && isReserved(event.from)) stream.reserved = event.from;
      } else if (event.kind === 'send-blocked') {
        const stream = connection.streams.get(event.stream);
        if (stream !== undefined) blocked(stream, event.cause, event.t);
      }
    }
  }

  /** The stream, if it is known. */
  stream(connection: number, stream: number): StreamEntry | undefined {
    return this.connections.get(connection)?.streams.get(stream);
  }

  #stream(connection: number, stream: number, change: (entry: StreamEntry) => void): void {
    const streams = this.connections.get(connection)?.streams;
    if (streams === undefined) return;
    let entry = streams.get(stream);
    if (entry === undefined) {
      entry = newStream(connection, stream);
      streams.set(stream, entry);
    }
    change(entry);
  }

  #reset(changes: Changes): void {
    const connections = new Set(changes.connections.map(facts => facts.id));
    const streams = new Set(changes.streamStates.map(state => `${state.connection}/${state.stream}`));
    for (const [id, entry] of this.connections) {
      if (!connections.has(id) && entry.facts.closedAt < 0) {
        this.connections.delete(id);
        continue;
      }
      for (const [stream, { state }] of entry.streams) {
        if (state.closedAt < 0 && !streams.has(`${id}/${stream}`)) entry.streams.delete(stream);
      }
    }
  }

  /* Maps iterate in insertion order, so the first closed ones are the oldest. */
  #trim(): void {
    let closed = 0;
    for (const { facts } of this.connections.values()) if (facts.closedAt >= 0) closed++;
    for (const [id, entry] of this.connections) {
      if (closed > MAX_CLOSED_CONNECTIONS && entry.facts.closedAt >= 0) {
        this.connections.delete(id);
        closed--;
        continue;
      }
      if (entry.streams.size <= MAX_STREAMS_PER_CONNECTION) continue;
      for (const [stream, { state }] of entry.streams) {
        if (entry.streams.size <= MAX_STREAMS_PER_CONNECTION) break;
        if (state.closedAt >= 0) entry.streams.delete(stream);
      }
    }
  }
}

function activity(entry: ConnectionEntry): number {
  if (entry.facts.protocol === 'http/1.1') return (entry.state.bytesReceived + entry.state.bytesSent) / 1000;
  let frames = 0;
  for (const count of entry.state.frames) frames += count;
  return frames;
}

function takeState(entry: StreamEntry, state: StreamState): void {
  if (isReserved(state.state)) entry.reserved = state.state;
  entry.state = state;
  if (state.blocked !== 0) blocked(entry, state.blocked, state.blockedSince);
  else blocked(entry, 0, state.lastProgressAt);
}

function isReserved(state: number): boolean {
  return state === 1 || state === 2;
}

/* From now on blocked by this cause, or no longer. Events and states tell the same thing; the second one changes nothing. */
function blocked(entry: StreamEntry, cause: number, t: number): void {
  const last = entry.spans.at(-1);
  if (last !== undefined && last.to < 0) {
    if (last.cause === cause) return;
    last.to = Math.max(last.from, t);
    if (last.to - last.from < SHORT_SPAN_US) entry.spans.pop();
  }
  if (cause === 0 || (last !== undefined && t < last.to) || (last?.from === t && last.cause === cause)) return;
  entry.spans.push({ cause, from: t, to: -1 });
  if (entry.spans.length > MAX_SPANS) entry.spans.shift();
}

function newConnection(facts: ConnectionFacts): ConnectionEntry {
  return {
    facts,
    state: {
      id: facts.id,
      openStreams: 0,
      totalStreams: 0,
      sendWindow: 65_535,
      receiveWindow: 65_535,
      bytesReceived: 0,
      bytesSent: 0,
      frames: [],
      blocked: 0,
      blockedSince: -1,
      blockedStreams: 0,
      withheldBytes: 0,
      pingRttUs: -1,
      sectionBytesReceived: 0,
      sectionBytesSent: 0,
      fieldBytesReceived: 0,
      fieldBytesSent: 0,
      evictionsReceived: 0,
      evictionsSent: 0,
      violations: 0,
      resetsReceived: 0,
      resetsSent: 0,
      lastActivityAt: facts.openedAt,
    },
    streams: new Map(),
    rate: new Rate(),
    pings: [],
    violations: [],
  };
}

function newStream(connection: number, stream: number): StreamEntry {
  return {
    facts: {
      connection,
      stream,
      method: '',
      scheme: '',
      authority: '',
      path: '',
      status: 0,
      contentType: '',
      grpcStatus: -1,
      pair: null,
      reset: null,
      reason: null,
    },
    state: {
      connection,
      stream,
      state: 0,
      sendWindow: 0,
      receiveWindow: 0,
      bytesReceived: 0,
      bytesSent: 0,
      framesReceived: 0,
      framesSent: 0,
      blocked: 0,
      blockedSince: -1,
      pendingBytes: 0,
      withheldBytes: 0,
      blockedConnectionUs: 0,
      blockedStreamUs: 0,
      blockedTransportUs: 0,
      openedAt: -1,
      headReceivedAt: -1,
      headSentAt: -1,
      endReceivedAt: -1,
      endSentAt: -1,
      closedAt: -1,
      lastProgressAt: -1,
    },
    reserved: 0,
    spans: [],
  };
}
