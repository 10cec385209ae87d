/** A recording in the place of a hub: a page that looks at it is told everything that was recorded, and the end. */
import {
  type ClientMessage,
  CloseCode,
  encodeLog,
  encodeMessage,
  isStuck,
  type LogName,
  loadRecording,
  logNameOf,
  PROTOCOL_VERSION,
  ProtocolError,
  packSections,
  parseClientMessage,
  parseServerMessage,
  type RecordedMessage,
  type Recording,
  type Reply,
  readBinaryHeader,
  readRecording,
  type ServerMessage,
  verdictsAtEnd,
} from '@glassway/inspector-protocol';
import type { AdminHub, AdminViewer } from '../admin/server.ts';
import { DynamicTable } from '../trace/hub/dynamic-table.ts';
import type { ViewerPort } from '../trace/hub/viewer.ts';

/** More than this unsent, and the rest waits. */
const MAX_BUFFERED = 4 * 1024 * 1024;
const WAIT_MS = 10;

type Positions = Pick<Extract<ServerMessage, { type: 'snapshot' }>, 'from' | 'head'>;

/** Serves one recording to any number of viewers. */
export class RecordedHub implements AdminHub {
  readonly recording: Recording;
  readonly #file: Uint8Array;
  readonly #viewers = new Set<AdminViewer>();
  /* Where the logs begin and end, once somebody asked. */
  #seen: Positions | null = null;

  /** Throws an Error for what is no recording. */
  constructor(file: Uint8Array) {
    this.recording = loadRecording(file);
    this.#file = file;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  attach(port: ViewerPort): AdminViewer {
    const viewer = new RecordedViewer(this, port, this.#file);
    this.#viewers.add(viewer);
    const { hello, now } = this.recording;
    // What was recorded in an older version is told in this one.
    port.send(encodeMessage({ ...hello, version: PROTOCOL_VERSION, now, recorded: true }));
    return viewer;
  }

  detach(viewer: AdminViewer): void {
    this.#viewers.delete(viewer);
    (viewer as RecordedViewer).stop();
  }

  /** Answers SUBSCRIBE: all rows as they were at the end, and where the logs begin and end. */
  snapshot(id: number): string {
    const { connections, streams, backends, now } = this.recording;
    const states = [...connections.values()].flatMap(({ state }) => (state === null ? [] : [state]));
    const rows = {
      backends: [...backends.values()],
      connections: [...connections.values()].map(({ facts }) => facts),
      connectionStates: states,
      streams: [...streams.values()].map(({ facts }) => facts),
      streamStates: [...streams.values()].flatMap(({ state }) => (state === null ? [] : [state])),
      forgottenConnections: [],
      forgottenStreams: [],
    };
    this.#seen ??= this.#positions();
    const { from, head } = this.#seen;
    return encodeMessage({ type: 'snapshot', id, now, from, head, before: [], rows });
  }

  #positions(): Positions {
    const from = { frames: -1, fields: -1, events: -1, payloads: -1 };
    const head = { frames: 0, fields: 0, events: 0, payloads: 0 };
    const seen = (log: LogName, first: number, after: number): void => {
      if (from[log] < 0) from[log] = first;
      head[log] = Math.max(head[log], after);
    };
    for (const message of logsOf(this.#file)) {
      if (message.kind !== 'text') {
        const { kind, from: first, to } = readBinaryHeader(message.bytes.buffer);
        seen(logNameOf(kind), first, to);
        continue;
      }
      const parsed = parseServerMessage(message.text);
      if (parsed.type === 'dropped') seen(parsed.log, parsed.from, parsed.to);
    }
    for (const log of ['frames', 'fields', 'events', 'payloads'] as const) from[log] = Math.max(0, from[log]);
    return { from, head };
  }

  /** Answers GET. */
  answer(message: Extract<ClientMessage, { readonly type: 'get' }>): Reply {
    const { id } = message;
    const { recording } = this;
    if (message.what === 'sections') {
      const { connection, stream } = message;
      const kept = recording.sections.filter(each => each.connection === connection && each.stream === stream);
      return { type: 'reply', id, what: 'sections', packed: packSections(kept) };
    }
    if (message.what === 'tables') {
      const tables = [new DynamicTable(), new DynamicTable()] as const;
      for (const event of recording.events) {
        if (event.kind === 'table-resized' && event.connection === message.connection)
          tables[event.direction].resize(event.maxSize);
      }
      for (const section of recording.sections) {
        if (section.connection === message.connection) tables[section.direction].apply(section);
      }
      return { type: 'reply', id, what: 'tables', received: tables[0].view(), sent: tables[1].view() };
    }
    const verdicts = verdictsAtEnd(recording).filter(({ verdict }) => isStuck(verdict));
    return { type: 'reply', id, what: 'verdicts', now: recording.now, verdicts };
  }
}

/**
 * Frames, sections, events, octets, and what of them was dropped: the state is told once, as it was at the end. What an older
 * version told as text is told as this one does.
 */
function* logsOf(file: Uint8Array): Generator<RecordedMessage> {
  // One at a time: a recording may be large, and is in memory already.
  for (const message of readRecording(file)) yield* logOf(message);
}

function logOf(message: RecordedMessage): readonly RecordedMessage[] {
  if (message.kind !== 'text') return [message];
  const told = parseServerMessage(message.text);
  if (told.type === 'fields' || told.type === 'events') return [{ kind: 'log', bytes: encodeLog(told) }];
  return told.type === 'dropped' ? [message] : [];
}

class RecordedViewer implements AdminViewer {
  readonly #hub: RecordedHub;
  readonly #port: ViewerPort;
  readonly #file: Uint8Array;
  #messages: Generator<RecordedMessage> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(hub: RecordedHub, port: ViewerPort, file: Uint8Array) {
    this.#hub = hub;
    this.#port = port;
    this.#file = file;
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
    this.#messages = logsOf(this.#file);
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** As fast as the viewer takes it in. */
  #pump(): void {
    for (;;) {
      if (this.#port.bufferedBytes > MAX_BUFFERED) {
        this.#timer = setTimeout(() => this.#pump(), WAIT_MS);
        return;
      }
      const next = this.#messages?.next();
      if (next === undefined || next.done === true) return;
      const message = next.value;
      this.#port.send(message.kind === 'text' ? message.text : message.bytes);
    }
  }
}
