/** A recording in the place of a hub: a page that looks at it is told everything that was recorded, and the end. */
import {
  BINARY_HEADER_BYTES,
  type Chunk,
  type ClientMessage,
  CloseCode,
  chunksOf,
  encodeLog,
  encodeMessage,
  type FieldSection,
  type Hello,
  headerIn,
  isStuck,
  type LogEvent,
  type LogName,
  logNameOf,
  messageIn,
  PROTOCOL_VERSION,
  ProtocolError,
  packSections,
  parseClientMessage,
  parseLog,
  parseServerMessage,
  RecordedRows,
  type RecordingSource,
  type Reply,
  type ServerMessage,
  verdictsAtEnd,
} from '@glassway/inspector-protocol';
import type { AdminHub, AdminViewer } from '../admin/server.ts';
import { DynamicTable } from '../trace/hub/dynamic-table.ts';
import type { ViewerPort } from '../trace/hub/viewer.ts';

/** More than this unsent, and the rest waits. */
const MAX_BUFFERED = 4 * 1024 * 1024;
const WAIT_MS = 10;
/* RFC 6455 7.4.1. */
const INTERNAL_ERROR = 1011;

type Positions = Pick<Extract<ServerMessage, { type: 'snapshot' }>, 'from' | 'head'>;

type Resized = Extract<LogEvent, { kind: 'table-resized' }>;

/**
 * Serves one recording to any number of viewers. In memory are the rows as they were at the end, and where in the recording
 * which connection's field sections are; everything else is read when a viewer is told of it.
 */
export class RecordedHub implements AdminHub {
  readonly hello: Hello;
  readonly rows: RecordedRows = new RecordedRows();
  /** Records of frames in it. */
  readonly frames: number;
  readonly #source: RecordingSource;
  readonly #viewers = new Set<AdminViewer>();
  readonly #positions: Positions;
  /* The filter that it was recorded with. */
  readonly #filter: string | undefined;
  /* Chunks with field sections, and of which connections. */
  readonly #sections: { readonly chunk: Chunk; readonly connections: ReadonlySet<number> }[] = [];
  readonly #resized: Resized[] = [];

  /** Throws an Error for what is no recording. */
  constructor(source: RecordingSource) {
    this.#source = source;
    const from = { frames: -1, fields: -1, events: -1, payloads: -1 };
    const head = { frames: 0, fields: 0, events: 0, payloads: 0 };
    const seen = (log: LogName, first: number, after: number): void => {
      if (from[log] < 0) from[log] = first;
      head[log] = Math.max(head[log], after);
    };
    let hello: Hello | null = null;
    let filter: string | undefined;
    let frames = 0;
    for (const chunk of chunksOf(source)) {
      const header = chunk.kind === 'text' ? null : headerIn(source, chunk);
      if (header !== null) {
        seen(logNameOf(header.kind), header.from, header.to);
        if (chunk.kind === 'frames') frames += header.count;
      }
      if (chunk.kind !== 'text' && chunk.kind !== 'log') continue;
      const told = toldIn(source, chunk);
      if (hello === null && told.type !== 'hello') throw new Error('the recording does not begin with HELLO');
      if (told.type === 'hello') hello ??= told;
      else if (told.type === 'snapshot' || told.type === 'state') {
        this.rows.take(told);
        if (told.type === 'snapshot') filter ??= told.filter;
      } else if (told.type === 'dropped') seen(told.log, told.from, told.to);
      else if (told.type === 'fields') {
        seen('fields', told.from, told.to);
        this.#sections.push({ chunk, connections: new Set(told.sections.map(({ connection }) => connection)) });
      } else if (told.type === 'events') {
        seen('events', told.from, told.to);
        for (const event of told.events) if (event.kind === 'table-resized') this.#resized.push(event);
      }
    }
    if (hello === null) throw new Error('the recording does not begin with HELLO');
    for (const log of ['frames', 'fields', 'events', 'payloads'] as const) from[log] = Math.max(0, from[log]);
    this.hello = hello;
    this.frames = frames;
    this.#filter = filter;
    this.#positions = { from, head };
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  attach(port: ViewerPort): AdminViewer {
    const viewer = new RecordedViewer(this, port, this.#source);
    this.#viewers.add(viewer);
    // What was recorded in an older version is told in this one.
    port.send(encodeMessage({ ...this.hello, version: PROTOCOL_VERSION, now: this.rows.now, recorded: true }));
    return viewer;
  }

  detach(viewer: AdminViewer): void {
    this.#viewers.delete(viewer);
    (viewer as RecordedViewer).stop();
  }

  /** Answers SUBSCRIBE: all rows as they were at the end, and where the logs begin and end. */
  snapshot(id: number): string {
    const { connections, streams, backends, now } = this.rows;
    const rows = {
      backends: [...backends.values()],
      connections: [...connections.values()].map(({ facts }) => facts),
      connectionStates: [...connections.values()].flatMap(({ state }) => (state === null ? [] : [state])),
      streams: [...streams.values()].map(({ facts }) => facts),
      streamStates: [...streams.values()].flatMap(({ state }) => (state === null ? [] : [state])),
      forgottenConnections: [],
      forgottenStreams: [],
    };
    const filter = this.#filter === undefined ? {} : { filter: this.#filter };
    return encodeMessage({ type: 'snapshot', id, now, ...filter, ...this.#positions, before: [], rows });
  }

  /** Answers GET. */
  answer(message: Extract<ClientMessage, { readonly type: 'get' }>): Reply {
    const { id } = message;
    if (message.what === 'sections') {
      const { connection, stream } = message;
      const kept = [...this.#sectionsOf(connection)].filter(each => each.stream === stream);
      return { type: 'reply', id, what: 'sections', packed: packSections(kept) };
    }
    if (message.what === 'tables') {
      const tables = [new DynamicTable(), new DynamicTable()] as const;
      for (const event of this.#resized) {
        if (event.connection === message.connection) tables[event.direction].resize(event.maxSize);
      }
      for (const section of this.#sectionsOf(message.connection)) tables[section.direction].apply(section);
      return { type: 'reply', id, what: 'tables', received: tables[0].view(), sent: tables[1].view() };
    }
    const verdicts = verdictsAtEnd(this.rows).filter(({ verdict }) => isStuck(verdict));
    return { type: 'reply', id, what: 'verdicts', now: this.rows.now, verdicts };
  }

  *#sectionsOf(connection: number): Generator<FieldSection> {
    for (const { chunk, connections } of this.#sections) {
      if (!connections.has(connection)) continue;
      const told = toldIn(this.#source, chunk);
      if (told.type === 'fields') yield* told.sections.filter(section => section.connection === connection);
    }
  }
}

/* The message in a chunk that holds no frames and no octets. */
function toldIn(source: RecordingSource, chunk: Chunk): ServerMessage {
  const message = messageIn(source, chunk);
  return message.kind === 'text' ? parseServerMessage(message.text) : parseLog(message.bytes.buffer);
}

/**
 * Frames, sections, events, octets, and what of them was dropped: the state is told once, as it was at the end. What an older
 * version told as text is told as this one does.
 */
function* logsOf(source: RecordingSource): Generator<string | Uint8Array> {
  for (const chunk of chunksOf(source)) {
    const message = messageIn(source, chunk);
    if (message.kind !== 'text') {
      if (message.bytes.length >= BINARY_HEADER_BYTES) yield message.bytes;
      continue;
    }
    const told = parseServerMessage(message.text);
    if (told.type === 'fields' || told.type === 'events') yield encodeLog(told);
    else if (told.type === 'dropped') yield message.text;
  }
}

class RecordedViewer implements AdminViewer {
  readonly #hub: RecordedHub;
  readonly #port: ViewerPort;
  readonly #source: RecordingSource;
  #messages: Generator<string | Uint8Array> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(hub: RecordedHub, port: ViewerPort, source: RecordingSource) {
    this.#hub = hub;
    this.#port = port;
    this.#source = source;
  }

  receive(text: string): void {
    let message: ClientMessage;
    try {
      message = parseClientMessage(text);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#port.close(CloseCode.BAD_MESSAGE, error.message.slice(0, 100));
      return;
    }
    if (message.type === 'get') this.#port.send(encodeMessage(this.#hub.answer(message)));
    if (message.type !== 'subscribe') return;
    this.stop();
    this.#port.send(this.#hub.snapshot(message.id));
    this.#messages = logsOf(this.#source);
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** As fast as the viewer takes it in. */
  #pump(): void {
    try {
      while (this.#port.bufferedBytes <= MAX_BUFFERED) {
        const next = this.#messages?.next();
        if (next === undefined || next.done === true) return;
        this.#port.send(next.value);
      }
    } catch (error) {
      // The file was changed while it was shown.
      this.#port.close(INTERNAL_ERROR, (error as Error).message.slice(0, 100));
      return;
    }
    this.#timer = setTimeout(() => this.#pump(), WAIT_MS);
  }
}
