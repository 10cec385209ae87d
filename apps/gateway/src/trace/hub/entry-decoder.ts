/** Turns entries of shared memory into sections, events, octets and rows. */
import {
  CONNECTION_MASK,
  type ConnectionState,
  type Field,
  type FieldSection,
  type LogEvent,
  type PayloadPiece,
  type Representation,
  type SectionKind,
  type StreamState,
} from '@glassway/inspector-protocol';
import { MessageBit } from '../bodies.ts';
import { EntryKind, type EntryRingReader, type EntryView, KNOWN_HEAD, SectionWord, StringFlag } from '../entry-ring.ts';
import type { RetoldHead } from '../sink.ts';
import { readConnection, readStream } from './slot-reader.ts';

/** Where decoded entries go. */
export interface EntrySink {
  section(section: FieldSection): void;
  /** `retold`: it happened before and is told again. */
  event(event: LogEvent, retold: boolean): void;
  /** What an open stream asks for, told again. */
  streamHead(head: RetoldHead): void;
  /** The last row of a stream. */
  streamClosed(row: StreamState): void;
  /** The last row of a connection. */
  connectionClosed(row: ConnectionState): void;
  /** Octets of a frame. */
  payload(piece: PayloadPiece): void;
  /** This many pieces of octets were not recorded, or lost. */
  payloadsLost(count: number): void;
  /** Entries were lost: strings, rows, events, sections; how many is known with the next entry. */
  overrun(): void;
  /** This many events and sections were lost. */
  lost(events: number, sections: number): void;
}

interface KnownString {
  readonly text: string;
  readonly bytes: number;
  readonly hash: string | null;
}

const NO_FIELDS: readonly Field[] = [];
const UNKNOWN: KnownString = { text: '', bytes: 0, hash: null };

/** Reads the entry ring to its end, step by step. */
export class EntryDecoder {
  readonly #reader: EntryRingReader;
  readonly #sink: EntrySink;
  readonly #frameHead: () => number;
  #strings = new Map<number, KnownString>();
  // Of one generation, as strings are.
  #heads = new Map<number, readonly Field[]>();
  #events = 0;
  #sections = 0;
  #pieces = 0;

  /** `frameHead` tells the frame log's position, from which the upper bits of entries' positions are known. */
  constructor(reader: EntryRingReader, frameHead: () => number, sink: EntrySink) {
    this.#reader = reader;
    this.#frameHead = frameHead;
    this.#sink = sink;
  }

  /** Skips what is older than the last quarter of the ring, as an overrun would. */
  skipOld(): void {
    if (this.#reader.skipOld()) this.#sink.overrun();
  }

  /** Takes in at most `limit` entries; false: there are more. */
  drain(limit: number): boolean {
    const head = this.#frameHead();
    for (let i = 0; i < limit; i++) {
      const entry = this.#reader.next();
      if (entry === null) return true;
      if (entry === 'overrun') {
        this.#sink.overrun();
        continue;
      }
      const events = (entry.events - this.#events) >>> 0;
      const sections = (entry.sections - this.#sections) >>> 0;
      if (events !== 0 || sections !== 0) this.#sink.lost(events, sections);
      this.#events = entry.events;
      this.#sections = entry.sections;
      this.#decode(entry, head + ((entry.seq - (head >>> 0)) | 0));
    }
    return false;
  }

  #decode(entry: EntryView, seq: number): void {
    const { i32 } = this.#reader;
    const word = entry.offset >> 2;
    switch (entry.kind) {
      case EntryKind.STRING:
        this.#strings.set(i32[word]!, this.#string(entry));
        return;
      case EntryKind.NEW_STRINGS:
        this.#strings = new Map();
        this.#heads = new Map();
        return;
      case EntryKind.SECTION:
        this.#sections = (this.#sections + 1) >>> 0;
        this.#sink.section(this.#section(entry));
        return;
      case EntryKind.STREAM_ROW:
        this.#sink.streamClosed(readStream(this.#reader.f64, i32, entry.offset >> 3));
        return;
      case EntryKind.CONNECTION_ROW:
        this.#sink.connectionClosed(readConnection(this.#reader.f64, i32, entry.offset >> 3));
        return;
      case EntryKind.PAYLOAD:
        this.#payload(entry, seq);
        return;
      case EntryKind.RETOLD:
        this.#retold(entry, seq);
        return;
      default:
        this.#events = (this.#events + 1) >>> 0;
        this.#sink.event(this.#event(entry, seq), false);
    }
  }

  #retold(entry: EntryView, seq: number): void {
    const event = this.#json(entry) as LogEvent | RetoldHead;
    if (event.kind === 'stream-head') this.#sink.streamHead(event);
    else this.#sink.event({ ...event, t: entry.t, seq }, true);
  }

  #json(entry: EntryView): unknown {
    const from = entry.offset + 8;
    return JSON.parse(this.#reader.bytes.toString('utf8', from, from + this.#reader.i32[entry.offset >> 2]!));
  }

  #event(entry: EntryView, seq: number): LogEvent {
    const { i32 } = this.#reader;
    const word = entry.offset >> 2;
    const t = entry.t;
    const connection = i32[word]!;
    const stream = i32[word + 1]!;
    switch (entry.kind) {
      case EntryKind.STREAM_STATE:
        return { kind: 'stream-state', t, seq, connection, stream, from: i32[word + 2]!, to: i32[word + 3]! };
      case EntryKind.PAIRED: {
        const backendConnection = i32[word + 2]!;
        return { kind: 'paired', t, seq, connection, stream, backendConnection, backendStream: i32[word + 3]! };
      }
      case EntryKind.SEND_BLOCKED: {
        const cause = i32[word + 2] as 0 | 1 | 2 | 3;
        return { kind: 'send-blocked', t, seq, connection, stream, cause, pendingBytes: i32[word + 3]! };
      }
      case EntryKind.GRPC_MESSAGE: {
        const bits = i32[word + 2]!;
        return {
          kind: 'grpc-message',
          t,
          seq,
          connection,
          stream,
          direction: (bits & 1) as 0 | 1,
          number: i32[word + 4]!,
          flags: (bits >>> 8) & 0xff,
          length: i32[word + 3]! >>> 0,
          at: i32[word + 5]!,
          phase: (bits & MessageBit.END) !== 0 ? 'end' : (bits & MessageBit.WHOLE) !== 0 ? 'whole' : 'begin',
        };
      }
      default:
        return { ...(this.#json(entry) as LogEvent), t, seq };
    }
  }

  #payload(entry: EntryView, seq: number): void {
    const { i32, bytes } = this.#reader;
    const word = entry.offset >> 2;
    const ordinal = i32[word + 4]! >>> 0;
    const lost = (ordinal - this.#pieces - 1) >>> 0;
    this.#pieces = ordinal;
    if (lost > 0) this.#sink.payloadsLost(lost);
    const connection = i32[word]!;
    const offsetType = i32[word + 2]!;
    const from = entry.offset + 24;
    this.#sink.payload({
      seq,
      connection: connection & CONNECTION_MASK,
      leg: (connection >>> 31) as 0 | 1,
      direction: ((connection >>> 30) & 1) as 0 | 1,
      stream: i32[word + 1]!,
      type: offsetType >>> 24,
      offset: offsetType & 0xff_ffff,
      octets: new Uint8Array(bytes.subarray(from, from + i32[word + 3]!)),
    });
  }

  #string(entry: EntryView): KnownString {
    const { i32, bytes } = this.#reader;
    const word = entry.offset >> 2;
    const redacted = (i32[word + 1]! & StringFlag.REDACTED) !== 0;
    const kept = i32[word + 3]!;
    return {
      text: redacted ? '' : bytes.toString('latin1', entry.offset + 16, entry.offset + 16 + kept),
      bytes: i32[word + 2]!,
      hash: redacted ? hex(i32[word + 5]!) + hex(i32[word + 4]!) : null,
    };
  }

  #section(entry: EntryView): FieldSection {
    const { i32 } = this.#reader;
    const word = entry.offset >> 2;
    const head = i32[word + SectionWord.HEAD]!;
    const count = i32[word + SectionWord.COUNT]!;
    let fields = NO_FIELDS;
    if (count === KNOWN_HEAD) {
      fields = this.#heads.get(head) ?? NO_FIELDS;
    } else {
      fields = this.#fields(word + SectionWord.FIELDS, count);
      if (head !== 0) this.#heads.set(head, fields);
    }
    return {
      section: i32[word + SectionWord.SECTION]! >>> 0,
      t: entry.t,
      connection: i32[word + SectionWord.CONNECTION]!,
      stream: i32[word + SectionWord.STREAM]!,
      direction: (i32[word + SectionWord.KIND]! & 1) as 0 | 1,
      kind: (i32[word + SectionWord.KIND]! >>> 8) as SectionKind,
      wireBytes: i32[word + SectionWord.WIRE_BYTES]!,
      fieldsOmitted: i32[word + SectionWord.OMITTED]!,
      fields,
    };
  }

  #fields(from: number, count: number): readonly Field[] {
    const { i32 } = this.#reader;
    const fields: Field[] = new Array(count);
    for (let i = 0, at = from; i < count; i++, at += 4) {
      const name = this.#strings.get(i32[at]!) ?? UNKNOWN;
      const value = this.#strings.get(i32[at + 1]!) ?? UNKNOWN;
      const kind = i32[at + 2]!;
      fields[i] = {
        name: name.text,
        value: value.text,
        representation: (kind & 0xff) as Representation,
        index: kind >>> 8,
        wireBytes: i32[at + 3]!,
        valueBytes: value.bytes,
        redacted: value.hash,
      };
    }
    return fields;
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
