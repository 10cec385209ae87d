/**
 * What is known of every connection and stream. Open ones follow the rows of shared memory; closed ones are kept up to
 * a number, oldest forgotten first. Memory is bounded by these numbers, not by traffic.
 */
import {
  type BackendState,
  backendKey,
  type ConnectionFacts,
  type ConnectionState,
  EventCode,
  type FieldSection,
  type LogEvent,
  SectionKind,
  StateNumber,
  type StreamState,
} from '@glassway/inspector-protocol';
import { StreamI } from '../slots.ts';
import type { StreamHead } from '../stream-heads.ts';
import { ClosedBudget } from './closed-budget.ts';
import type { HeadFacts } from './head-facts.ts';
import { ItemLog } from './item-log.ts';
import { ConnectionModel, RowBook, type StreamModel } from './row-book.ts';
import { mergeSettings } from './rows.ts';
import { readStream, type SlotFacts } from './slot-reader.ts';

/** How much of what is over is kept. */
export interface ModelLimits {
  /** Closed connections. Default 1000. */
  readonly closedConnections?: number;
  /** Closed streams of all connections. Default 10000. */
  readonly closedStreams?: number;
  /** The worker whose connections these are. Default 0: there is only one process. */
  readonly worker?: number;
}

/** What is known of one process. */
export class Model extends RowBook {
  readonly #closedConnections: ItemLog<ConnectionModel>;
  readonly #closedStreams: ItemLog<StreamModel>;
  readonly #closedBudget = new ClosedBudget();
  readonly #worker: number;

  constructor(limits: ModelLimits) {
    super();
    this.#closedConnections = new ItemLog(limits.closedConnections ?? 1000);
    this.#closedStreams = new ItemLog(limits.closedStreams ?? 10_000);
    this.#worker = limits.worker ?? 0;
  }

  #connection(id: number, t: number): ConnectionModel {
    let found = this.connections.get(id);
    if (found === undefined) {
      found = new ConnectionModel(id, t, this.#worker);
      this.connections.set(id, found);
      this.touchConnectionFacts(found);
    }
    return found;
  }

  #stream(connection: number, id: number, t: number): StreamModel {
    const owner = this.#connection(connection, t);
    return owner.streams.get(id) ?? this.addStream(owner, id, t);
  }

  #knownStream(connection: number, id: number): StreamModel | undefined {
    return this.connections.get(connection)?.streams.get(id);
  }

  /** The row of an open connection changed. */
  connectionRow(row: ConnectionState): void {
    const connection = this.#connection(row.id, row.lastActivityAt);
    if (connection.closed) return;
    connection.state = row;
    this.touchConnectionState(connection);
  }

  /** The row of an open stream changed. */
  streamRow(row: StreamState, facts: SlotFacts): void {
    const stream = this.#stream(row.connection, row.stream, row.openedAt);
    if (stream.closed) return;
    stream.state = row;
    this.touchState(stream);
    if (facts.status !== 0 && stream.facts.status === 0) {
      stream.facts.status = facts.status;
      this.touchFacts(stream);
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
    this.touchFacts(stream);
  }

  /** The last row of a connection. */
  connectionClosed(row: ConnectionState): void {
    const connection = this.#connection(row.id, row.lastActivityAt);
    connection.state = row;
    this.touchConnectionState(connection);
  }

  /** The last row of a stream. */
  streamClosed(f64: Float64Array, i32: Int32Array, base: number): void {
    const connection = i32[base * 2 + StreamI.CONNECTION]!;
    const id = i32[base * 2 + StreamI.STREAM]!;
    // Unknown: so many streams close that it is forgotten already.
    const stream = this.#knownStream(connection, id);
    if (stream === undefined) return;
    stream.state = readStream(f64, i32, base);
    this.touchState(stream);
    this.#close(stream);
  }

  /** A field section was decoded or encoded; `position` is its place in the log of sections. */
  section(section: FieldSection, head: HeadFacts, position: number): void {
    const owner = this.#connection(section.connection, section.t);
    if (head.inserts || section.fieldsOmitted > 0) owner.tables[section.direction].apply(section);
    const opens = section.kind === SectionKind.REQUEST;
    const stream = opens
      ? this.#stream(section.connection, section.stream, section.t)
      : owner.streams.get(section.stream);
    if (stream === undefined) return;
    stream.sectionAt(position);
    if (section.kind === SectionKind.INFORMATIONAL || section.kind === SectionKind.PUSH) return;
    const { facts } = stream;
    const response = section.kind === SectionKind.RESPONSE;
    if (head.method !== null) facts.method = head.method;
    if (head.scheme !== null) facts.scheme = head.scheme;
    if (head.path !== null) facts.path = head.path;
    if (head.status !== -1) facts.status = head.status;
    if (head.authority !== null) facts.authority = head.authority;
    if (head.host !== null && opens && facts.authority === '') facts.authority = head.host;
    if (head.grpcStatus !== -1) facts.grpcStatus = head.grpcStatus;
    if (head.contentType !== null && response) facts.contentType = head.contentType;
    if (head.contentLength !== -1) facts[opens ? 'requestLength' : 'responseLength'] = head.contentLength;
    if (head.trailer && response) facts.announcesTrailers = true;
    this.touchFacts(stream);
  }

  /** An event that is numbers alone, see `EventCode`. */
  numbers(code: number, t: number, connection: number, stream: number, a: number, b: number): void {
    if (code === EventCode.STREAM_STATE) this.#moved(connection, stream, a, b, t);
    else if (code === EventCode.PAIRED) {
      this.#pair(connection, stream, a, b, t);
      this.#pair(a, b, connection, stream, t);
    }
  }

  #moved(connection: number, id: number, from: number, to: number, t: number): void {
    if (from !== 0 && this.#knownStream(connection, id) === undefined) return;
    const stream = this.#stream(connection, id, t);
    if (stream.closed) return;
    stream.moved(to, to === StateNumber.CLOSED ? t : -1);
    this.touchState(stream);
    if (to === StateNumber.CLOSED) this.#close(stream);
  }

  /** Something else happened. */
  event(event: LogEvent): void {
    switch (event.kind) {
      case 'connection-opened': {
        const connection = this.#connection(event.connection, event.t);
        const { settings, goAwaySent, goAwayReceived, tableMax } = connection.facts;
        connection.facts = { ...event.facts, settings, goAwaySent, goAwayReceived, tableMax };
        this.touchConnectionFacts(connection);
        return;
      }
      case 'connection-closed':
        this.#closeConnection(event.connection, event.t, event.reason);
        return;
      case 'waiting': {
        const stream = this.#knownStream(event.connection, event.stream);
        if (stream === undefined) return;
        stream.facts.waitsFor = event.backend;
        this.touchFacts(stream);
        return;
      }
      case 'backend-waits': {
        const { backend: url, obstacle, connection } = event;
        const own = this.#worker === 0 ? {} : { worker: this.#worker };
        const state: BackendState = { url, ...own, obstacle, connection };
        this.setBackend(backendKey(url, this.#worker), state);
        return;
      }
      case 'reset': {
        const stream = this.#knownStream(event.connection, event.stream);
        if (stream === undefined) return;
        stream.facts.reset = { code: event.code, initiator: event.initiator, reason: event.reason };
        this.touchFacts(stream);
        return;
      }
      case 'reasoned': {
        const stream = this.#knownStream(event.connection, event.stream);
        if (stream === undefined) return;
        stream.facts.reason = event.reason;
        this.touchFacts(stream);
        return;
      }
      case 'settings': {
        const connection = this.#connection(event.connection, event.t);
        const merged = mergeSettings(connection.facts.settings[event.event], event.pairs);
        connection.facts.settings = { ...connection.facts.settings, [event.event]: merged };
        this.touchConnectionFacts(connection);
        return;
      }
      case 'goaway': {
        const connection = this.#connection(event.connection, event.t);
        const facts = { lastStreamId: event.lastStreamId, code: event.code, debug: event.debug, at: event.t };
        if (event.direction === 0) connection.facts.goAwayReceived = facts;
        else connection.facts.goAwaySent = facts;
        this.touchConnectionFacts(connection);
        return;
      }
      case 'table-resized': {
        const connection = this.#connection(event.connection, event.t);
        connection.tables[event.direction].resize(event.maxSize);
        const [received, sent] = connection.tables;
        connection.facts.tableMax = { received: received.maxSize, sent: sent.maxSize };
        this.touchConnectionFacts(connection);
        return;
      }
      case 'violation':
      case 'limit-near':
      case 'verdict':
      case 'stream-state':
      case 'paired':
      case 'send-blocked':
        return;
    }
  }

  #pair(connection: number, stream: number, otherConnection: number, otherStream: number, t: number): void {
    // The pair may be known before the stream's first frame is cut.
    if (this.connections.get(connection)?.closed !== false) return;
    const found = this.#stream(connection, stream, t);
    found.facts.pair = { connection: otherConnection, stream: otherStream };
    this.touchFacts(found);
  }

  #closeConnection(id: number, t: number, reason: ConnectionFacts['closeReason']): void {
    const connection = this.#connection(id, t);
    if (connection.closed) return;
    connection.end(t, reason);
    this.touchConnectionFacts(connection);
    this.touchConnectionState(connection);
    for (const stream of connection.open) this.#closeAt(stream, t);
    const oldest = this.#closedConnections.replaceOldest(connection);
    if (oldest !== undefined) this.forgetConnection(oldest);
  }

  #closeAt(stream: StreamModel, t: number): void {
    stream.cutOff(t);
    this.touchState(stream);
    this.#close(stream);
  }

  #close(stream: StreamModel): void {
    if (stream.closed) return;
    this.closeStream(this.connections.get(stream.facts.connection), stream);
    if (!stream.remarkable && !this.#closedBudget.take()) {
      this.#drop(stream);
      return;
    }
    const oldest = this.#closedStreams.replaceOldest(stream);
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(stream: StreamModel): void {
    const { connection, stream: id } = stream.facts;
    // Its connection may have been forgotten, and it with it.
    const owner = this.connections.get(connection);
    if (owner?.streams.get(id) === stream) this.forgetStream(owner, stream);
  }

  /** Call before each state that is told. */
  newRound(now: number): void {
    this.#closedBudget.update(now);
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
      for (const stream of connection.open) {
        if (!present.has(`${id}:${stream.facts.stream}`)) this.#closeAt(stream, t);
      }
    }
  }
}
