/**
 * What is known of every connection and stream. Open ones follow the rows of shared memory; closed ones are kept up to
 * a number, oldest forgotten first. Memory is bounded by these numbers, not by traffic.
 */
import {
  type BackendState,
  Blocked,
  type Changes,
  type ConnectionFacts,
  type ConnectionState,
  emptyConnectionState,
  emptyStreamFacts,
  emptyStreamState,
  type FieldSection,
  type LogEvent,
  Representation,
  SectionKind,
  type StreamFacts,
  type StreamState,
} from '@glassway/inspector-protocol';
import type { StreamHead } from '../stream-heads.ts';
import { ChangeList, type Changing } from './change-list.ts';
import { DynamicTable } from './dynamic-table.ts';
import { ItemLog } from './item-log.ts';
import { mergeSettings, unknownConnection } from './rows.ts';
import type { SlotFacts } from './slot-reader.ts';

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

const CLOSED = 6;
/** Sections of one stream that are remembered for asking. */
const MAX_STREAM_SECTIONS = 16;
/** Forgotten keys that are remembered for viewers that were away; a viewer further behind gets everything anew. */
const MAX_FORGOTTEN = 20_000;

/** How much of what is over is kept. */
export interface ModelLimits {
  /** Closed connections. Default 1000. */
  readonly closedConnections?: number;
  /** Closed streams of all connections. Default 10000. */
  readonly closedStreams?: number;
}

/** A stream as known. */
export class StreamModel implements Changing<StreamModel> {
  changed = 0;
  before: StreamModel | null = null;
  after: StreamModel | null = null;
  factsChanged = 0;
  stateChanged = 0;
  closed = false;
  readonly facts: Mutable<StreamFacts>;
  state: StreamState;
  /** Positions of its sections in the log of sections; old ones may have left it. */
  readonly sections: number[] = [];

  constructor(connection: number, stream: number, t: number) {
    this.facts = emptyStreamFacts(connection, stream);
    this.state = emptyStreamState(connection, stream, t);
  }
}

/** A connection as known. */
export class ConnectionModel implements Changing<ConnectionModel> {
  changed = 0;
  before: ConnectionModel | null = null;
  after: ConnectionModel | null = null;
  factsChanged = 0;
  stateChanged = 0;
  closed = false;
  facts: Mutable<ConnectionFacts>;
  state: ConnectionState;
  readonly streams: Map<number, StreamModel> = new Map();
  /** Dynamic tables by direction. */
  readonly tables: readonly [DynamicTable, DynamicTable] = [new DynamicTable(), new DynamicTable()];

  constructor(id: number, t: number) {
    this.facts = unknownConnection(id, t);
    this.state = emptyConnectionState(id, t);
  }
}

/** The connections and streams, and which of them changed when. */
export class Model {
  readonly connections: Map<number, ConnectionModel> = new Map();
  /** By URL; as many as are configured. */
  readonly backends: Map<string, { readonly state: BackendState; readonly changed: number }> = new Map();
  /** Number of the last change. */
  change = 0;
  /** A viewer that knows less than this must be told everything. */
  forgottenBefore = 0;
  readonly #closedConnections: ItemLog<ConnectionModel>;
  readonly #closedStreams: ItemLog<StreamModel>;
  readonly #connectionChanges = new ChangeList<ConnectionModel>();
  readonly #streamChanges = new ChangeList<StreamModel>();
  // Change number, connection, stream (-1: the whole connection); oldest first.
  readonly #forgotten: [number, number, number][] = [];
  /** Called when a connection is forgotten. */
  onForgotten: (connection: number) => void = () => {};

  constructor(limits: ModelLimits) {
    this.#closedConnections = new ItemLog(limits.closedConnections ?? 1000);
    this.#closedStreams = new ItemLog(limits.closedStreams ?? 10_000);
  }

  #connection(id: number, t: number): ConnectionModel {
    let found = this.connections.get(id);
    if (found === undefined) {
      found = new ConnectionModel(id, t);
      this.connections.set(id, found);
      this.#touchFacts(found);
    }
    return found;
  }

  #stream(connection: number, id: number, t: number): StreamModel {
    const owner = this.#connection(connection, t);
    let found = owner.streams.get(id);
    if (found === undefined) {
      found = new StreamModel(connection, id, t);
      owner.streams.set(id, found);
    }
    return found;
  }

  #knownStream(connection: number, id: number): StreamModel | undefined {
    return this.connections.get(connection)?.streams.get(id);
  }

  #touchFacts(item: ConnectionModel | StreamModel): void {
    item.factsChanged = ++this.change;
    this.#touch(item);
  }

  #touchState(item: ConnectionModel | StreamModel): void {
    item.stateChanged = ++this.change;
    this.#touch(item);
  }

  #touch(item: ConnectionModel | StreamModel): void {
    if (item instanceof ConnectionModel) this.#connectionChanges.touch(item, this.change);
    else this.#streamChanges.touch(item, this.change);
  }

  /** The row of an open connection changed. */
  connectionRow(row: ConnectionState): void {
    const connection = this.#connection(row.id, row.lastActivityAt);
    if (connection.closed) return;
    connection.state = row;
    this.#touchState(connection);
  }

  /** The row of an open stream changed. */
  streamRow(row: StreamState, facts: SlotFacts): void {
    const stream = this.#stream(row.connection, row.stream, row.openedAt);
    if (stream.closed) return;
    stream.state = row;
    this.#touchState(stream);
    if (facts.status !== 0 && stream.facts.status === 0) {
      stream.facts.status = facts.status;
      this.#touchFacts(stream);
    }
    if (facts.pairConnection !== 0 && stream.facts.pair === null) {
      this.#pair(row.connection, row.stream, facts.pairConnection, facts.pairStream, row.openedAt);
    }
  }

  /** What an open stream asks for, told again. */
  streamHead(connection: number, id: number, head: StreamHead): void {
    const stream = this.#knownStream(connection, id);
    if (stream === undefined || stream.facts.path !== '') return;
    const { method, scheme, authority, path } = head;
    Object.assign(stream.facts, { method, scheme, authority, path });
    this.#touchFacts(stream);
  }

  /** The last row of a connection. */
  connectionClosed(row: ConnectionState): void {
    const connection = this.#connection(row.id, row.lastActivityAt);
    connection.state = row;
    this.#touchState(connection);
  }

  /** The last row of a stream. */
  streamClosed(row: StreamState): void {
    // Unknown: so many streams closed in one turn that it is forgotten already.
    const stream = this.#knownStream(row.connection, row.stream);
    if (stream === undefined) return;
    stream.state = row;
    this.#touchState(stream);
    this.#close(stream);
  }

  /** A field section was decoded or encoded; `position` is its place in the log of sections. */
  section(section: FieldSection, position: number): void {
    const owner = this.#connection(section.connection, section.t);
    owner.tables[section.direction].apply(section);
    const opens = section.kind === SectionKind.REQUEST;
    const stream = opens
      ? this.#stream(section.connection, section.stream, section.t)
      : owner.streams.get(section.stream);
    if (stream === undefined) return;
    if (stream.sections.length < MAX_STREAM_SECTIONS) stream.sections.push(position);
    if (section.kind === SectionKind.INFORMATIONAL || section.kind === SectionKind.PUSH) return;
    const { facts } = stream;
    for (const { name, value, representation } of section.fields) {
      // HTTP/1.1 writes names as it likes.
      switch (representation === Representation.TEXT ? name.toLowerCase() : name) {
        case ':method':
          facts.method = value;
          break;
        case ':scheme':
          facts.scheme = value;
          break;
        case ':path':
          facts.path = value;
          break;
        case ':status':
          facts.status = Number(value);
          break;
        case ':authority':
          facts.authority = value;
          break;
        case 'grpc-status':
          facts.grpcStatus = Number(value);
          break;
        case 'content-type':
          if (section.kind === SectionKind.RESPONSE) facts.contentType = value;
          break;
        case 'content-length':
          if (/^\d{1,15}$/.test(value)) facts[opens ? 'requestLength' : 'responseLength'] = Number(value);
          break;
        case 'trailer':
          if (section.kind === SectionKind.RESPONSE) facts.announcesTrailers = true;
          break;
        case 'host':
          if (opens && facts.authority === '') facts.authority = value;
          break;
        default:
      }
    }
    this.#touchFacts(stream);
  }

  /** Something happened. */
  event(event: LogEvent): void {
    switch (event.kind) {
      case 'connection-opened': {
        const connection = this.#connection(event.connection, event.t);
        const { settings, goAwaySent, goAwayReceived, tableMax } = connection.facts;
        connection.facts = { ...event.facts, settings, goAwaySent, goAwayReceived, tableMax };
        this.#touchFacts(connection);
        return;
      }
      case 'connection-closed':
        this.#closeConnection(event.connection, event.t, event.reason);
        return;
      case 'stream-state': {
        if (event.from !== 0 && this.#knownStream(event.connection, event.stream) === undefined) return;
        const stream = this.#stream(event.connection, event.stream, event.t);
        if (stream.closed) return;
        const closedAt = event.to === CLOSED ? event.t : -1;
        stream.state = { ...stream.state, state: event.to, closedAt };
        this.#touchState(stream);
        if (event.to === CLOSED) this.#close(stream);
        return;
      }
      case 'waiting': {
        const stream = this.#knownStream(event.connection, event.stream);
        if (stream === undefined) return;
        stream.facts.waitsFor = event.backend;
        this.#touchFacts(stream);
        return;
      }
      case 'backend-waits': {
        const { backend: url, obstacle, connection } = event;
        this.backends.set(url, { state: { url, obstacle, connection }, changed: ++this.change });
        return;
      }
      case 'paired':
        this.#pair(event.connection, event.stream, event.backendConnection, event.backendStream, event.t);
        this.#pair(event.backendConnection, event.backendStream, event.connection, event.stream, event.t);
        return;
      case 'reset': {
        const stream = this.#knownStream(event.connection, event.stream);
        if (stream === undefined) return;
        stream.facts.reset = { code: event.code, initiator: event.initiator, reason: event.reason };
        this.#touchFacts(stream);
        return;
      }
      case 'reasoned': {
        const stream = this.#knownStream(event.connection, event.stream);
        if (stream === undefined) return;
        stream.facts.reason = event.reason;
        this.#touchFacts(stream);
        return;
      }
      case 'settings': {
        const connection = this.#connection(event.connection, event.t);
        const merged = mergeSettings(connection.facts.settings[event.event], event.pairs);
        connection.facts.settings = { ...connection.facts.settings, [event.event]: merged };
        this.#touchFacts(connection);
        return;
      }
      case 'goaway': {
        const connection = this.#connection(event.connection, event.t);
        const facts = { lastStreamId: event.lastStreamId, code: event.code, debug: event.debug, at: event.t };
        if (event.direction === 0) connection.facts.goAwayReceived = facts;
        else connection.facts.goAwaySent = facts;
        this.#touchFacts(connection);
        return;
      }
      case 'table-resized': {
        const connection = this.#connection(event.connection, event.t);
        connection.tables[event.direction].resize(event.maxSize);
        const [received, sent] = connection.tables;
        connection.facts.tableMax = { received: received.maxSize, sent: sent.maxSize };
        this.#touchFacts(connection);
        return;
      }
      case 'violation':
      case 'verdict':
      case 'send-blocked':
        return;
    }
  }

  #pair(connection: number, stream: number, otherConnection: number, otherStream: number, t: number): void {
    // The pair may be known before the stream's first frame is cut.
    if (this.connections.get(connection)?.closed !== false) return;
    const found = this.#stream(connection, stream, t);
    found.facts.pair = { connection: otherConnection, stream: otherStream };
    this.#touchFacts(found);
  }

  #closeConnection(id: number, t: number, reason: ConnectionFacts['closeReason']): void {
    const connection = this.#connection(id, t);
    if (connection.closed) return;
    connection.closed = true;
    connection.facts.closedAt = t;
    connection.facts.closeReason = reason;
    connection.state = {
      ...connection.state,
      openStreams: 0,
      blocked: Blocked.NOT,
      blockedSince: -1,
      blockedStreams: 0,
    };
    this.#touchFacts(connection);
    this.#touchState(connection);
    for (const stream of connection.streams.values()) if (!stream.closed) this.#closeAt(stream, t);
    const oldest = this.#closedConnections.replaceOldest(connection);
    if (oldest === undefined) return;
    this.connections.delete(oldest.facts.id);
    this.#connectionChanges.remove(oldest);
    for (const stream of oldest.streams.values()) if (stream.changed > 0) this.#streamChanges.remove(stream);
    oldest.streams.clear();
    this.#forget(oldest.facts.id, -1);
    this.onForgotten(oldest.facts.id);
  }

  #closeAt(stream: StreamModel, t: number): void {
    stream.state = { ...stream.state, state: CLOSED, closedAt: t, blocked: Blocked.NOT, blockedSince: -1 };
    this.#touchState(stream);
    this.#close(stream);
  }

  #close(stream: StreamModel): void {
    if (stream.closed) return;
    stream.closed = true;
    const oldest = this.#closedStreams.replaceOldest(stream);
    if (oldest === undefined) return;
    const { connection, stream: id } = oldest.facts;
    // Its connection may have been forgotten, and it with it.
    if (this.connections.get(connection)?.streams.get(id) !== oldest) return;
    this.connections.get(connection)!.streams.delete(id);
    this.#streamChanges.remove(oldest);
    this.#forget(connection, id);
  }

  #forget(connection: number, stream: number): void {
    this.#forgotten.push([++this.change, connection, stream]);
    if (this.#forgotten.length > 2 * MAX_FORGOTTEN) {
      const cut = this.#forgotten.splice(0, MAX_FORGOTTEN);
      this.forgottenBefore = cut[cut.length - 1]![0];
    }
  }

  /** Field sections were lost: no table is what it was. */
  sectionsLost(): void {
    for (const connection of this.connections.values()) {
      if (!connection.closed) for (const table of connection.tables) table.lost();
    }
  }

  /** Entries were lost: whatever has no row any more is over. */
  resync(present: ReadonlySet<string>, t: number): void {
    for (const connection of [...this.connections.values()]) {
      if (connection.closed) continue;
      const { id } = connection.facts;
      if (!present.has(`${id}`)) {
        this.#closeConnection(id, t, null);
        continue;
      }
      for (const stream of connection.streams.values()) {
        if (!stream.closed && !present.has(`${id}:${stream.facts.stream}`)) this.#closeAt(stream, t);
      }
    }
  }

  /** Closed connections that are kept, with their last frame counters. */
  *closedCounters(): Iterable<readonly [connection: number, frames: readonly number[]]> {
    for (const [id, connection] of this.connections) if (connection.closed) yield [id, connection.state.frames];
  }

  /** What changed after change number `since`; 0: everything. */
  changes(since: number): Changes {
    const connections: ConnectionFacts[] = [];
    const connectionStates: ConnectionState[] = [];
    const streams: StreamFacts[] = [];
    const streamStates: StreamState[] = [];
    this.#connectionChanges.since(since, connection => {
      if (connection.factsChanged > since) connections.push(connection.facts);
      if (connection.stateChanged > since) connectionStates.push(connection.state);
    });
    this.#streamChanges.since(since, stream => {
      if (stream.factsChanged > since) streams.push(stream.facts);
      if (stream.stateChanged > since) streamStates.push(stream.state);
    });
    // Newest first so far; a reader wants to see them in the order in which they came about.
    connections.reverse();
    connectionStates.reverse();
    streams.reverse();
    streamStates.reverse();
    const forgottenConnections: number[] = [];
    const forgottenStreams: [number, number][] = [];
    for (let i = this.#forgotten.length - 1; since > 0 && i >= 0 && this.#forgotten[i]![0] > since; i--) {
      const [, connection, stream] = this.#forgotten[i]!;
      if (stream < 0) forgottenConnections.push(connection);
      else forgottenStreams.push([connection, stream]);
    }
    const backends = [...this.backends.values()].filter(each => each.changed > since).map(each => each.state);
    return { backends, connections, connectionStates, streams, streamStates, forgottenConnections, forgottenStreams };
  }
}
