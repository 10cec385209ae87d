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

import { BINARY_HEADER_BYTES, type BinaryHeader, readBinaryHeader } from './binary.ts';
import { readFramesHeader } from './frames.ts';
import type { Hello } from './messages.ts';
import { parseServerMessage } from './parse.ts';
import { readPayloads } from './payloads.ts';
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
  /** FRAMES, PAYLOADS, or FIELDS or EVENTS; the octets have a buffer of their own. */
  | { readonly kind: 'frames' | 'payloads' | 'log'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'text'; readonly text: string };

/** Where a recording is read from: memory, or a file that stays where it is. */
export interface RecordingSource {
  readonly size: number;
  /** A copy of `length` octets from `offset` on, in memory of its own; fewer where the recording ends. */
  at(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** A recording in memory. */
export function sourceOf(file: Uint8Array): RecordingSource {
  return { size: file.length, at: (offset, length) => new Uint8Array(file.subarray(offset, offset + length)) };
}

/** What is in a chunk, as in `RecordedMessage`. */
export type ChunkKind = RecordedMessage['kind'];

/** One chunk of a recording. */
export interface Chunk {
  readonly kind: ChunkKind;
  /** Where its content begins, and how long that is. */
  readonly from: number;
  readonly length: number;
}

const KINDS: Readonly<Record<number, ChunkKind>> = {
  [Kind.FRAMES]: 'frames',
  [Kind.TEXT]: 'text',
  [Kind.PAYLOADS]: 'payloads',
  [Kind.LOG]: 'log',
};

/**
 * The chunks of a recording, in order, without their content, which may be most of this machine's memory. Throws `Error` for
 * what is no recording of a version that is read here.
 */
export function* chunksOf(source: RecordingSource): Generator<Chunk> {
  const header = source.at(0, FILE_HEADER);
  if (header.length < FILE_HEADER || asciiAt(header, 0, MAGIC.length) !== MAGIC)
    throw new Error('this is no glassway recording');
  const version = new DataView(header.buffer).getUint32(8, true);
  if (version < OLDEST_READABLE_VERSION || version > PROTOCOL_VERSION) {
    throw new Error(
      `the recording is of version ${version}, this program reads versions ${OLDEST_READABLE_VERSION} to ${PROTOCOL_VERSION}`,
    );
  }
  for (let at = FILE_HEADER; at + CHUNK_HEADER <= source.size; ) {
    const bytes = source.at(at, CHUNK_HEADER);
    const number = bytes[0]!;
    const length = new DataView(bytes.buffer).getUint32(4, true);
    const from = at + CHUNK_HEADER;
    // Cut off in the middle of a chunk, or at the index: there is no more.
    if (number === Kind.INDEX || from + length > source.size) return;
    const kind = KINDS[number];
    if (kind === undefined) throw new Error(`the recording has a chunk of unknown kind ${number} at octet ${at}`);
    yield { kind, from, length };
    at = from + ((length + 7) & ~7);
  }
}

/** The message in a chunk. */
export function messageIn(source: RecordingSource, { kind, from, length }: Chunk): RecordedMessage {
  const bytes = source.at(from, length);
  return kind === 'text' ? { kind, text: fromUtf8(bytes) } : { kind, bytes };
}

/** The messages of a recording, in order. Throws `Error` for what is no recording of a version that is read here. */
export function* readRecording(file: Uint8Array): Generator<RecordedMessage> {
  const source = sourceOf(file);
  for (const chunk of chunksOf(source)) yield messageIn(source, chunk);
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
  const source = sourceOf(file);
  let hello: Hello | null = null;
  let now = 0;
  let frames = 0;
  for (const chunk of chunksOf(source)) {
    if (chunk.kind === 'frames') frames += headerIn(source, chunk)?.count ?? 0;
    if (chunk.kind !== 'text') continue;
    const message = parseServerMessage(fromUtf8(source.at(chunk.from, chunk.length)));
    if (hello === null && message.type !== 'hello') break;
    if (message.type === 'hello') hello = message;
    else if (message.type === 'snapshot' || message.type === 'state') now = message.now;
  }
  if (hello === null) throw new Error('the recording does not begin with HELLO');
  return { hello, now, frames };
}

/**
 * The header of the binary message in a chunk, null when it is too short for one. What it says, such as how many records
 * follow, is not checked: whoever reads the message does that.
 */
export function headerIn(source: RecordingSource, { from, length }: Chunk): BinaryHeader | null {
  return length < BINARY_HEADER_BYTES ? null : readBinaryHeader(source.at(from, BINARY_HEADER_BYTES).buffer);
}

function ascii(target: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
}

function asciiAt(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(bytes[at + i]!);
  return text;
}
