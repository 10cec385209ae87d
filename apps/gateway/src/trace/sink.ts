/**
 * Everything the taps of all connections share: the clock, the rings, the tables and the strings. A *turn* is one round
 * of the main thread's event loop; the clock is read, and the rings published, once per turn or every few records,
 * because reading a clock costs more than writing a record, and a microtask after every socket event more than both.
 */
import { randomBytes } from 'node:crypto';
import type { LogEvent } from '@glassway/inspector-protocol';
import { Bodies } from './bodies.ts';
import { DetailBudget } from './detail-budget.ts';
import { EntryKind, EntryRing, MAX_ENTRY_BYTES } from './entry-ring.ts';
import { FrameRing, MAX_UNPUBLISHED_RECORDS } from './frame-ring.ts';
import type { Numbering } from './numbering.ts';
import { SectionWriter } from './section-writer.ts';
import { Control, type SharedTrace } from './shared.ts';
import { SipHash } from './siphash.ts';
import { CONNECTION_SLOT_BYTES, ConnectionI, SlotTable, STREAM_SLOT_BYTES, StreamI } from './slots.ts';
import { type StreamHead, StreamHeads } from './stream-heads.ts';
import { StringPool } from './strings.ts';
import { WireOctets } from './wire-octets.ts';

/** Characters of texts in events (debug data, messages) that are kept. */
const MAX_TEXT = 1024;
/** Far above what texts of that length need, even escaped; nothing a peer sends may make the recorder throw. */
const MAX_EVENT_BYTES: number = MAX_ENTRY_BYTES - 64;
/** Records after which the clock is read again within a turn. */
const CLOCK_EVERY = MAX_UNPUBLISHED_RECORDS / 2;

type WithoutPlace<E> = E extends unknown ? Omit<E, 't' | 'seq'> : never;
/** An event as the writer gives it; time and place are added. */
export type NewEvent = WithoutPlace<LogEvent>;

/** What an open stream asks for, told again. */
export interface RetoldHead extends StreamHead {
  readonly kind: 'stream-head';
  readonly connection: number;
  readonly stream: number;
}

/** Finishes a stream's row at the end of the turn in which it closed. */
export interface StreamEnder {
  end(row: number): void;
}

/** What a sink is made with. */
export interface SinkOptions {
  /** Microseconds of a monotonic clock. */
  readonly clock: () => number;
  /** Show secrets. */
  readonly revealed: boolean;
  /** See `DetailBudget`. */
  readonly idleBytesPerSecond?: number;
  /** Default: this is the only process. */
  readonly numbering?: Numbering;
  /** 16 octets that hashes of hidden values are made with, the same in processes that are looked at together. Default: random. */
  readonly hashKey?: Uint8Array;
  /** Octets kept of each DATA frame. Default 0: none. */
  readonly payloadBytes?: number;
}

/** The shared end of the recorder. */
export class Sink {
  readonly frames: FrameRing;
  readonly entries: EntryRing;
  readonly connections: SlotTable;
  readonly streams: SlotTable;
  readonly strings: StringPool;
  /** By row of `streams`. */
  readonly heads: StreamHeads = new StreamHeads();
  readonly sections: SectionWriter;
  /** The worker that its connections say they are of; null: there is only one process. */
  readonly worker: number | null;
  /** By row of `streams`. */
  readonly bodies: Bodies;
  readonly octets: WireOctets;
  private readonly control: Int32Array;
  private readonly clock: () => number;
  // Rows of streams that closed in this turn and whose they are: lists that keep their length, for they are always needed.
  private readonly ending: number[] = [];
  private readonly enders: (StreamEnder | null)[] = [];
  private endings = 0;
  private readonly onTurnEnd: () => void = () => this.endTurn();
  private inTurn = false;
  private untilClock = CLOCK_EVERY;
  private readonly budget: DetailBudget;

  constructor(shared: SharedTrace, options: SinkOptions) {
    this.control = new Int32Array(shared.control);
    this.clock = options.clock;
    this.budget = new DetailBudget(options.idleBytesPerSecond);
    this.frames = new FrameRing(shared);
    this.frames.time[0] = options.clock();
    this.entries = new EntryRing(shared);
    this.bodies = new Bodies(this.entries);
    this.octets = new WireOctets(this.entries, options.payloadBytes ?? 0);
    this.connections = new SlotTable(shared.connections, CONNECTION_SLOT_BYTES, this.control, Control.CONNECTION_ROWS);
    this.streams = new SlotTable(shared.streams, STREAM_SLOT_BYTES, this.control, Control.STREAM_ROWS);
    this.strings = new StringPool(this.entries, new SipHash(options.hashKey ?? randomBytes(16)), options.revealed);
    this.sections = new SectionWriter(this.frames, this.entries, this.strings, this.budget, options.numbering);
    this.worker = options.numbering === undefined ? null : options.numbering.worker;
  }

  /** Microseconds; as of the beginning of this turn, or a few records ago. */
  get now(): number {
    return this.frames.time[0]!;
  }

  /** Call before any writing: begins a turn, or moves the clock on within a long one. */
  touch(): void {
    if (this.inTurn) {
      if (--this.untilClock === 0) this.refresh();
      return;
    }
    this.inTurn = true;
    Atomics.add(this.control, Control.EPOCH, 1);
    this.refresh();
    setImmediate(this.onTurnEnd);
  }

  private refresh(): void {
    this.untilClock = CLOCK_EVERY;
    this.frames.time[0] = this.clock();
    const awake = Atomics.load(this.control, Control.AWAKE) === 1;
    this.budget.update(this.now, this.entries.position, awake);
    this.octets.update(this.now, this.budget.detailed, awake);
    // What tells of a frame's stream is seen before the frame.
    this.entries.publish();
    this.frames.publish();
  }

  /** Whether details are recorded now. */
  get isDetailed(): boolean {
    return this.budget.detailed;
  }

  /** Ends the turn now: all is published, and rows agree with the cursors until the next `touch`. */
  endTurn(): void {
    if (!this.inTurn) return;
    for (let i = 0; i < this.endings; i++) this.endStream(i);
    this.endings = 0;
    this.entries.publish();
    this.frames.publish();
    Atomics.add(this.control, Control.EPOCH, 1);
    this.inTurn = false;
  }

  /** `ender.end(row)` is called when this turn ends, once for each call of this. */
  endAtTurnEnd(ender: StreamEnder, row: number): void {
    const at = this.endings++;
    this.ending[at] = row;
    this.enders[at] = ender;
  }

  /** Finishes now what closed of this one's in this turn. */
  endStreamsOf(ender: StreamEnder): void {
    for (let i = 0; i < this.endings; i++) {
      if (this.enders[i] === ender) this.endStream(i);
    }
  }

  private endStream(at: number): void {
    const ender = this.enders[at] ?? null;
    this.enders[at] = null;
    if (ender !== null) ender.end(this.ending[at]!);
  }

  /** Writes an entry of four numbers (STREAM_STATE, PAIRED or SEND_BLOCKED), if details are recorded. */
  numbers(kind: number, a: number, b: number, c: number, d: number): void {
    const ring = this.entries;
    if (!this.budget.detailed) {
      ring.skip(kind);
      return;
    }
    const word = ring.begin(kind, 16, this.frames.position, this.now) >> 2;
    ring.i32[word] = a;
    ring.i32[word + 1] = b;
    ring.i32[word + 2] = c;
    ring.i32[word + 3] = d;
    ring.commit();
  }

  /** Writes the last look of a row and frees it. */
  closeStreamRow(base: number): void {
    if (this.budget.detailed) this.copyRow(EntryKind.STREAM_ROW, this.streams, base);
    this.heads.clear(base / this.streams.stride);
    this.streams.i32[base * 2 + StreamI.CONNECTION] = 0;
    this.streams.i32[base * 2 + StreamI.REVISION]! += 1;
    this.streams.give(base);
  }

  /** Writes the last look of a row and frees it. */
  closeConnectionRow(base: number): void {
    this.copyRow(EntryKind.CONNECTION_ROW, this.connections, base);
    this.connections.i32[base * 2 + ConnectionI.ID] = 0;
    this.connections.i32[base * 2 + ConnectionI.REVISION]! += 1;
    this.connections.give(base);
  }

  private copyRow(kind: number, table: SlotTable, base: number): void {
    const ring = this.entries;
    const double = ring.begin(kind, table.stride * 8, this.frames.position, this.now) >> 3;
    for (let i = 0; i < table.stride; i++) ring.f64[double + i] = table.f64[base + i]!;
    ring.commit();
  }

  /** Writes an event that may not be rare, if details are recorded. Its texts must have been cut by `clip`. */
  detail(event: NewEvent): void {
    if (this.budget.detailed) this.event(event);
    else this.entries.skip(EntryKind.EVENT);
  }

  /** Writes a rare event. Its texts must have been cut by `clip`. `kind`: EVENT or RETOLD. */
  event(event: NewEvent | RetoldHead, kind: number = EntryKind.EVENT): void {
    const ring = this.entries;
    const json = JSON.stringify(event);
    if (json.length * 3 > MAX_EVENT_BYTES) {
      ring.skip(kind);
      return;
    }
    const at = ring.begin(kind, 8 + json.length * 3, this.frames.position, this.now);
    ring.i32[at >> 2] = ring.bytes.write(json, at + 8, json.length * 3, 'utf8');
    ring.commit();
  }
}

/** Cuts a text for an event. */
export function clip(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
