/**
 * Recordings (`.glassway`): what a viewer was sent, octet for octet, with a header in front and an index behind.
 *
 *     header   "GLASSWAY", u32 protocol version, u32 length of the chunks' headers (8)
 *     chunk    u8 kind (1 FRAMES, 2 text message, 3 index, 4 PAYLOADS, 5 FIELDS or EVENTS), u8 0, u16 0, u32 length, then
 *              the content, padded to 8
 *     ...
 *     footer   u64 offset of the index chunk, "GLASSEND"
 *
 * Text messages are those of `TextMessage`, HELLO first. Everything was redacted before it came here. A recording that
 * was cut off has no index and no footer, and is read all the same.
 */

import type { LogEvent } from './events.ts';
import type { FieldSection } from './fields.ts';
import { FRAMES_HEADER_BYTES, readFramesHeader } from './frames.ts';
import { parseLog } from './logs.ts';
import type { Hello, ServerMessage } from './messages.ts';
import { parseServerMessage } from './parse.ts';
import { PayloadStore, readPayloads } from './payloads.ts';
import { FrameColumns, RECORD_BYTES } from './record.ts';
import {
  type BackendState,
  backendKey,
  type ConnectionFacts,
  type ConnectionState,
  type StreamFacts,
  type StreamState,
} from './rows.ts';
import { fromUtf8, utf8 } from './utf8.ts';
import { OLDEST_READABLE_VERSION, PROTOCOL_VERSION } from './version.ts';

const MAGIC = 'GLASSWAY';
const END = 'GLASSEND';
const CHUNK_HEADER = 8;
const FILE_HEADER = 16;
const FOOTER = 16;
const Kind = { FRAMES: 1, TEXT: 2, INDEX: 3, PAYLOADS: 4, LOG: 5 } as const;

/** One entry of the index: where a chunk of frames begins, and the log position it begins at. */
export interface IndexEntry {
  readonly offset: number;
  readonly from: number;
  readonly to: number;
}

/** Makes a recording, piece by piece; the pieces follow each other in the file. */
export class RecordingWriter {
  readonly #index: IndexEntry[] = [];
  #offset = 0;

  /** Octets made so far. */
  get bytes(): number {
    return this.#offset;
  }

  /** The header. First. */
  begin(): Uint8Array {
    const header = new Uint8Array(FILE_HEADER);
    ascii(header, 0, MAGIC);
    const view = new DataView(header.buffer);
    view.setUint32(8, PROTOCOL_VERSION, true);
    view.setUint32(12, CHUNK_HEADER, true);
    return this.#made(header);
  }

  /** A FIELDS or EVENTS message as it came. */
  log(message: Uint8Array): Uint8Array {
    return this.#chunk(Kind.LOG, message);
  }

  /** A FRAMES message as it came. Throws `Error` when it is not a whole FRAMES message. */
  frames(message: Uint8Array): Uint8Array {
    const { from, to } = readFramesHeader(new Uint8Array(message).buffer);
    this.#index.push({ offset: this.#offset, from, to });
    return this.#chunk(Kind.FRAMES, message);
  }

  /** A PAYLOADS message as it came. Throws `Error` when it is none. */
  payloads(message: Uint8Array): Uint8Array {
    readPayloads(new Uint8Array(message).buffer);
    return this.#chunk(Kind.PAYLOADS, message);
  }

  /** A text message as it came; `encoded` is its UTF-8. */
  text(encoded: Uint8Array): Uint8Array {
    return this.#chunk(Kind.TEXT, encoded);
  }

  /** Index and footer. Last. */
  end(): Uint8Array {
    const at = this.#offset;
    const index = this.#chunk(Kind.INDEX, utf8(JSON.stringify(this.#index)));
    const whole = new Uint8Array(index.length + FOOTER);
    whole.set(index);
    new DataView(whole.buffer).setFloat64(index.length, at, true);
    ascii(whole, index.length + 8, END);
    this.#offset += FOOTER;
    return whole;
  }

  #chunk(kind: number, content: Uint8Array): Uint8Array {
    const chunk = new Uint8Array(CHUNK_HEADER + ((content.length + 7) & ~7));
    chunk[0] = kind;
    new DataView(chunk.buffer).setUint32(4, content.length, true);
    chunk.set(content, CHUNK_HEADER);
    return this.#made(chunk);
  }

  #made(piece: Uint8Array): Uint8Array {
    this.#offset += piece.length;
    return piece;
  }
}

/** One message of a recording. */
export type RecordedMessage =
  | { readonly kind: 'frames'; readonly bytes: Uint8Array }
  | { readonly kind: 'payloads'; readonly bytes: Uint8Array }
  /** FIELDS or EVENTS; the octets have a buffer of their own. */
  | { readonly kind: 'log'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'text'; readonly text: string };

interface Chunk {
  readonly kind: number;
  readonly at: number;
  /** Of the content. */
  readonly from: number;
  readonly to: number;
}

/* The chunks of a recording without their content, which may be most of this machine's memory. */
function* chunksOf(file: Uint8Array): Generator<Chunk> {
  if (file.length < FILE_HEADER || asciiAt(file, 0, MAGIC.length) !== MAGIC)
    throw new Error('this is no glassway recording');
  const view = viewOf(file);
  const version = view.getUint32(8, true);
  if (version < OLDEST_READABLE_VERSION || version > PROTOCOL_VERSION) {
    throw new Error(
      `the recording is of version ${version}, this program reads versions ${OLDEST_READABLE_VERSION} to ${PROTOCOL_VERSION}`,
    );
  }
  for (let at = FILE_HEADER; at + CHUNK_HEADER <= file.length; ) {
    const kind = file[at]!;
    const length = view.getUint32(at + 4, true);
    const from = at + CHUNK_HEADER;
    // Cut off in the middle of a chunk, or at the index: there is no more.
    if (kind === Kind.INDEX || from + length > file.length) return;
    yield { kind, at, from, to: from + length };
    at = from + ((length + 7) & ~7);
  }
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}

/** The messages of a recording, in order. Throws `Error` for what is no recording of a version that is read here. */
export function* readRecording(file: Uint8Array): Generator<RecordedMessage> {
  for (const { kind, at, from, to } of chunksOf(file)) {
    if (kind === Kind.FRAMES) yield { kind: 'frames', bytes: file.slice(from, to) };
    else if (kind === Kind.PAYLOADS) yield { kind: 'payloads', bytes: file.slice(from, to) };
    else if (kind === Kind.LOG) yield { kind: 'log', bytes: new Uint8Array(file.subarray(from, to)) };
    else if (kind === Kind.TEXT) yield { kind: 'text', text: fromUtf8(file.subarray(from, to)) };
    else throw new Error(`the recording has a chunk of unknown kind ${kind} at octet ${at}`);
  }
}

/** What a recording is of, without reading its frames. */
export interface RecordingFacts {
  readonly hello: Hello;
  /** Microseconds of the last message that told the time. */
  readonly now: number;
  /** Records. */
  readonly frames: number;
}

/** Looks through a recording. Throws `Error` as `readRecording` does, and when it does not begin with HELLO. */
export function recordingFacts(file: Uint8Array): RecordingFacts {
  const view = viewOf(file);
  let hello: Hello | null = null;
  let now = 0;
  let frames = 0;
  for (const { kind, from, to } of chunksOf(file)) {
    if (kind === Kind.FRAMES) frames += countIn(view, from, to);
    if (kind !== Kind.TEXT) continue;
    const message = parseServerMessage(fromUtf8(file.subarray(from, to)));
    if (hello === null && message.type !== 'hello') break;
    if (message.type === 'hello') hello = message;
    else if (message.type === 'snapshot' || message.type === 'state') now = message.now;
  }
  if (hello === null) throw new Error('the recording does not begin with HELLO');
  return { hello, now, frames };
}

/* As the header of a FRAMES message says, see `frames.ts`; whether that is true, its reader says. */
function countIn(view: DataView, from: number, to: number): number {
  return to - from < FRAMES_HEADER_BYTES ? 0 : view.getUint32(from + 4, true);
}

/** Everything that was recorded, put together: what exports and readers work on. */
export interface Recording {
  readonly hello: Hello;
  /** Microseconds of the last message that told the time. */
  readonly now: number;
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
  // Counted first, so that the columns can be filled batch by batch: nothing is held twice.
  let count = 0;
  const view = viewOf(file);
  for (const { kind, from, to } of chunksOf(file)) if (kind === Kind.FRAMES) count += countIn(view, from, to);
  if (count * RECORD_BYTES > file.length) throw new Error('the recording claims more frames than it has room for');
  const frames = new FrameColumns(Math.max(1, count));
  let row = 0;
  const messages: ServerMessage[] = [];
  const payloads = new PayloadStore(Number.POSITIVE_INFINITY);
  for (const message of readRecording(file)) {
    if (message.kind === 'text') messages.push(parseServerMessage(message.text));
    else if (message.kind === 'payloads') payloads.add(readPayloads(message.bytes.buffer as ArrayBuffer).pieces);
    else if (message.kind === 'log') messages.push(parseLog(message.bytes.buffer));
    else {
      const batch = message.bytes.buffer as ArrayBuffer;
      const header = readFramesHeader(batch);
      frames.append(row, batch, FRAMES_HEADER_BYTES, header.count, header.from);
      row += header.count;
    }
  }
  const [hello] = messages;
  if (hello?.type !== 'hello') throw new Error('the recording does not begin with HELLO');
  return { hello, frames, count, payloads, ...putTogether(messages) };
}

function putTogether(messages: readonly ServerMessage[]): Omit<Recording, 'hello' | 'frames' | 'count' | 'payloads'> {
  const connections = new Map<number, { facts: ConnectionFacts; state: ConnectionState | null }>();
  const streams = new Map<string, { facts: StreamFacts; state: StreamState | null }>();
  const backends = new Map<string, BackendState>();
  const sections: FieldSection[] = [];
  const events: LogEvent[] = [];
  let now = 0;
  let dropped = 0;
  for (const message of messages) {
    switch (message.type) {
      case 'snapshot':
      case 'state': {
        now = message.now;
        const { rows } = message;
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
        break;
      }
      case 'fields':
        sections.push(...message.sections);
        break;
      case 'events':
        events.push(...message.events);
        break;
      case 'dropped':
        if (message.log === 'frames') dropped += message.count;
        break;
      default:
    }
  }
  return { now, connections, streams, backends, sections, events, dropped };
}

function ascii(target: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
}

function asciiAt(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(bytes[at + i]!);
  return text;
}
