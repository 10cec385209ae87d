/** Rows of connections and streams in the order in which they changed, so that every viewer is told what it does not know. */
import {
  type BackendState,
  Blocked,
  type Changes,
  type ConnectionFacts,
  type ConnectionState,
  emptyConnectionState,
  emptyStreamFacts,
  emptyStreamState,
  StateNumber,
  type StreamFacts,
  type StreamState,
} from '@glassway/inspector-protocol';
import { ChangeList, type Changing } from './change-list.ts';
import { DynamicTable } from './dynamic-table.ts';
import { unknownConnection } from './rows.ts';

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Sections of one stream that are remembered for asking. */
const MAX_STREAM_SECTIONS = 16;
/** Forgotten keys that are remembered for viewers that were away; a viewer further behind gets everything anew. */
const MAX_FORGOTTEN = 20_000;

/** A stream as known. */
export class StreamModel implements Changing<StreamModel> {
  changed = 0;
  before: StreamModel | null = null;
  after: StreamModel | null = null;
  factsChanged = 0;
  stateChanged = 0;
  closed = false;
  /** Number of the change that brought it. */
  readonly since: number;
  facts: Mutable<StreamFacts>;
  /** Positions of its sections in the log of sections; old ones may have left it. */
  readonly sections: number[] = [];
  // Made when it is asked for: under load most streams come and go before anybody does.
  #row: StreamState | null = null;
  #state = 0;
  #closedAt = -1;
  readonly #openedAt: number;

  constructor(connection: number, stream: number, t: number, since: number) {
    this.facts = emptyStreamFacts(connection, stream);
    this.since = since;
    this.#openedAt = t;
  }

  get state(): StreamState {
    this.#row ??= {
      ...emptyStreamState(this.facts.connection, this.facts.stream, this.#openedAt),
      state: this.#state,
      closedAt: this.#closedAt,
    };
    return this.#row;
  }

  set state(row: StreamState) {
    this.#row = row;
  }

  /** A transition of RFC 9113 5.1; `closedAt` is -1 unless it is the last. */
  moved(state: number, closedAt: number): void {
    this.#state = state;
    this.#closedAt = closedAt;
    if (this.#row !== null) this.#row = { ...this.#row, state, closedAt };
  }

  /** A section of it is at this place of the log of sections. */
  sectionAt(position: number): void {
    if (this.sections.length < MAX_STREAM_SECTIONS) this.sections.push(position);
  }

  /** Its connection has ended. */
  cutOff(t: number): void {
    this.state = { ...this.state, state: StateNumber.CLOSED, closedAt: t, blocked: Blocked.NOT, blockedSince: -1 };
  }

  /** True for what a person looks for. */
  get remarkable(): boolean {
    const { reset, reason, grpcStatus, status } = this.facts;
    return reset !== null || reason !== null || grpcStatus > 0 || status >= 500;
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
  /** Those of them that are not closed. */
  readonly open: Set<StreamModel> = new Set();
  /** Dynamic tables by direction. */
  readonly tables: readonly [DynamicTable, DynamicTable] = [new DynamicTable(), new DynamicTable()];

  constructor(id: number, t: number, worker: number) {
    this.facts = unknownConnection(id, t, worker);
    this.state = emptyConnectionState(id, t);
  }

  /** It has ended, which its streams are to be told. */
  end(t: number, reason: ConnectionFacts['closeReason']): void {
    this.closed = true;
    this.facts = { ...this.facts, closedAt: t, closeReason: reason };
    this.state = { ...this.state, openStreams: 0, blocked: Blocked.NOT, blockedSince: -1, blockedStreams: 0 };
  }
}

/** The rows, and which of them changed when. What they say, and when one is over, subclasses know. */
export class RowBook {
  readonly connections: Map<number, ConnectionModel> = new Map();
  /** By `backendKey`; as many as are configured. */
  readonly backends: Map<string, { readonly state: BackendState; readonly changed: number }> = new Map();
  /** Number of the last change. */
  change = 0;
  /** Number of the last change that any viewer was told. */
  told = 0;
  /** A viewer that knows less than this must be told everything. */
  forgottenBefore = 0;
  /** Called when a connection is forgotten. */
  onForgotten: (connection: number) => void = () => {};
  readonly #connectionChanges = new ChangeList<ConnectionModel>();
  readonly #streamChanges = new ChangeList<StreamModel>();
  // Change number, connection, stream (-1: the whole connection); oldest first.
  readonly #forgotten: [number, number, number][] = [];

  /** Which leg a connection is on; 0 for one that is not known. */
  legOf(connection: number): 0 | 1 {
    return this.connections.get(connection)?.facts.leg ?? 0;
  }

  protected touchConnectionFacts(connection: ConnectionModel): void {
    connection.factsChanged = ++this.change;
    this.#connectionChanges.touch(connection, this.change);
  }

  protected touchConnectionState(connection: ConnectionModel): void {
    connection.stateChanged = ++this.change;
    this.#connectionChanges.touch(connection, this.change);
  }

  protected touchFacts(stream: StreamModel): void {
    stream.factsChanged = ++this.change;
    this.#streamChanges.touch(stream, this.change);
  }

  protected touchState(stream: StreamModel): void {
    stream.stateChanged = ++this.change;
    this.#streamChanges.touch(stream, this.change);
  }

  /** A stream that is new on this connection. */
  protected addStream(owner: ConnectionModel, id: number, t: number): StreamModel {
    const stream = new StreamModel(owner.facts.id, id, t, this.change + 1);
    owner.streams.set(id, stream);
    owner.open.add(stream);
    return stream;
  }

  /** It is over. */
  protected closeStream(owner: ConnectionModel | undefined, stream: StreamModel): void {
    stream.closed = true;
    owner?.open.delete(stream);
  }

  protected setBackend(key: string, state: BackendState): void {
    this.backends.set(key, { state, changed: ++this.change });
  }

  protected forgetConnection(connection: ConnectionModel): void {
    const { id } = connection.facts;
    this.connections.delete(id);
    this.#connectionChanges.remove(connection);
    for (const stream of connection.streams.values()) if (stream.changed > 0) this.#streamChanges.remove(stream);
    connection.streams.clear();
    this.#forget(id, -1);
    this.onForgotten(id);
  }

  protected forgetStream(owner: ConnectionModel, stream: StreamModel): void {
    owner.streams.delete(stream.facts.stream);
    owner.open.delete(stream);
    if (stream.changed > 0) this.#streamChanges.remove(stream);
    // Of one that nobody was told of, nobody needs to hear.
    if (stream.since <= this.told) this.#forget(owner.facts.id, stream.facts.stream);
  }

  #forget(connection: number, stream: number): void {
    this.#forgotten.push([++this.change, connection, stream]);
    if (this.#forgotten.length > 2 * MAX_FORGOTTEN) {
      const cut = this.#forgotten.splice(0, MAX_FORGOTTEN);
      this.forgottenBefore = cut[cut.length - 1]![0];
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
