/** The rows of the state as the gateway told them, plus what the page remembers longer than the gateway does. */
import {
  type BackendState,
  backendKey,
  type Changes,
  type LogEvent,
  type Verdict,
  VerdictEngine,
} from '@glassway/inspector-protocol';
import {
  activity,
  blocked,
  type ConnectionEntry,
  isReserved,
  newConnection,
  newStream,
  progressed,
  type StreamEntry,
  takeState,
} from './state-entries.ts';

/** Closed connections kept, and closed streams per connection; the oldest go first. */
export const MAX_CLOSED_CONNECTIONS = 500;
/** See `MAX_CLOSED_CONNECTIONS`. */
export const MAX_STREAMS_PER_CONNECTION = 5000;
/** Streams of all connections together, beyond which the closed ones of the oldest connections go. */
export const MAX_STREAMS = 100_000;
const MAX_PINGS = 60;
const MAX_VIOLATIONS = 100;
const MAX_SETTINGS = 100;

/** Connections and backends at one moment, and what is to be said of them. */
export interface StateView {
  readonly connections: ReadonlyMap<number, ConnectionEntry>;
  /** By `backendKey`. */
  readonly backends: ReadonlyMap<string, BackendState>;
  /** What came after this moment is left out, t; infinite: nothing is. */
  readonly until: number;
  /** Why this stream does not move at `now`, or how it ended; null: nothing to say. */
  verdictOn(connection: ConnectionEntry, stream: StreamEntry, now: number): Verdict | null;
  /** The stream, if it is known. */
  stream(connection: number, stream: number): StreamEntry | undefined;
}

/** All connections as they are now. */
export class StateStore implements StateView {
  readonly until: number = Number.POSITIVE_INFINITY;
  readonly connections: Map<number, ConnectionEntry> = new Map();
  /** By `backendKey`. */
  readonly backends: Map<string, BackendState> = new Map();
  readonly #engine = new VerdictEngine({
    connection: id => this.connections.get(id),
    backend: (url, worker) => this.backends.get(backendKey(url, worker)),
  });
  /* The moment that the engine looks at; -1: something changed since. */
  #lookedAt = -1;

  /** See `StateView`. */
  verdictOn(connection: ConnectionEntry, stream: StreamEntry, now: number): Verdict | null {
    if (now !== this.#lookedAt) this.#engine.look(now);
    this.#lookedAt = now;
    return this.#engine.on(connection, stream);
  }

  /** Another gateway process: nothing of the old one is true. */
  restart(): void {
    this.connections.clear();
    this.backends.clear();
    this.#lookedAt = -1;
  }

  /** Takes in rows. `reset`: rows that are not named are gone, except those of the closed, which stay as they were. */
  apply(changes: Changes, now: number, reset: boolean): void {
    this.#lookedAt = -1;
    if (reset) this.#reset(changes);
    for (const backend of changes.backends) this.backends.set(backendKey(backend.url, backend.worker), backend);
    for (const facts of changes.connections) {
      const entry = this.connections.get(facts.id);
      if (entry === undefined) this.connections.set(facts.id, newConnection(facts));
      else entry.facts = facts;
    }
    for (const state of changes.connectionStates) {
      const entry = this.connections.get(state.id);
      if (entry === undefined) continue;
      if (state.pingRttUs >= 0 && state.pingRttUs !== entry.state.pingRttUs) {
        entry.pings.push({ t: now, us: state.pingRttUs });
        if (entry.pings.length > MAX_PINGS) entry.pings.shift();
      }
      entry.state = state;
      entry.rate.add(now, activity(entry));
    }
    for (const facts of changes.streams) this.#stream(facts.connection, facts.stream, entry => (entry.facts = facts));
    for (const state of changes.streamStates) {
      this.#stream(state.connection, state.stream, (entry, connection) => {
        takeState(entry, state);
        if (connection.facts.protocol === 'http/1.1') progressed(entry, now);
        if (state.closedAt < 0) connection.open.set(state.stream, entry);
        else connection.open.delete(state.stream);
      });
    }
    // What the gateway forgets was closed before; the page keeps it as long as there is room.
    for (const id of changes.forgottenConnections) {
      const entry = this.connections.get(id);
      if (entry !== undefined && entry.facts.closedAt < 0) this.connections.delete(id);
    }
    for (const [connection, stream] of changes.forgottenStreams) {
      const entry = this.connections.get(connection);
      if (entry?.open.delete(stream) === true) entry.streams.delete(stream);
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
      } else if (event.kind === 'limit-near') {
        connection.limits.set(event.rule, event);
      } else if (event.kind === 'settings') {
        connection.settings.unshift({ t: event.t, event: event.event, pairs: event.pairs });
        if (connection.settings.length > MAX_SETTINGS) connection.settings.pop();
      } else if (event.kind === 'stream-state') {
        const stream = connection.streams.get(event.stream);
        if (stream !== undefined && isReserved(event.from)) stream.reserved = event.from;
      } else if (event.kind === 'send-blocked') {
        const stream = connection.streams.get(event.stream);
        if (stream !== undefined) blocked(stream, event.cause, event.t, event.pendingBytes);
      }
    }
  }

  /** See `StateView`. */
  stream(connection: number, stream: number): StreamEntry | undefined {
    return this.connections.get(connection)?.streams.get(stream);
  }

  #stream(connection: number, stream: number, change: (entry: StreamEntry, connection: ConnectionEntry) => void): void {
    const held = this.connections.get(connection);
    if (held === undefined) return;
    let entry = held.streams.get(stream);
    if (entry === undefined) {
      entry = newStream(connection, stream);
      held.streams.set(stream, entry);
    }
    change(entry, held);
  }

  #reset(changes: Changes): void {
    const connections = new Set(changes.connections.map(facts => facts.id));
    const streams = new Set(changes.streamStates.map(state => `${state.connection}/${state.stream}`));
    for (const [id, entry] of this.connections) {
      if (!connections.has(id) && entry.facts.closedAt < 0) {
        this.connections.delete(id);
        continue;
      }
      for (const stream of entry.open.keys()) {
        if (streams.has(`${id}/${stream}`)) continue;
        entry.open.delete(stream);
        entry.streams.delete(stream);
      }
    }
  }

  /* Maps iterate in insertion order, so the first closed ones are the oldest. */
  #trim(): void {
    let closed = 0;
    let streams = 0;
    for (const entry of this.connections.values()) {
      if (entry.facts.closedAt >= 0) closed++;
      streams += entry.streams.size;
    }
    for (const [id, entry] of this.connections) {
      const size = entry.streams.size;
      if (closed > MAX_CLOSED_CONNECTIONS && entry.facts.closedAt >= 0) {
        this.connections.delete(id);
        closed--;
        streams -= size;
        continue;
      }
      const surplus = Math.max(size - MAX_STREAMS_PER_CONNECTION, streams - MAX_STREAMS);
      if (surplus <= 0) continue;
      dropClosed(entry, surplus);
      streams -= size - entry.streams.size;
    }
  }
}

function dropClosed(entry: ConnectionEntry, most: number): void {
  let left = most;
  for (const stream of entry.streams.keys()) {
    if (left === 0) return;
    if (entry.open.has(stream)) continue;
    entry.streams.delete(stream);
    left--;
  }
}
