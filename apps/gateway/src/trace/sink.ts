/**
 * Everything the taps of all connections share: the clock, the rings, the tables and the strings. A *turn* is one run
 * of the gateway's main thread until it waits again; the clock is read, and the rings published, once per turn or every
 * few records, because reading a clock costs more than writing a record.
 */
import { randomBytes } from 'node:crypto';
import type { LogEvent } from '@glassway/inspector-protocol';
import { EntryKind, EntryRing } from './entry-ring.ts';
import { FrameRing, MAX_UNPUBLISHED_RECORDS } from './frame-ring.ts';
import { Control, type SharedTrace } from './shared.ts';
import { SipHash } from './siphash.ts';
import { CONNECTION_SLOT_BYTES, ConnectionI, SlotTable, STREAM_SLOT_BYTES, StreamI } from './slots.ts';
import { StringPool } from './strings.ts';

/** Field lines of one section that are kept. */
export const MAX_SECTION_FIELDS = 512;
/** Characters of texts in events (debug data, messages) that are kept. */
const MAX_TEXT = 1024;
const CLOCK_EVERY = MAX_UNPUBLISHED_RECORDS / 2;

type WithoutPlace<E> = E extends unknown ? Omit<E, 't' | 'seq'> : never;
/** An event as the writer gives it; time and place are added. */
export type NewEvent = WithoutPlace<LogEvent>;

/** Something that is finished at the end of a turn. */
export interface TurnEnd {
  endTurn(): void;
}

/** What a sink is made with. */
export interface SinkOptions {
  /** Microseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Show secrets. */
  readonly revealed: boolean;
}

const RESOLVED = Promise.resolve();

/** The shared end of the recorder. */
export class Sink {
  /** Microseconds; as of the beginning of this turn, or a few records ago. */
  now: number;
  readonly frames: FrameRing;
  readonly entries: EntryRing;
  readonly connections: SlotTable;
  readonly streams: SlotTable;
  readonly strings: StringPool;
  readonly #control: Int32Array;
  readonly #clock: () => number;
  readonly #ending: TurnEnd[] = [];
  readonly #endTurn: () => void = () => this.endTurn();
  #inTurn = false;
  #untilClock = CLOCK_EVERY;
  // One section at a time: core and gateway finish a section before they begin another.
  readonly #section = new Int32Array(MAX_SECTION_FIELDS * 4);
  #sectionFields = 0;
  #sectionOmitted = 0;
  #sections = 0;
  /** True when the section being gathered holds a redacted value. */
  sectionRedacted = false;

  constructor(shared: SharedTrace, options: SinkOptions) {
    this.#control = new Int32Array(shared.control);
    this.#clock = options.clock;
    this.now = options.clock();
    this.frames = new FrameRing(shared);
    this.entries = new EntryRing(shared);
    this.connections = new SlotTable(shared.connections, CONNECTION_SLOT_BYTES, this.#control, Control.CONNECTION_ROWS);
    this.streams = new SlotTable(shared.streams, STREAM_SLOT_BYTES, this.#control, Control.STREAM_ROWS);
    this.strings = new StringPool(this.entries, new SipHash(randomBytes(16)), options.revealed);
  }

  /** Call before any writing: begins a turn, or moves the clock on within a long one. */
  touch(): void {
    if (this.#inTurn) {
      if (--this.#untilClock === 0) this.#refresh();
      return;
    }
    this.#inTurn = true;
    Atomics.add(this.#control, Control.EPOCH, 1);
    this.#refresh();
    RESOLVED.then(this.#endTurn);
  }

  #refresh(): void {
    this.#untilClock = CLOCK_EVERY;
    this.now = this.#clock();
    this.frames.publish();
  }

  /** Ends the turn now: all is published, and rows agree with the cursors until the next `touch`. */
  endTurn(): void {
    if (!this.#inTurn) return;
    for (const item of this.#ending) item.endTurn();
    this.#ending.length = 0;
    this.entries.publish();
    this.frames.publish();
    Atomics.add(this.#control, Control.EPOCH, 1);
    this.#inTurn = false;
  }

  /** `item.endTurn` is called when this turn ends. */
  atTurnEnd(item: TurnEnd): void {
    this.#ending.push(item);
  }

  /** Begins to gather a section. */
  beginSection(): void {
    this.strings.prepare(this.frames.position, this.now);
    this.#sectionFields = 0;
    this.#sectionOmitted = 0;
    this.sectionRedacted = false;
  }

  /** One field line of it. */
  field(name: string, value: string, representation: number, index: number, wireBytes: number): void {
    if (this.#sectionFields === MAX_SECTION_FIELDS) {
      this.#sectionOmitted++;
      return;
    }
    const seq = this.frames.position;
    const at = this.#sectionFields++ * 4;
    this.#section[at] = this.strings.name(name, seq, this.now);
    this.#section[at + 1] = this.strings.value(name, value, representation, seq, this.now);
    this.#section[at + 2] = representation | (index << 8);
    this.#section[at + 3] = wireBytes;
    if (this.strings.redacted) this.sectionRedacted = true;
  }

  /** A number for a section, u32, never 0. */
  newSection(): number {
    this.#sections = this.#sections === 0xffff_ffff ? 1 : this.#sections + 1;
    return this.#sections;
  }

  /** Writes the section with the number it was given. */
  endSection(
    section: number,
    connection: number,
    stream: number,
    direction: number,
    kind: number,
    wireBytes: number,
  ): void {
    const words = this.#sectionFields * 4;
    const ring = this.entries;
    const word = ring.begin(EntryKind.SECTION, 32 + words * 4, this.frames.position, this.now) >> 2;
    const i32 = ring.i32;
    i32[word] = connection;
    i32[word + 1] = stream;
    i32[word + 2] = section;
    i32[word + 3] = direction | (kind << 8);
    i32[word + 4] = wireBytes;
    i32[word + 5] = this.#sectionFields;
    i32[word + 6] = this.#sectionOmitted;
    i32[word + 7] = 0;
    for (let i = 0; i < words; i++) i32[word + 8 + i] = this.#section[i]!;
    ring.commit();
  }

  /** Writes an entry of four numbers: STREAM_STATE, PAIRED or SEND_BLOCKED. */
  numbers(kind: number, a: number, b: number, c: number, d: number): void {
    const ring = this.entries;
    const word = ring.begin(kind, 16, this.frames.position, this.now) >> 2;
    ring.i32[word] = a;
    ring.i32[word + 1] = b;
    ring.i32[word + 2] = c;
    ring.i32[word + 3] = d;
    ring.commit();
  }

  /** Writes the last look of a row and frees it. */
  closeStreamRow(base: number): void {
    this.#copyRow(EntryKind.STREAM_ROW, this.streams, base);
    this.streams.i32[base * 2 + StreamI.CONNECTION] = 0;
    this.streams.i32[base * 2 + StreamI.REVISION]! += 1;
    this.streams.give(base);
  }

  /** Writes the last look of a row and frees it. */
  closeConnectionRow(base: number): void {
    this.#copyRow(EntryKind.CONNECTION_ROW, this.connections, base);
    this.connections.i32[base * 2 + ConnectionI.ID] = 0;
    this.connections.i32[base * 2 + ConnectionI.REVISION]! += 1;
    this.connections.give(base);
  }

  #copyRow(kind: number, table: SlotTable, base: number): void {
    const ring = this.entries;
    const double = ring.begin(kind, table.stride * 8, this.frames.position, this.now) >> 3;
    for (let i = 0; i < table.stride; i++) ring.f64[double + i] = table.f64[base + i]!;
    ring.commit();
  }

  /** Writes a rare event. Its texts must have been cut by `clip`. `kind`: EVENT or RETOLD. */
  event(event: NewEvent, kind: number = EntryKind.EVENT): void {
    const ring = this.entries;
    const json = JSON.stringify(event);
    const at = ring.begin(kind, 8 + json.length * 3, this.frames.position, this.now);
    ring.i32[at >> 2] = ring.bytes.write(json, at + 8, json.length * 3, 'utf8');
    ring.commit();
  }
}

/** Cuts a text for an event. */
export function clip(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
