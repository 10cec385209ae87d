/**
 * The logs of field sections and of events: what is kept of them and how batches are made. They are rings of plain numbers,
 * because at many requests a second an object for each item costs more to keep than everything else here.
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
  type SectionKind,
} from '@glassway/inspector-protocol';
import { Source } from './source.ts';

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
