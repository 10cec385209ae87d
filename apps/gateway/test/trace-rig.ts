/** A recorder and a hub over the same memory in one thread, with a clock the test moves and viewers it drives. */
import type { Tap } from '@glassway/h2-core';
import {
  BinaryKind,
  type ClientMessage,
  type Dropped,
  encodeMessage,
  type FieldSection,
  FRAMES_HEADER_BYTES,
  FrameColumns,
  type LogEvent,
  type PayloadPiece,
  parseLog,
  parseServerMessage,
  readBinaryHeader,
  readFramesHeader,
  readPayloads,
  type ServerMessage,
  type Snapshot,
  type State,
  type Subscribe,
} from '@glassway/inspector-protocol';
import { Hub, type HubOptions } from '../src/trace/hub/hub.ts';
import type { Viewer, ViewerPort } from '../src/trace/hub/viewer.ts';
import type { Numbering } from '../src/trace/numbering.ts';
import { Recorder } from '../src/trace/recorder.ts';
import { allocateTrace, type SharedTrace, type TraceSizes } from '../src/trace/shared.ts';
import { type ConnectionFacts, Leg } from '../src/trace/trace.ts';

export const FACTS: ConnectionFacts = {
  leg: Leg.CLIENT,
  protocol: 'h2',
  negotiation: 'prior-knowledge',
  peer: '127.0.0.1:50000',
  local: '127.0.0.1:8443',
  tls: null,
};

/** Payload of 8 octets, shared by tests that do not look at it. */
export const PAYLOAD: Uint8Array = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7);

export interface RigOptions extends TraceSizes, Partial<Omit<HubOptions, 'identity' | 'clock' | 'requestResync'>> {
  readonly revealed?: boolean;
  readonly idleBytesPerSecond?: number;
  readonly numbering?: Numbering;
  /** The clock, when several share it. */
  readonly time?: { now: number };
  readonly payloadBytes?: number;
}

export interface Rig {
  readonly shared: SharedTrace;
  readonly recorder: Recorder;
  readonly hub: Hub;
  /** Microseconds. */
  now: number;
  readonly resyncs: number;
  open(facts?: Partial<ConnectionFacts>): { readonly id: number; readonly tap: Tap };
  /** Ends the turn, moves the clock past the state interval, and lets the hub run. */
  tick(): void;
  viewer(): RigViewer;
}

export function traceRig(options: RigOptions = {}): Rig {
  const { revealed, payloadBytes = 0, idleBytesPerSecond = Number.POSITIVE_INFINITY, numbering, ...sizes } = options;
  const { time = { now: 1000 } } = options;
  const shared = allocateTrace({
    ringBytes: 4096 * 40,
    entryBytes: 1 << 20,
    maxConnections: 64,
    maxStreams: 1024,
    ...sizes,
  });
  const clock = () => time.now;
  const recorder = new Recorder(shared, {
    clock,
    revealed: revealed ?? false,
    idleBytesPerSecond,
    payloadBytes,
    ...(numbering === undefined ? {} : { numbering }),
  });
  let resyncs = 0;
  const hub = new Hub(shared, {
    identity: {
      gateway: 'test',
      name: 'test',
      release: '0.0.0',
      epochMs: 0,
      revealed: revealed ?? false,
      payloadBytes,
    },
    ...(numbering === undefined ? {} : { worker: numbering.worker }),
    clock,
    requestResync: () => {
      resyncs++;
      recorder.resync();
    },
    ...sizes,
  });
  return {
    shared,
    recorder,
    hub,
    get now() {
      return time.now;
    },
    set now(value) {
      time.now = value;
    },
    get resyncs() {
      return resyncs;
    },
    open(facts = {}) {
      const id = recorder.connectionOpened({ ...FACTS, ...facts });
      return { id, tap: recorder.tap(id)! };
    },
    tick() {
      recorder.flush();
      time.now += 200_000;
      hub.tick();
    },
    viewer: () => new RigViewer(hub),
  };
}

/** A viewer that keeps all it is told, and acknowledges only when asked (or at once with `eager`). */
export class RigViewer {
  readonly texts: ServerMessage[] = [];
  readonly columns = new FrameColumns(80_000);
  readonly viewer: Viewer;
  frames = 0;
  /** `to` of the last message about frames. */
  position = -1;
  /** Positions of frames that no message spoke for, and those that FRAMES spoke for without a frame. */
  skipped = 0;
  filtered = 0;
  closed: { readonly code: number; readonly reason: string } | null = null;
  bufferedBytes = 0;
  eager = false;
  /** Octets of log messages since the last acknowledgement. */
  unacknowledged = 0;
  readonly pieces: PayloadPiece[] = [];
  #acks: { frames?: number; fields?: number; events?: number; payloads?: number } = {};

  constructor(hub: { attach(port: ViewerPort): Viewer }) {
    const self = this;
    this.viewer = hub.attach({
      get bufferedBytes() {
        return self.bufferedBytes;
      },
      send: data => this.#receive(data),
      close: (code, reason) => {
        this.closed = { code, reason };
      },
    });
  }

  #receive(data: string | Uint8Array): void {
    if (typeof data === 'string') {
      const message = parseServerMessage(data);
      if (message.type === 'snapshot') {
        // What came before belongs to the subscription before.
        this.texts.length = 0;
        this.frames = 0;
        this.filtered = 0;
        this.skipped = 0;
        this.position = -1;
      }
      this.texts.push(message);
      if (message.type !== 'dropped') return;
      this.#acks[message.log] = message.to;
      if (message.log === 'frames') this.#advance(message.from, message.to);
      this.unacknowledged += data.length;
    } else if (readBinaryHeader(data.slice().buffer).kind > BinaryKind.PAYLOADS) {
      const message = parseLog(data.slice().buffer);
      this.texts.push(message);
      this.#acks[message.type] = message.to;
      this.unacknowledged += data.length;
    } else {
      if (readBinaryHeader(data.slice().buffer).kind === BinaryKind.PAYLOADS) {
        const { pieces, to } = readPayloads(data.slice().buffer);
        this.pieces.push(...pieces);
        this.#acks.payloads = to;
        this.unacknowledged += data.length;
        return;
      }
      const header = readFramesHeader(data.slice().buffer);
      this.#advance(header.from, header.to);
      this.filtered += header.to - header.from - header.count;
      this.columns.append(this.frames, data.slice().buffer, FRAMES_HEADER_BYTES, header.count, header.from);
      this.frames += header.count;
      this.#acks.frames = header.to;
      this.unacknowledged += data.length;
    }
  }

  #advance(from: number, to: number): void {
    if (from < this.position) throw new Error(`log went back from ${this.position} to ${from}`);
    if (to <= from) throw new Error(`empty stretch ${from}..${to}`);
    if (this.position >= 0) this.skipped += from - this.position;
    this.position = to;
  }

  send(message: ClientMessage): void {
    this.viewer.receive(encodeMessage(message));
  }

  acknowledge(): void {
    this.unacknowledged = 0;
    const acks = this.#acks;
    this.#acks = {};
    this.send({ type: 'ack', ...acks });
  }

  subscribe(message: Partial<Subscribe> = {}): Snapshot {
    this.send({
      type: 'subscribe',
      id: 1,
      frames: {},
      fields: {},
      events: true,
      payloads: null,
      backlog: 0,
      ...message,
    });
    return this.all('snapshot').at(-1)!;
  }

  all<K extends ServerMessage['type']>(type: K): Extract<ServerMessage, { readonly type: K }>[] {
    return this.texts.filter((text): text is Extract<ServerMessage, { readonly type: K }> => text.type === type);
  }

  get sections(): FieldSection[] {
    return this.all('fields').flatMap(message => message.sections);
  }

  get events(): LogEvent[] {
    return this.all('events').flatMap(message => message.events);
  }

  get drops(): Dropped[] {
    return this.all('dropped');
  }

  /** The last row told of a connection or stream, by merging all that was told. */
  rows() {
    const connections = new Map<number, Snapshot['rows']['connections'][number]>();
    const connectionStates = new Map<number, Snapshot['rows']['connectionStates'][number]>();
    const streams = new Map<string, Snapshot['rows']['streams'][number]>();
    const streamStates = new Map<string, Snapshot['rows']['streamStates'][number]>();
    for (const message of this.texts) {
      if (message.type !== 'snapshot' && message.type !== 'state') continue;
      if (message.type === 'snapshot' || (message as State).reset) {
        for (const map of [connections, connectionStates, streams, streamStates]) map.clear();
      }
      const { rows } = message;
      for (const row of rows.connections) connections.set(row.id, row);
      for (const row of rows.connectionStates) connectionStates.set(row.id, row);
      for (const row of rows.streams) streams.set(`${row.connection}:${row.stream}`, row);
      for (const row of rows.streamStates) streamStates.set(`${row.connection}:${row.stream}`, row);
      for (const id of rows.forgottenConnections) {
        connections.delete(id);
        connectionStates.delete(id);
        for (const key of [...streams.keys()]) if (key.startsWith(`${id}:`)) streams.delete(key);
        for (const key of [...streamStates.keys()]) if (key.startsWith(`${id}:`)) streamStates.delete(key);
      }
      for (const [connection, stream] of rows.forgottenStreams) {
        streams.delete(`${connection}:${stream}`);
        streamStates.delete(`${connection}:${stream}`);
      }
    }
    return { connections, connectionStates, streams, streamStates };
  }

  /** Received and dropped frames by `connection/direction/type`. */
  counted(): Map<string, number> {
    const counts = new Map<string, number>();
    const add = (key: string, count: number) => counts.set(key, (counts.get(key) ?? 0) + count);
    const { connection, direction, type } = this.columns;
    for (let i = 0; i < this.frames; i++) add(`${connection[i]}/${direction[i]}/${Math.min(type[i]!, 15)}`, 1);
    for (const drop of this.drops) {
      if (drop.log !== 'frames') continue;
      for (const [id, way, kind, count] of drop.counts) add(`${id}/${way}/${kind}`, count);
    }
    return counts;
  }

  /** What the gateway says it recorded since the subscription, by the same keys. */
  produced(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [id, row] of this.rows().connectionStates) {
      row.frames.forEach((count, place) => {
        if (count > 0) counts.set(`${id}/${place >> 4}/${place & 15}`, count);
      });
    }
    for (const [id, way, kind, count] of this.all('snapshot').at(-1)!.before) {
      const key = `${id}/${way}/${kind}`;
      const rest = (counts.get(key) ?? 0) - count;
      if (rest === 0) counts.delete(key);
      else counts.set(key, rest);
    }
    return counts;
  }
}

/** A request and its response of `size` octets in frames of 1000, as a core on the client leg would tell it. */
export function exchange(tap: Tap, stream: number, size = 2500): void {
  tap.onFieldSectionStart(0, stream);
  tap.onField(0, ':method', 'GET', 0, 2, 1);
  tap.onField(0, ':path', `/item/${stream}`, 1, 4, 9);
  tap.onField(0, 'authorization', 'Bearer abc.def', 1, 23, 14);
  tap.onFieldSectionEnd(0, stream, 0, 24);
  tap.onStreamState(stream, 0, 5);
  tap.onFrame(0, 1, 0x5, stream, 24, 65_535, 65_535, 0, PAYLOAD, 0);
  tap.onFieldSectionStart(1, stream);
  tap.onField(1, ':status', '200', 0, 8, 1);
  tap.onField(1, 'content-type', 'text/plain', 1, 31, 8);
  tap.onFieldSectionEnd(1, stream, 1, 9);
  tap.onFrame(1, 1, 0x4, stream, 9, 65_535, 65_535, 0, PAYLOAD, 0);
  for (let sent = 0; sent < size; sent += 1000) {
    const length = Math.min(1000, size - sent);
    const last = sent + length === size;
    tap.onFrame(1, 0, last ? 1 : 0, stream, length, 65_535 - sent - length, 65_535 - sent - length, 0, PAYLOAD, 0);
  }
  tap.onStreamState(stream, 5, 6);
}
