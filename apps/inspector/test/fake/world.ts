/**
 * A gateway that is not there: connections whose frames, state and events are made up but consistent, so that the page
 * can be looked at and tested without a gateway. Times are microseconds since it began.
 */
import {
  type BackendState,
  type Changes,
  type ConnectionFacts,
  type ConnectionState,
  connectionWord,
  emptyConnectionState,
  emptyStreamFacts,
  emptyStreamState,
  type Field,
  type FieldSection,
  FrameType,
  type LogEvent,
  Mark,
  RECORD_BYTES,
  RecordWriter,
  type StreamFacts,
  type StreamState,
  type TableEntry,
  type TableView,
  typeBucket,
} from '@glassway/inspector-protocol';

/** Frame records kept. */
export const WORLD_RECORDS = 1 << 18;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Field lines in short: name, value, and how they stand on the wire. */
export type Line = readonly [name: string, value: string, representation?: number, index?: number];

const REDACTED = new Set(['cookie', 'set-cookie', 'authorization']);

/** Logs and rows. */
export class World {
  readonly buffer: ArrayBuffer = new ArrayBuffer(WORLD_RECORDS * RECORD_BYTES);
  readonly #writer = new RecordWriter(this.buffer, 0, WORLD_RECORDS);
  readonly sections: FieldSection[] = [];
  readonly events: LogEvent[] = [];
  readonly connections: FakeConnection[] = [];
  readonly backends: BackendState[] = [];
  /** Position after the newest frame. */
  head = 0;
  readonly #clock: () => number;
  readonly #began: number;

  /** `clock`: monotonic milliseconds; a test brings one that stands still. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#began = clock();
  }

  /** Now, in t. */
  get now(): number {
    return (this.#clock() - this.#began) * 1000;
  }

  /** Writes a record. */
  record(...fields: readonly [number, number, number, number, number, number, number, number, number, number]): void {
    const [connection, stream, length, type, flags, mark, ref, connectionWindow, streamWindow, aux] = fields;
    const at = this.head % WORLD_RECORDS;
    const seq = this.head >>> 0;
    this.#writer.write(
      at,
      this.now,
      seq,
      connection,
      stream,
      length,
      type,
      flags,
      mark,
      ref,
      connectionWindow,
      streamWindow,
      aux,
    );
    this.head++;
  }

  /** Opens a connection. */
  open(facts: Pick<ConnectionFacts, 'leg' | 'negotiation' | 'peer'> & Partial<ConnectionFacts>): FakeConnection {
    const made = new FakeConnection(this, this.connections.length + 1, facts);
    this.connections.push(made);
    this.events.push({
      t: this.now,
      seq: this.head,
      connection: made.id,
      kind: 'connection-opened',
      facts: made.facts,
    });
    return made;
  }

  /** Rows that changed since the last call; all of them with `all`. */
  changes(all: boolean): Changes {
    const rows: Mutable<Changes> = {
      backends: this.backends,
      connections: [],
      connectionStates: [],
      streams: [],
      streamStates: [],
      forgottenConnections: [],
      forgottenStreams: [],
    };
    for (const connection of this.connections) {
      if (all || connection.dirty) {
        rows.connections = [...rows.connections, { ...connection.facts }];
        rows.connectionStates = [
          ...rows.connectionStates,
          { ...connection.state, frames: [...connection.state.frames] },
        ];
      }
      const streams = all
        ? [...connection.streams.values()]
        : [...connection.changed].map(id => connection.streams.get(id)!);
      rows.streams = [...rows.streams, ...streams.map(stream => ({ ...stream.facts }))];
      rows.streamStates = [...rows.streamStates, ...streams.map(stream => ({ ...stream.state }))];
      if (!all) {
        connection.dirty = false;
        connection.changed.clear();
      }
    }
    return rows;
  }
}

/** One connection that is not there. */
export class FakeConnection {
  readonly id: number;
  readonly facts: Mutable<ConnectionFacts>;
  readonly state: Mutable<ConnectionState> & { frames: number[] };
  readonly streams: Map<number, { facts: Mutable<StreamFacts>; state: Mutable<StreamState> }> = new Map();
  readonly changed: Set<number> = new Set();
  /** Dynamic tables: received, sent. */
  readonly tables: readonly [FakeTable, FakeTable] = [newTable(), newTable()];
  dirty = true;
  readonly #world: World;

  constructor(
    world: World,
    id: number,
    facts: Pick<ConnectionFacts, 'leg' | 'negotiation' | 'peer'> & Partial<ConnectionFacts>,
  ) {
    this.#world = world;
    this.id = id;
    this.facts = {
      protocol: 'h2',
      local: '127.0.0.1:8443',
      tls: null,
      openedAt: world.now,
      closedAt: -1,
      closeReason: null,
      settings: { sent: [], acked: [], received: [] },
      goAwaySent: null,
      goAwayReceived: null,
      tableMax: { received: 4096, sent: 4096 },
      ...facts,
      id,
    };
    this.state = {
      ...emptyConnectionState(id, world.now),
      receiveWindow: 1_048_576,
      frames: new Array<number>(32).fill(0),
    };
  }

  /** A frame in (0) or out (1). */
  frame(direction: 0 | 1, type: number, stream: number, length: number, flags = 0, aux = 0, mark = 0): void {
    if (this.facts.protocol === 'http/1.1') return;
    const row = this.streams.get(stream)?.state;
    const receiving =
      (type === FrameType.DATA && direction === 0) || (type === FrameType.WINDOW_UPDATE && direction === 1);
    const windows = receiving
      ? [this.state.receiveWindow, row?.receiveWindow ?? 0]
      : [this.state.sendWindow, row?.sendWindow ?? 0];
    const word = connectionWord(this.id, this.facts.leg, direction);
    this.#world.record(word, stream, length, type, flags, mark, aux & 0xffff, windows[0]!, windows[1]!, aux);
    this.state.frames[(direction === 1 ? 16 : 0) + typeBucket(type)]!++;
    if (direction === 0) this.state.bytesReceived += length + 9;
    else this.state.bytesSent += length + 9;
    this.state.lastActivityAt = this.#world.now;
    this.dirty = true;
    if (row === undefined) return;
    if (direction === 0) row.framesReceived++;
    else row.framesSent++;
    if (type <= FrameType.HEADERS) row.lastProgressAt = this.#world.now;
    this.changed.add(stream);
  }

  /** SETTINGS both ways with their acknowledgements. */
  settings(
    sent: readonly (readonly [number, number])[],
    received: readonly (readonly [number, number])[],
    acked = true,
  ): void {
    this.frame(1, FrameType.SETTINGS, 0, sent.length * 6, 0, sent[0]?.[0] ?? 0);
    this.frame(0, FrameType.SETTINGS, 0, received.length * 6, 0, received[0]?.[0] ?? 0);
    this.frame(1, FrameType.SETTINGS, 0, 0, 1);
    if (acked) this.frame(0, FrameType.SETTINGS, 0, 0, 1);
    this.facts.settings = { sent, acked: acked ? sent : [], received };
  }

  /** Opens a stream with its request. `end`: it has no body. */
  request(stream: number, lines: readonly Line[], end = true): void {
    const value = (name: string): string => lines.find(line => line[0] === name)?.[1] ?? '';
    const peerInitial = this.facts.settings.received.find(([id]) => id === 4)?.[1] ?? 65_535;
    const now = this.#world.now;
    this.streams.set(stream, {
      facts: {
        ...emptyStreamFacts(this.id, stream),
        method: value(':method'),
        scheme: value(':scheme'),
        authority: value(':authority'),
        path: value(':path'),
      },
      state: { ...emptyStreamState(this.id, stream, now), sendWindow: peerInitial, receiveWindow: 262_144 },
    });
    this.state.totalStreams++;
    this.state.openStreams++;
    this.#move(stream, 3);
    this.#headers(this.facts.leg === 0 ? 0 : 1, stream, 0, lines, end);
  }

  /** The response's head (kind 1) or trailers (kind 3). */
  respond(stream: number, lines: readonly Line[], end = false, kind: 1 | 3 = 1): void {
    const facts = this.streams.get(stream)?.facts;
    if (facts === undefined) return;
    const value = (name: string): string => lines.find(line => line[0] === name)?.[1] ?? '';
    if (kind === 1) {
      facts.status = Number(value(':status'));
      facts.contentType = value('content-type');
    } else if (value('grpc-status') !== '') facts.grpcStatus = Number(value('grpc-status'));
    this.#headers(this.facts.leg === 0 ? 1 : 0, stream, kind, lines, end);
  }

  /** DATA in or out. The caller minds the windows. */
  data(direction: 0 | 1, stream: number, length: number, end = false): void {
    const row = this.streams.get(stream)?.state;
    if (row === undefined || row.closedAt >= 0) return;
    if (direction === 1) {
      this.state.sendWindow -= length;
      row.sendWindow -= length;
      row.bytesSent += length;
    } else {
      this.state.receiveWindow -= length;
      row.receiveWindow -= length;
      row.bytesReceived += length;
    }
    this.frame(direction, FrameType.DATA, stream, length, end ? 1 : 0);
    if (end) this.#end(direction, stream);
  }

  /** WINDOW_UPDATE: received it raises what may be sent, sent what the peer may send. */
  grant(direction: 0 | 1, stream: number, increment: number): void {
    const row = stream === 0 ? this.state : this.streams.get(stream)?.state;
    if (row === undefined) return;
    if (direction === 0) row.sendWindow += increment;
    else row.receiveWindow += increment;
    this.frame(direction, FrameType.WINDOW_UPDATE, stream, 4, 0, increment);
  }

  /** PING and its answer. */
  ping(rttUs: number): void {
    this.frame(1, FrameType.PING, 0, 8);
    this.frame(0, FrameType.PING, 0, 8, 1);
    this.state.pingRttUs = rttUs;
  }

  /** RST_STREAM. */
  reset(direction: 0 | 1, stream: number, code: number, reason = ''): void {
    const entry = this.streams.get(stream);
    if (entry === undefined) return;
    this.frame(direction, FrameType.RST_STREAM, stream, 4, 0, code);
    const initiator = direction === 0 ? 'remote' : 'library';
    entry.facts.reset = { code, initiator, reason };
    this.state[direction === 0 ? 'resetsReceived' : 'resetsSent']++;
    this.#event({ kind: 'reset', stream, code, initiator, reason });
    this.#close(stream);
  }

  /** A broken rule. */
  violation(rule: string, rfc: string, stream: number, message: string): void {
    this.state.violations++;
    this.dirty = true;
    this.#event({ kind: 'violation', rule, rfc, stream, frameType: 0, message });
  }

  /** Most of a limit is used. */
  limitNear(rule: string, text: string, used: number, limit: number): void {
    this.#event({ kind: 'limit-near', rule, text, used, limit });
  }

  /** GOAWAY. */
  goAway(direction: 0 | 1, code: number, debug: string): void {
    const lastStreamId = Math.max(0, ...this.streams.keys());
    this.frame(direction, FrameType.GOAWAY, 0, 8 + debug.length, 0, code);
    const facts = { lastStreamId, code, debug, at: this.#world.now };
    if (direction === 1) this.facts.goAwaySent = facts;
    else this.facts.goAwayReceived = facts;
    this.#event({ kind: 'goaway', direction, lastStreamId, code, debug });
  }

  /** Joins a client stream to a backend stream. */
  pair(stream: number, backend: FakeConnection, backendStream: number): void {
    this.streams.get(stream)!.facts.pair = { connection: backend.id, stream: backendStream };
    backend.streams.get(backendStream)!.facts.pair = { connection: this.id, stream };
    this.changed.add(stream);
    backend.changed.add(backendStream);
  }

  /** A stream may not send (cause 1, 2 or 3), or may again (0). */
  block(stream: number, cause: 0 | 1 | 2 | 3, pendingBytes: number): void {
    const row = this.streams.get(stream)?.state;
    if (row === undefined || row.blocked === cause) return;
    const now = this.#world.now;
    if (cause === 0) row.stalledSince = -1;
    else if (row.stalledSince < 0) row.stalledSince = now;
    if (cause === 2) row.sendWindow = Math.min(0, row.sendWindow);
    if (cause === 1) this.state.sendWindow = Math.min(0, this.state.sendWindow);
    this.state.transportFullSince = cause === 3 ? now : -1;
    if (row.blocked === 1) row.blockedConnectionUs += now - row.blockedSince;
    if (row.blocked === 2) row.blockedStreamUs += now - row.blockedSince;
    row.blocked = cause;
    row.blockedSince = cause === 0 ? -1 : now;
    row.pendingBytes = pendingBytes;
    const waiting = [...this.streams.values()].filter(({ state }) => state.blocked === 1).length;
    this.state.blockedStreams = waiting;
    if (waiting === 0) this.state.blockedSince = -1;
    else if (this.state.blocked !== 1) this.state.blockedSince = now;
    this.state.blocked = waiting === 0 ? 0 : 1;
    this.changed.add(stream);
    this.dirty = true;
    this.#event({ kind: 'send-blocked', stream, cause, pendingBytes });
  }

  /** The gateway holds octets back. */
  withhold(stream: number, bytes: number): void {
    const row = this.streams.get(stream)?.state;
    if (row === undefined) return;
    row.withheldBytes = bytes;
    row.withheldSince = bytes > 0 ? this.#world.now : -1;
    this.state.withheldBytes = [...this.streams.values()].reduce((sum, { state }) => sum + state.withheldBytes, 0);
    this.changed.add(stream);
  }

  /** The connection is gone. */
  close(reason: ConnectionFacts['closeReason'] = null): void {
    this.facts.closedAt = this.#world.now;
    this.facts.closeReason = reason;
    this.state.openStreams = 0;
    this.dirty = true;
    this.#event({ kind: 'connection-closed', reason });
  }

  #headers(direction: 0 | 1, stream: number, kind: 0 | 1 | 3, lines: readonly Line[], end: boolean): void {
    const fields = lines.map(fieldOf);
    const wireBytes = fields.reduce((sum, field) => sum + field.wireBytes, 0);
    const plain = fields.reduce((sum, field) => sum + field.name.length + field.valueBytes, 0);
    const section = this.#world.sections.length + 1;
    const t = this.#world.now;
    this.#world.sections.push({
      section,
      t,
      connection: this.id,
      stream,
      direction,
      kind,
      wireBytes,
      fields,
      fieldsOmitted: 0,
    });
    for (const field of fields) this.#insert(this.tables[direction], field);
    this.state[direction === 0 ? 'sectionBytesReceived' : 'sectionBytesSent'] += wireBytes;
    this.state[direction === 0 ? 'fieldBytesReceived' : 'fieldBytesSent'] += plain;
    const mark = Mark.SECTION | (fields.some(field => field.redacted !== null) ? Mark.REDACTED : 0);
    this.frame(direction, FrameType.HEADERS, stream, wireBytes, 0x4 | (end ? 1 : 0), section, mark);
    const row = this.streams.get(stream)!.state;
    if (direction === 0 && row.headReceivedAt < 0) row.headReceivedAt = this.#world.now;
    if (direction === 1 && row.headSentAt < 0) row.headSentAt = this.#world.now;
    if (end) this.#end(direction, stream);
  }

  #insert(table: FakeTable, field: Field): void {
    if (field.representation !== 1) return;
    const size = field.name.length + field.valueBytes + 32;
    table.entries.unshift({ name: field.name, value: field.value, redacted: field.redacted, size });
    table.size += size;
    while (table.size > table.maxSize) table.size -= table.entries.pop()?.size ?? table.size;
  }

  #end(direction: 0 | 1, stream: number): void {
    const row = this.streams.get(stream)!.state;
    if (direction === 0) row.endReceivedAt = this.#world.now;
    else row.endSentAt = this.#world.now;
    if (row.endReceivedAt >= 0 && row.endSentAt >= 0) this.#close(stream);
    else this.#move(stream, direction === 0 ? 5 : 4);
  }

  #close(stream: number): void {
    const row = this.streams.get(stream)!.state;
    if (row.closedAt >= 0) return;
    this.block(stream, 0, 0);
    row.closedAt = this.#world.now;
    this.state.openStreams--;
    this.#move(stream, 6);
  }

  #move(stream: number, to: number): void {
    const row = this.streams.get(stream)!.state;
    const from = row.state;
    row.state = to;
    this.changed.add(stream);
    this.#event({ kind: 'stream-state', stream, from, to });
  }

  #event(event: DistributiveOmit<LogEvent, 't' | 'seq' | 'connection'>): void {
    this.#world.events.push({ ...event, t: this.#world.now, seq: this.#world.head, connection: this.id } as LogEvent);
  }
}

type FakeTable = { -readonly [K in keyof TableView]: TableView[K] } & { entries: TableEntry[] };

function newTable(): FakeTable {
  return { maxSize: 4096, size: 0, complete: true, entries: [] };
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function fieldOf([name, value, representation = 1, index = 0]: Line): Field {
  const redacted = REDACTED.has(name)
    ? `${(name.length * value.length).toString(16).padStart(4, '9')}c4f1e07a22d1`.slice(0, 16)
    : null;
  return {
    name,
    value: redacted === null ? value : '',
    representation: (redacted === null ? representation : 3) as Field['representation'],
    index,
    wireBytes: representation === 0 ? 1 : 2 + Math.ceil((value.length + (index > 0 ? 0 : name.length)) * 0.75),
    valueBytes: value.length,
    redacted,
  };
}
