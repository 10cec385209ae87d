/**
 * The rows of several hubs in one book. Each hub says what is true of its own connections and when something is forgotten,
 * and that is repeated; only of a hub that is gone, the last word is spoken here.
 */
import { backendKey, type Changes, type ReasonFacts, StateNumber } from '@glassway/inspector-protocol';
import { ItemLog } from '../hub/item-log.ts';
import { ConnectionModel, RowBook, type StreamModel } from '../hub/row-book.ts';

/** Connections of hubs that are gone, kept for looking at. */
const MAX_ENDED = 4096;
/** Connections of which nothing but frames are known: their rows were forgotten before the frames came, or come later. */
const MAX_WITHOUT_ROW = 10_000;

/** The rows. `Owner`: whatever stands for a hub. */
export class MergedRows<Owner> extends RowBook {
  readonly #owners = new Map<number, Owner>();
  readonly #ofOwner = new Map<Owner, Set<number>>();
  #ended = new ItemLog<ConnectionModel>(MAX_ENDED);

  /** The hub that a connection is of. */
  ownerOf(connection: number): Owner | undefined {
    return this.#owners.get(connection);
  }

  /** Connections of a hub, also those of which nothing but frames are known. */
  connectionsOf(owner: Owner): ReadonlySet<number> {
    return this.#ofOwner.get(owner) ?? new Set();
  }

  /** A connection is of this hub. */
  own(owner: Owner, connection: number): void {
    if (this.#owners.get(connection) === owner) return;
    this.#owners.set(connection, owner);
    let owned = this.#ofOwner.get(owner);
    if (owned === undefined) {
      owned = new Set();
      this.#ofOwner.set(owner, owned);
    }
    owned.add(connection);
  }

  /** Takes in rows of a hub. `reset`: whatever of it is not named is gone. */
  apply(owner: Owner, rows: Changes, reset: boolean): void {
    if (this.#owners.size > this.connections.size + MAX_WITHOUT_ROW) this.#forgetWithoutRow();
    if (reset) this.#forgetOthers(owner, rows);
    for (const state of rows.backends) this.setBackend(backendKey(state.url, state.worker), state);
    for (const facts of rows.connections) {
      this.own(owner, facts.id);
      const connection = this.connections.get(facts.id) ?? this.#add(facts.id, facts.openedAt, facts.worker ?? 0);
      connection.facts = facts;
      connection.closed = facts.closedAt >= 0;
      this.touchConnectionFacts(connection);
    }
    for (const state of rows.connectionStates) {
      const connection = this.connections.get(state.id);
      if (connection === undefined) continue;
      connection.state = state;
      this.touchConnectionState(connection);
    }
    for (const facts of rows.streams) {
      const stream = this.#stream(facts.connection, facts.stream, -1);
      if (stream === null) continue;
      stream.facts = facts;
      this.touchFacts(stream);
    }
    for (const state of rows.streamStates) {
      const stream = this.#stream(state.connection, state.stream, state.openedAt);
      if (stream === null) continue;
      stream.state = state;
      if (state.closedAt >= 0 || state.state === StateNumber.CLOSED)
        this.closeStream(this.connections.get(state.connection), stream);
      this.touchState(stream);
    }
    for (const id of rows.forgottenConnections) {
      const connection = this.connections.get(id);
      if (connection !== undefined && this.#owners.get(id) === owner) this.#drop(connection);
    }
    for (const [id, streamId] of rows.forgottenStreams) {
      const connection = this.connections.get(id);
      const stream = connection?.streams.get(streamId);
      if (stream !== undefined && this.#owners.get(id) === owner) this.forgetStream(connection!, stream);
    }
  }

  /** A section of a stream is at this place of the log. */
  sectionAt(connection: number, stream: number, position: number): void {
    this.connections.get(connection)?.streams.get(stream)?.sectionAt(position);
  }

  /**
   * The hub of a connection is gone, and the connection with it: `frames` are all it ever produced. True when the connection
   * was open until now.
   */
  end(id: number, worker: number, t: number, reason: ReasonFacts, frames: readonly number[]): boolean {
    const connection = this.connections.get(id) ?? this.#add(id, t, worker);
    const wasOpen = !connection.closed;
    connection.state = { ...connection.state, frames };
    const oldest = this.#ended.replaceOldest(connection);
    if (oldest !== undefined) this.forgetConnection(oldest);
    if (wasOpen) {
      connection.end(t, reason);
      this.touchConnectionFacts(connection);
      for (const stream of connection.open) {
        this.closeStream(connection, stream);
        stream.cutOff(t);
        stream.facts = { ...stream.facts, reason };
        this.touchFacts(stream);
        this.touchState(stream);
      }
    }
    this.touchConnectionState(connection);
    return wasOpen;
  }

  /** All connections of a hub were ended: nobody owns them any more, and only the newest of such are kept. */
  disown(owner: Owner): void {
    for (const id of this.connectionsOf(owner)) this.#owners.delete(id);
    this.#ofOwner.delete(owner);
  }

  /** Forgets everything. */
  clear(): void {
    for (const connection of [...this.connections.values()]) this.#drop(connection);
    this.#owners.clear();
    this.#ofOwner.clear();
    this.backends.clear();
    this.#ended = new ItemLog(MAX_ENDED);
    this.forgottenBefore = ++this.change;
  }

  #forgetWithoutRow(): void {
    for (const [id, owner] of this.#owners) {
      if (this.connections.has(id)) continue;
      this.#owners.delete(id);
      this.#ofOwner.get(owner)!.delete(id);
      this.onForgotten(id);
    }
  }

  #forgetOthers(owner: Owner, rows: Changes): void {
    const named = new Set(rows.connections.map(({ id }) => id));
    const streams = new Set([...rows.streams, ...rows.streamStates].map(row => `${row.connection}:${row.stream}`));
    for (const id of [...this.connectionsOf(owner)]) {
      const connection = this.connections.get(id);
      if (connection === undefined) continue;
      if (!named.has(id)) {
        this.#drop(connection);
        continue;
      }
      for (const stream of [...connection.streams.values()]) {
        if (!streams.has(`${id}:${stream.facts.stream}`)) this.forgetStream(connection, stream);
      }
    }
  }

  #drop(connection: ConnectionModel): void {
    const { id } = connection.facts;
    const owner = this.#owners.get(id);
    if (owner !== undefined) this.#ofOwner.get(owner)!.delete(id);
    this.#owners.delete(id);
    this.forgetConnection(connection);
  }

  #add(id: number, t: number, worker: number): ConnectionModel {
    const connection = new ConnectionModel(id, t, worker);
    this.connections.set(id, connection);
    this.touchConnectionFacts(connection);
    return connection;
  }

  /** Null: its connection is not known, so it was forgotten. */
  #stream(connection: number, id: number, t: number): StreamModel | null {
    const owner = this.connections.get(connection);
    if (owner === undefined) return null;
    return owner.streams.get(id) ?? this.addStream(owner, id, t);
  }
}
