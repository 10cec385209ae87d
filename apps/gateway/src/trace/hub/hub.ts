/**
 * The hub: reads the trace out of shared memory and tells the viewers. It runs in a worker thread, so nothing a viewer
 * does can slow the gateway down; if the hub itself falls behind, the writer goes on and the loss is counted.
 *
 *     rings and tables --> feed, decoder, slot reader --> logs and model --> viewers
 */
import { type ClientMessage, packSections, type Reply } from '@glassway/inspector-protocol';
import { EntryRingReader } from '../entry-ring.ts';
import { FrameRingReader } from '../frame-ring.ts';
import { Control, type SharedTrace } from '../shared.ts';
import { Audience, type AudienceOptions } from './audience.ts';
import { EntryDecoder } from './entry-decoder.ts';
import { FrameFeed, type WriterMoment } from './frame-feed.ts';
import { Model, type ModelLimits } from './model.ts';
import { Reception, type ReceptionOptions } from './reception.ts';
import { SlotReader } from './slot-reader.ts';
import { type VerdictEvent, VerdictWatch } from './verdict-watch.ts';
import type { Viewer, ViewerHost, ViewerPort } from './viewer.ts';

/** Sizes and times of a hub. */
export interface HubOptions extends ModelLimits, AudienceOptions, ReceptionOptions {
  /** Asks the recorder to tell again what lasts; called after entries were lost. */
  readonly requestResync: () => void;
  /** Told when a stream stands still, why, and when it goes on. With it the hub never sleeps. */
  readonly onVerdict?: (event: VerdictEvent) => void;
  /** The hub has begun to read again: `tick` is wanted often. */
  readonly onWake?: () => void;
}

const ENTRIES_PER_STEP = 4096;
/** Time after which a tick reads no further entries, microseconds. */
const STEP_US = 50_000;

/** Reads one gateway's trace and serves any number of viewers. */
export class Hub implements ViewerHost {
  readonly #options: HubOptions;
  readonly #control: Int32Array;
  readonly #ring: FrameRingReader;
  readonly #feed: FrameFeed;
  readonly #entries: EntryRingReader;
  readonly #decoder: EntryDecoder;
  readonly #slots: SlotReader;
  readonly #model: Model;
  readonly #audience: Audience;
  readonly #reception: Reception;
  readonly #verdicts: VerdictWatch;
  #lossy = false;
  #asleep = true;

  constructor(shared: SharedTrace, options: HubOptions) {
    this.#options = options;
    this.#control = new Int32Array(shared.control);
    this.#ring = new FrameRingReader(shared);
    this.#feed = new FrameFeed(this.#ring);
    this.#slots = new SlotReader(shared);
    this.#model = new Model(options);
    this.#model.onForgotten = connection => this.#feed.forget(connection);
    this.#audience = new Audience(this.#feed, this.#ring.capacity, this.#model, {
      ...options,
      payloadBytes: options.identity.payloadBytes ?? 0,
    });
    this.#reception = new Reception(this.#audience, this.#ring.capacity, options);
    this.#verdicts = new VerdictWatch(this.#model, event => {
      this.#audience.event(event);
      options.onVerdict?.(event);
    });
    this.#entries = new EntryRingReader(shared);
    this.#decoder = new EntryDecoder(this.#entries, () => this.#ring.head(), {
      section: (section, facts) => {
        this.#model.section(section, facts, this.#audience.section(section));
      },
      numbers: (code, t, seq, connection, stream, a, b) => {
        this.#model.numbers(code, t, connection, stream, a, b);
        this.#audience.numbers(code, t, seq, connection, stream, a, b);
      },
      event: (event, retold) => {
        this.#model.event(event);
        if (!retold) this.#audience.event(event);
      },
      streamHead: head => this.#model.streamHead(head.connection, head.stream, head),
      streamClosed: (f64, i32, base) => this.#model.streamClosed(f64, i32, base),
      connectionClosed: row => this.#model.connectionClosed(row),
      payload: piece => {
        this.#audience.payload(piece);
      },
      payloadsLost: count => this.#audience.lose(this.#audience.payloads, count),
      overrun: () => {
        this.#lossy = true;
      },
      lost: (events, sections) => {
        if (events > 0) this.#audience.lose(this.#audience.events, events);
        if (sections === 0) return;
        this.#audience.lose(this.#audience.sections, sections);
        this.#model.sectionsLost();
      },
    });
  }

  /** Where clients connect to, once that is known. */
  listensOn(listeners: readonly string[]): void {
    this.#reception.listensOn(listeners);
  }

  /** True while nobody looks and nothing is read. */
  get asleep(): boolean {
    return this.#asleep;
  }

  /** Viewers attached. */
  get viewers(): number {
    return this.#audience.size;
  }

  /** An authenticated viewer arrived; HELLO is sent. */
  attach(port: ViewerPort): Viewer {
    const viewer = this.#reception.attach(port, this);
    if (this.#asleep) this.#wake();
    return viewer;
  }

  /** A viewer is gone. */
  detach(viewer: Viewer): void {
    this.#reception.detach(viewer);
  }

  /** Somebody looks again: the newest part of the ring is read, and the rest is known from the tables. */
  #wake(): void {
    this.#asleep = false;
    Atomics.store(this.#control, Control.AWAKE, 1);
    this.#options.onWake?.();
    this.#decoder.skipOld();
    // Streams may have come and gone without a word (see the recorder's `DetailBudget`).
    this.#lossy = true;
    const moment = this.#moment();
    if (moment !== null) this.#feed.jump(moment, this.#model.closedCounters());
    this.tick();
  }

  /**
   * Reads what is new and tells the viewers. Call about every 16 ms, while `asleep` a few times a second: then nothing is
   * read, for the ring keeps what is newest, and reading costs more than writing.
   */
  tick(): void {
    const now = this.#options.clock();
    if (this.#options.onVerdict !== undefined) {
      if (this.#asleep) {
        this.#wake();
        return;
      }
    } else if (!this.#asleep && this.#reception.isDeserted(now)) {
      this.#asleep = true;
      Atomics.store(this.#control, Control.AWAKE, 0);
    }
    if (this.#asleep) {
      this.#ring.head();
      this.#entries.head();
      return;
    }
    const stateDue = this.#audience.stateDue(now);
    // Rows first: the last row of a stream that closes meanwhile comes through the ring and must win.
    if (stateDue) {
      this.#model.newRound(now);
      this.#poll();
    }
    this.#audience.newRound();
    const end = this.#ring.head();
    // A writer that is faster must not keep the hub from hearing its viewers: what is left is read next time, or lost.
    let drained = this.#decoder.drain(ENTRIES_PER_STEP);
    while (!drained && this.#options.clock() - now < STEP_US) {
      this.#audience.sendItems();
      drained = this.#decoder.drain(ENTRIES_PER_STEP);
    }
    // A filter asks what a frame's stream is: then frames must not be ahead of what is known of streams.
    if (!this.#audience.filters) this.#feed.horizon = Number.POSITIVE_INFINITY;
    else this.#feed.horizon = drained ? end : this.#decoder.framePosition;
    if (this.#lossy) this.#resync(now);
    this.#audience.pump(() => this.#recover());
    const began = this.#options.clock();
    if (stateDue) this.#verdicts.look(began, this.#feed.position);
    this.#audience.sendItems();
    if (stateDue) this.#audience.sendState(began);
  }

  /** Tells how everything ended, before the end. */
  finish(): void {
    this.#audience.hurry();
    this.tick();
  }

  #poll(): void {
    this.#slots.poll(
      row => this.#model.connectionRow(row),
      (row, facts) => this.#model.streamRow(row, facts),
    );
  }

  #resync(now: number): void {
    this.#lossy = false;
    this.#model.resync(this.#slots.present(), now);
    this.#options.requestResync();
  }

  /** A moment of the writer; null: it was busy all the time. What closed before that moment is known afterwards. */
  #moment(): WriterMoment | null {
    const moment = this.#slots.counters(() => this.#ring.head());
    if (moment === null) return null;
    const end = this.#entries.head();
    while (this.#entries.position < end && !this.#decoder.drain(ENTRIES_PER_STEP)) this.#audience.sendItems();
    return moment;
  }

  #recover(): boolean {
    const moment = this.#moment();
    const loss = moment && this.#feed.recover(moment, this.#model.closedCounters());
    if (loss === null) return false;
    this.#audience.loseFrames(loss);
    return true;
  }

  /** Answers SUBSCRIBE. */
  subscribe(viewer: Viewer, message: Extract<ClientMessage, { readonly type: 'subscribe' }>): void {
    this.tick();
    this.#audience.subscribe(viewer, message);
  }

  /** Answers GET. */
  get(viewer: Viewer, message: Extract<ClientMessage, { readonly type: 'get' }>): void {
    viewer.tell(this.#answer(message));
  }

  #answer(message: Extract<ClientMessage, { readonly type: 'get' }>): Reply {
    const { id } = message;
    if (message.what === 'verdicts') {
      const now = this.#options.clock();
      return { type: 'reply', id, what: 'verdicts', now, verdicts: [...this.#verdicts.stuck(now)] };
    }
    const connection = this.#model.connections.get(message.connection);
    if (connection === undefined) {
      return { type: 'reply', id, what: 'error', message: `connection ${message.connection} is not known` };
    }
    if (message.what === 'tables') {
      const [received, sent] = connection.tables;
      return { type: 'reply', id, what: 'tables', received: received.view(), sent: sent.view() };
    }
    const kept = this.#audience.keptSections(connection.streams.get(message.stream)?.sections ?? []);
    return { type: 'reply', id, what: 'sections', packed: packSections(kept) };
  }
}
