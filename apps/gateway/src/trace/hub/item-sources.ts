/**
 * The logs of field sections, of events and of octets: what is kept of them and how batches are made. The first two are
 * rings of plain numbers, because at many requests a second an object for each item costs more to keep than everything
 * else here.
 */
import {
  CONNECTION_MASK,
  connectionWord,
  EventCode,
  EventsEncoder,
  type Field,
  type FieldSection,
  FieldsEncoder,
  type FrameMatcher,
  type LogEvent,
  type PayloadPiece,
  pieceBytes,
  type SectionKind,
  writePayloads,
} from '@glassway/inspector-protocol';
import type { ItemBatch, ItemCursor, ItemLogName, ItemSource } from './viewer.ts';

/** Octets after which a message is complete. */
const BATCH_BYTES: number = 32 * 1024;
/** Samples are the first that a viewer goes without: they may use only the first half of its credit. */
const PAYLOAD_CREDIT_SHARE = 0.5;

abstract class Source implements ItemSource {
  abstract readonly name: ItemLogName;
  readonly creditShare: number = 1;
  readonly capacity: number;
  /** Position of the next item. */
  head = 0;
  // Per place: how many were lost instead of an item, 0: it is one.
  readonly #lost: Float64Array;
  // Batches of this round: several viewers want the same.
  readonly #cache = new Map<string, ItemBatch>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#lost = new Float64Array(capacity);
  }

  /** The oldest position still kept. */
  get oldest(): number {
    return Math.max(0, this.head - this.capacity);
  }

  /** True when the next item overwrites the oldest. */
  get full(): boolean {
    return this.head >= this.capacity;
  }

  lost(position: number): number {
    return this.#lost[position % this.capacity]!;
  }

  /** Stands in the log for that many items that were lost. */
  gap(lost: number): void {
    this.#lost[this.head++ % this.capacity] = lost;
  }

  /** The place of a new item. */
  protected place(): number {
    const place = this.head++ % this.capacity;
    this.#lost[place] = 0;
    return place;
  }

  matches(position: number, matcher: FrameMatcher | null): boolean {
    return this.lost(position) === 0 && (matcher === null || this.chosen(position % this.capacity, matcher));
  }

  /** Forgets the batches of the last round. */
  newRound(): void {
    this.#cache.clear();
  }

  batch(cursor: ItemCursor): ItemBatch {
    const key = `${cursor.position}${cursor.matcher?.key ?? ''}`;
    let batch = this.#cache.get(key);
    if (batch === undefined) {
      batch = this.#make(cursor.position, cursor.matcher);
      this.#cache.set(key, batch);
    }
    return batch;
  }

  #make(from: number, matcher: FrameMatcher | null): ItemBatch {
    let count = 0;
    let at = from;
    for (let bytes = 0; at < this.head && bytes < BATCH_BYTES; at++) {
      if (this.lost(at) > 0) break;
      if (!this.matches(at, matcher)) continue;
      bytes = this.add(at % this.capacity);
      count++;
    }
    return { bytes: count === 0 ? null : this.finish(from, at), to: at };
  }

  protected abstract chosen(place: number, matcher: FrameMatcher): boolean;
  /** Adds an item to the message that is being made; octets it has now. */
  protected abstract add(place: number): number;
  protected abstract finish(from: number, to: number): Uint8Array;
}

/** The log of field sections. */
export class SectionSource extends Source {
  readonly name = 'fields' as const;
  readonly #t: Float64Array;
  // Section, connection word, stream, kind, wire bytes, fields omitted.
  readonly #words: Uint32Array;
  readonly #fields: (readonly Field[])[] = [];
  readonly #encoder = new FieldsEncoder();

  constructor(capacity: number) {
    super(capacity);
    this.#t = new Float64Array(capacity);
    this.#words = new Uint32Array(capacity * WORDS);
  }

  /** Takes a section in; nothing but its list of fields is held on to. */
  push(section: FieldSection, leg: 0 | 1): void {
    const place = this.place();
    const word = place * WORDS;
    this.#t[place] = section.t;
    this.#fields[place] = section.fields;
    this.#words[word] = section.section;
    this.#words[word + 1] = connectionWord(section.connection, leg, section.direction);
    this.#words[word + 2] = section.stream;
    this.#words[word + 3] = section.kind;
    this.#words[word + 4] = section.wireBytes;
    this.#words[word + 5] = section.fieldsOmitted;
  }

  /** The section at a position from `oldest` to before `head`; undefined when it was lost. */
  at(position: number): FieldSection | undefined {
    if (this.lost(position) > 0) return undefined;
    const place = position % this.capacity;
    const word = place * WORDS;
    const words = this.#words;
    return {
      section: words[word]!,
      t: this.#t[place]!,
      connection: words[word + 1]! & CONNECTION_MASK,
      stream: words[word + 2]!,
      direction: ((words[word + 1]! >>> 30) & 1) as 0 | 1,
      kind: words[word + 3] as SectionKind,
      wireBytes: words[word + 4]!,
      fields: this.#fields[place]!,
      fieldsOmitted: words[word + 5]!,
    };
  }

  protected chosen(place: number, matcher: FrameMatcher): boolean {
    return matcher.matches(this.#words[place * WORDS + 1]!, this.#words[place * WORDS + 2]!, 0);
  }

  protected add(place: number): number {
    const word = place * WORDS;
    const words = this.#words;
    const connection = words[word + 1]!;
    this.#encoder.addParts(
      this.#t[place]!,
      words[word]!,
      connection & CONNECTION_MASK,
      words[word + 2]!,
      (connection >>> 30) & 1,
      words[word + 3]!,
      words[word + 4]!,
      words[word + 5]!,
      this.#fields[place]!,
    );
    return this.#encoder.bytes;
  }

  protected finish(from: number, to: number): Uint8Array {
    return this.#encoder.finish(from, to);
  }
}

const WORDS = 6;

/** The log of events. */
export class EventSource extends Source {
  readonly name = 'events' as const;
  readonly #times: Float64Array;
  // Code, connection, stream, a, b (see `EventCode`).
  readonly #words: Uint32Array;
  // Events that are more than numbers.
  readonly #events: (LogEvent | null)[] = [];
  readonly #encoder = new EventsEncoder();

  constructor(capacity: number) {
    super(capacity);
    this.#times = new Float64Array(2 * capacity);
    this.#words = new Uint32Array(capacity * EVENT_WORDS);
  }

  /** Takes an event in. */
  push(event: LogEvent): void {
    const place = this.place();
    this.#words[place * EVENT_WORDS] = EventCode.TEXT;
    this.#events[place] = event;
  }

  /** Takes an event in that is numbers alone. */
  pushNumbers(code: number, t: number, seq: number, connection: number, stream: number, a: number, b: number): void {
    const place = this.place();
    const word = place * EVENT_WORDS;
    this.#times[2 * place] = t;
    this.#times[2 * place + 1] = seq;
    this.#words[word] = code;
    this.#words[word + 1] = connection;
    this.#words[word + 2] = stream;
    this.#words[word + 3] = a;
    this.#words[word + 4] = b;
    this.#events[place] = null;
  }

  protected chosen(): boolean {
    return true;
  }

  protected add(place: number): number {
    const word = place * EVENT_WORDS;
    const words = this.#words;
    const event = this.#events[place];
    if (event !== null) this.#encoder.add(event!);
    else {
      this.#encoder.addNumbers(
        words[word]!,
        this.#times[2 * place]!,
        this.#times[2 * place + 1]!,
        words[word + 1]!,
        words[word + 2]!,
        words[word + 3]!,
        words[word + 4]!,
      );
    }
    return this.#encoder.bytes;
  }

  protected finish(from: number, to: number): Uint8Array {
    return this.#encoder.finish(from, to);
  }
}

const EVENT_WORDS = 5;

/** The log of octets of frames. */
export class PayloadSource extends Source {
  readonly name = 'payloads' as const;
  override readonly creditShare: number = PAYLOAD_CREDIT_SHARE;
  readonly #pieces: PayloadPiece[] = [];
  #made: PayloadPiece[] = [];
  #bytes = 0;

  /** Takes octets in. */
  push(piece: PayloadPiece): void {
    this.#pieces[this.place()] = piece;
  }

  protected chosen(place: number, matcher: FrameMatcher): boolean {
    const { connection, leg, direction, stream, type } = this.#pieces[place]!;
    return matcher.matches(connectionWord(connection, leg, direction), stream, type);
  }

  protected add(place: number): number {
    const piece = this.#pieces[place]!;
    this.#made.push(piece);
    this.#bytes += pieceBytes(piece);
    return this.#bytes;
  }

  protected finish(from: number, to: number): Uint8Array {
    const message = writePayloads({ from, to, pieces: this.#made });
    this.#made = [];
    this.#bytes = 0;
    return message;
  }
}
