/** A recording read as a whole: what exports and readers work on. */
import type { LogEvent } from './events.ts';
import type { FieldSection } from './fields.ts';
import { FRAMES_HEADER_BYTES, readFramesHeader } from './frames.ts';
import { parseLog } from './logs.ts';
import type { Hello, ServerMessage, Snapshot, State } from './messages.ts';
import { parseServerMessage } from './parse.ts';
import { PayloadStore, readPayloads } from './payloads.ts';
import { FrameColumns, RECORD_BYTES } from './record.ts';
import { chunksOf, headerIn, messageIn, sourceOf } from './recording.ts';
import {
  type BackendState,
  backendKey,
  type ConnectionFacts,
  type ConnectionState,
  type StreamFacts,
  type StreamState,
} from './rows.ts';

/** Rows as they were at the end of a recording. */
export class RecordedRows {
  /** Microseconds of the last message that told the time. */
  now = 0;
  /** By id. */
  readonly connections: Map<number, { facts: ConnectionFacts; state: ConnectionState | null }> = new Map();
  /** By connection and stream, `7/5`. */
  readonly streams: Map<string, { facts: StreamFacts; state: StreamState | null }> = new Map();
  /** By `backendKey`. */
  readonly backends: Map<string, BackendState> = new Map();

  /** Takes in the next message that tells rows. */
  take({ now, rows }: Snapshot | State): void {
    this.now = now;
    const { connections, streams, backends } = this;
    for (const row of rows.backends) backends.set(backendKey(row.url, row.worker), row);
    for (const facts of rows.connections) {
      connections.set(facts.id, { facts, state: connections.get(facts.id)?.state ?? null });
    }
    for (const state of rows.connectionStates) {
      const known = connections.get(state.id);
      if (known !== undefined) known.state = state;
    }
    for (const facts of rows.streams) {
      const key = `${facts.connection}/${facts.stream}`;
      streams.set(key, { facts, state: streams.get(key)?.state ?? null });
    }
    for (const state of rows.streamStates) {
      const known = streams.get(`${state.connection}/${state.stream}`);
      if (known !== undefined) known.state = state;
    }
  }
}

/** Everything that was recorded, put together: what exports and readers work on. */
export interface Recording {
  readonly hello: Hello;
  /** Microseconds of the last message that told the time. */
  readonly now: number;
  /** By id. */
  readonly connections: ReadonlyMap<
    number,
    { readonly facts: ConnectionFacts; readonly state: ConnectionState | null }
  >;
  /** Rows by connection and stream, `7/5`. */
  readonly streams: ReadonlyMap<string, { readonly facts: StreamFacts; readonly state: StreamState | null }>;
  /** By `backendKey`. */
  readonly backends: ReadonlyMap<string, BackendState>;
  /** `count` rows from 0, in the order of the log. */
  readonly frames: FrameColumns;
  readonly count: number;
  readonly sections: readonly FieldSection[];
  readonly events: readonly LogEvent[];
  /** Octets of frames, as far as any were recorded. */
  readonly payloads: PayloadStore;
  /** Records that the recorder was told it would not get. */
  readonly dropped: number;
}

/** Reads a whole recording. Throws `Error` as `readRecording` does, and when it does not begin with HELLO. */
export function loadRecording(file: Uint8Array): Recording {
  const source = sourceOf(file);
  // Counted first, so that the columns can be filled batch by batch: nothing is held twice.
  let count = 0;
  for (const chunk of chunksOf(source)) if (chunk.kind === 'frames') count += headerIn(source, chunk)?.count ?? 0;
  if (count * RECORD_BYTES > file.length) throw new Error('the recording claims more frames than it has room for');
  const frames = new FrameColumns(Math.max(1, count));
  const payloads = new PayloadStore(Number.POSITIVE_INFINITY);
  const rows = new RecordedRows();
  const sections: FieldSection[] = [];
  const events: LogEvent[] = [];
  let hello: Hello | null = null;
  let dropped = 0;
  let row = 0;
  const take = (message: ServerMessage): void => {
    if (message.type === 'hello') hello ??= message;
    else if (hello === null) throw new Error('the recording does not begin with HELLO');
    else if (message.type === 'snapshot' || message.type === 'state') rows.take(message);
    else if (message.type === 'fields') sections.push(...message.sections);
    else if (message.type === 'events') events.push(...message.events);
    else if (message.type === 'dropped' && message.log === 'frames') dropped += message.count;
  };
  for (const chunk of chunksOf(source)) {
    const message = messageIn(source, chunk);
    if (message.kind === 'text') take(parseServerMessage(message.text));
    else if (message.kind === 'payloads') payloads.add(readPayloads(message.bytes.buffer).pieces);
    else if (message.kind === 'log') take(parseLog(message.bytes.buffer));
    else {
      const header = readFramesHeader(message.bytes.buffer);
      frames.append(row, message.bytes.buffer, FRAMES_HEADER_BYTES, header.count, header.from);
      row += header.count;
    }
  }
  if (hello === null) throw new Error('the recording does not begin with HELLO');
  const { now, connections, streams, backends } = rows;
  return { hello, now, connections, streams, backends, frames, count, sections, events, payloads, dropped };
}
