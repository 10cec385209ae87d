/** Turns entries of shared memory into sections, events, octets and rows. */
import {
  CONNECTION_MASK,
  type ConnectionState,
  EventCode,
  type Field,
  type FieldSection,
  type LogEvent,
  type PayloadPiece,
  type Representation,
  type SectionKind,
} from '@glassway/inspector-protocol';
import { MessageBit } from '../bodies.ts';
import { EntryKind, type EntryRingReader, type EntryView, KNOWN_HEAD, SectionWord, StringFlag } from '../entry-ring.ts';
import type { RetoldHead } from '../sink.ts';
import { type HeadFacts, readHeadFacts } from './head-facts.ts';
import { readConnection } from './slot-reader.ts';

/** Where decoded entries go. */
export interface EntrySink {
  /** The object is used again for the next one; its list of fields is not. */
  section(section: FieldSection, facts: HeadFacts): void;
  /** An event that is numbers alone, see `EventCode`. */
  numbers(code: number, t: number, seq: number, connection: number, stream: number, a: number, b: number): void;
  /** `retold`: it happened before and is told again. */
  event(event: LogEvent, retold: boolean): void;
  /** What an open stream asks for, told again. */
  streamHead(head: RetoldHead): void;
  /** The last row of a stream, at a double's index; it may be read during the call. */
  streamClosed(f64: Float64Array, i32: Int32Array, base: number): void;
  /** The last row of a connection. */
  connectionClosed(row: ConnectionState): void;
  /** Octets of a frame; they may be read during the call. */
  payload(piece: PayloadPiece): void;
  /** This many pieces of octets were not recorded, or lost. */
  payloadsLost(count: number): void;
  /** Entries were lost: strings, rows, events, sections; how many is known with the next entry. */
  overrun(): void;
  /** This many events and sections were lost. */
  lost(events: number, sections: number): void;
}

interface Head {
  readonly fields: readonly Field[];
  readonly facts: HeadFacts;
}

interface KnownString {
  readonly text: string;
  readonly bytes: number;
  readonly hash: string | null;
}

/** By kind of entry. */
const CODES: Readonly<Record<number, number>> = {
  [EntryKind.STREAM_STATE]: EventCode.STREAM_STATE,
  [EntryKind.PAIRED]: EventCode.PAIRED,
  [EntryKind.SEND_BLOCKED]: EventCode.SEND_BLOCKED,
};
const NO_HEAD: Head = { fields: [], facts: readHeadFacts([]) };
const UNKNOWN: KnownString = { text: '', bytes: 0, hash: null };

/** Reads the entry ring to its end, step by step. */
export class EntryDecoder {
  readonly #reader: EntryRingReader;
  readonly #sink: EntrySink;
  readonly #frameHead: () => number;
  #strings = new Map<number, KnownString>();
  // Of one generation, as strings are.
  #heads = new Map<number, Head>();
  readonly #view: { -readonly [Name in keyof FieldSection]: FieldSection[Name] } = {
    section: 0,
    t: 0,
    connection: 0,
    stream: 0,
    direction: 0,
    kind: 0,
    wireBytes: 0,
    fieldsOmitted: 0,
    fields: NO_HEAD.fields,
  };
  /** Where the log of frames was when the last entry taken in was written. */
  framePosition = 0;
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
      this.framePosition = head + ((entry.seq - (head >>> 0)) | 0);
      this.#decode(entry, this.framePosition);
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
        this.#section(entry);
        return;
      case EntryKind.STREAM_ROW:
        this.#sink.streamClosed(this.#reader.f64, i32, entry.offset >> 3);
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
      case EntryKind.GRPC_MESSAGE:
        this.#events = (this.#events + 1) >>> 0;
        this.#sink.event(this.#message(entry, seq), false);
        return;
      case EntryKind.EVENT:
        this.#events = (this.#events + 1) >>> 0;
        this.#sink.event({ ...(this.#json(entry) as LogEvent), t: entry.t, seq }, false);
        return;
      default: {
        const code = CODES[entry.kind]!;
        this.#events = (this.#events + 1) >>> 0;
        this.#sink.numbers(code, entry.t, seq, i32[word]!, i32[word + 1]!, i32[word + 2]!, i32[word + 3]!);
      }
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

  /** A message of gRPC. */
  #message(entry: EntryView, seq: number): LogEvent {
    const { i32 } = this.#reader;
    const word = entry.offset >> 2;
    const bits = i32[word + 2]!;
    return {
      kind: 'grpc-message',
      t: entry.t,
      seq,
      connection: i32[word]!,
      stream: i32[word + 1]!,
      direction: (bits & 1) as 0 | 1,
      number: i32[word + 4]!,
      flags: (bits >>> 8) & 0xff,
      length: i32[word + 3]! >>> 0,
      at: i32[word + 5]!,
      phase: (bits & MessageBit.END) !== 0 ? 'end' : (bits & MessageBit.WHOLE) !== 0 ? 'whole' : 'begin',
    };
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
      octets: bytes.subarray(from, from + i32[word + 3]!),
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

  #section(entry: EntryView): void {
    const { i32 } = this.#reader;
    const word = entry.offset >> 2;
    const head = i32[word + SectionWord.HEAD]!;
    const count = i32[word + SectionWord.COUNT]!;
    let known = NO_HEAD;
    if (count === KNOWN_HEAD) {
      known = this.#heads.get(head) ?? NO_HEAD;
    } else {
      const fields = this.#fields(word + SectionWord.FIELDS, count);
      known = { fields, facts: readHeadFacts(fields) };
      if (head !== 0) this.#heads.set(head, known);
    }
    const section = this.#view;
    section.section = i32[word + SectionWord.SECTION]! >>> 0;
    section.t = entry.t;
    section.connection = i32[word + SectionWord.CONNECTION]!;
    section.stream = i32[word + SectionWord.STREAM]!;
    section.direction = (i32[word + SectionWord.KIND]! & 1) as 0 | 1;
    section.kind = (i32[word + SectionWord.KIND]! >>> 8) as SectionKind;
    section.wireBytes = i32[word + SectionWord.WIRE_BYTES]!;
    section.fieldsOmitted = i32[word + SectionWord.OMITTED]!;
    section.fields = known.fields;
    this.#sink.section(section, known.facts);
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
