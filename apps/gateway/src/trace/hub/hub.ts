/**
 * The hub: reads the trace out of shared memory and tells the viewers. It runs in a worker thread, so nothing a viewer
 * does can slow the gateway down; if the hub itself falls behind, the writer goes on and the loss is counted.
 *
 *     rings and tables --> feed, decoder, slot reader --> logs and model --> viewers
 */
import {
  type ClientMessage,
  encodeMessage,
  FrameMatcher,
  type FrameSelection,
  type Hello,
  PROTOCOL_VERSION,
  packSections,
  RECORD_BYTES,
  type Reply,
} from '@glassway/inspector-protocol';
import { EntryRingReader } from '../entry-ring.ts';
import { FrameRingReader } from '../frame-ring.ts';
import { Control, type SharedTrace } from '../shared.ts';
import { BatchCache } from './batch-cache.ts';
import { EntryDecoder } from './entry-decoder.ts';
import { countRecords, FrameCounts } from './frame-counts.ts';
import { FrameFeed, type WriterMoment } from './frame-feed.ts';
import type { ItemLog } from './item-log.ts';
import { EventSource, type Gap, SectionSource } from './item-sources.ts';
import { Model, type ModelLimits } from './model.ts';
import { SlotReader } from './slot-reader.ts';
import { type VerdictEvent, VerdictWatch } from './verdict-watch.ts';
import {
  type FrameCursor,
  type ItemCursor,
  type ItemSource,
  Viewer,
  type ViewerHost,
  type ViewerPort,
} from './viewer.ts';

/** What HELLO says besides the hub's own numbers. */
export type HubIdentity = Pick<Hello, 'gateway' | 'name' | 'release' | 'epochMs' | 'revealed'>;

/** Sizes and times of a hub. */
export interface HubOptions extends ModelLimits {
  readonly identity: HubIdentity;
  /** Microseconds on the recorder's clock. */
  readonly clock: () => number;
  /** Asks the recorder to tell again what lasts; called after entries were lost. */
  readonly requestResync: () => void;
  /** Told when a stream stands still, why, and when it goes on. With it the hub never sleeps. */
  readonly onVerdict?: (event: VerdictEvent) => void;
  /** The hub has begun to read again: `tick` is wanted often. */
  readonly onWake?: () => void;
  /** Octets of logs a viewer may leave unacknowledged. Default 2 MiB. */
  readonly creditBytes?: number;
  /** Records a viewer may be behind before it skips ahead. Default 65536, at most half of the ring. */
  readonly maxLagRecords?: number;
  /** Field sections kept. Default 16384. */
  readonly keptSections?: number;
  /** Events kept. Default 16384. */
  readonly keptEvents?: number;
  /** How long the hub goes on reading after the last viewer left, milliseconds. Default 10000. */
  readonly lingerMs?: number;
  /** Least time between two STATE messages, milliseconds. Default 100. */
  readonly stateIntervalMs?: number;
}

const MIB = 1024 * 1024;
const ENTRIES_PER_STEP = 4096;
/** Time after which a tick reads no further entries, microseconds. */
const STEP_US = 50_000;
const MAX_STATE_INTERVAL_US = 1_000_000;
const KEEP = 16_384;
/** A viewer's socket with more than this unsent gets no STATE; it gets a newer one later. */
const MAX_STATE_BACKLOG: number = MIB;
const EVERYTHING = new FrameMatcher({});

/** Reads one gateway's trace and serves any number of viewers. */
export class Hub implements ViewerHost {
  readonly #options: HubOptions;
  #listeners: readonly string[] = [];
  readonly #control: Int32Array;
  readonly #ring: FrameRingReader;
  readonly #feed: FrameFeed;
  readonly #entries: EntryRingReader;
  readonly #decoder: EntryDecoder;
  readonly #slots: SlotReader;
  readonly #model: Model;
  readonly #sections: SectionSource;
  readonly #events: EventSource;
  readonly #viewers = new Set<Viewer>();
  readonly #maxLag: number;
  readonly #verdicts: VerdictWatch;
  #lossy = false;
  #nextStateAt = 0;
  // Until when the hub reads on although nobody looks: a page that is reloaded shall find everything as it was.
  #awakeUntil = 0;
  #asleep = true;

  constructor(shared: SharedTrace, options: HubOptions) {
    this.#options = options;
    this.#control = new Int32Array(shared.control);
    this.#ring = new FrameRingReader(shared);
    this.#feed = new FrameFeed(this.#ring);
    this.#slots = new SlotReader(shared);
    this.#model = new Model(options);
    this.#model.onForgotten = connection => this.#feed.forget(connection);
    this.#sections = new SectionSource(options.keptSections ?? KEEP);
    this.#events = new EventSource(options.keptEvents ?? KEEP);
    this.#verdicts = new VerdictWatch(this.#model, event => {
      this.#makeRoom(this.#events);
      this.#events.log.push(event);
      options.onVerdict?.(event);
    });
    this.#maxLag = Math.min(options.maxLagRecords ?? 65_536, Math.floor(this.#ring.capacity / 2));
    this.#entries = new EntryRingReader(shared);
    this.#decoder = new EntryDecoder(this.#entries, () => this.#ring.head(), {
      section: section => {
        this.#makeRoom(this.#sections);
        this.#model.section(section, this.#sections.log.head);
        this.#sections.log.push({ section, leg: this.#legOf(section.connection) });
      },
      event: (event, retold) => {
        this.#model.event(event);
        if (retold) return;
        this.#makeRoom(this.#events);
        this.#events.log.push(event);
      },
      streamHead: head => this.#model.streamHead(head.connection, head.stream, head),
      streamClosed: row => this.#model.streamClosed(row),
      connectionClosed: row => this.#model.connectionClosed(row),
      overrun: () => {
        this.#lossy = true;
      },
      lost: (events, sections) => {
        if (events > 0) this.#lose(this.#events, events);
        if (sections === 0) return;
        this.#lose(this.#sections, sections);
        this.#model.sectionsLost();
      },
    });
  }

  /** Where clients connect to, once that is known: HELLO says so from now on, and calls the gateway by the first. */
  listensOn(listeners: readonly string[]): void {
    this.#listeners = listeners;
  }

  /** The first message to an authenticated viewer. */
  get hello(): Hello {
    return {
      type: 'hello',
      version: PROTOCOL_VERSION,
      recordBytes: RECORD_BYTES,
      ...this.#options.identity,
      ...(this.#listeners.length === 0
        ? {}
        : { listeners: this.#listeners, name: this.#listeners[0]!.replace(/^\w+:\/\//, '') }),
      now: this.#options.clock(),
      ringRecords: this.#ring.capacity,
      creditBytes: this.#options.creditBytes ?? 2 * MIB,
    };
  }

  /** True while nobody looks and nothing is read. */
  get asleep(): boolean {
    return this.#asleep;
  }

  /** Viewers attached. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /** An authenticated viewer arrived; HELLO is sent. */
  attach(port: ViewerPort): Viewer {
    const viewer = new Viewer(port, this, this.#options.creditBytes ?? 2 * MIB, this.#maxLag);
    this.#viewers.add(viewer);
    if (this.#asleep) this.#wake();
    viewer.tell(this.hello);
    return viewer;
  }

  /** A viewer is gone. */
  detach(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#awakeUntil = this.#options.clock() + (this.#options.lingerMs ?? 10_000) * 1000;
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
    } else if (!this.#asleep && this.#viewers.size === 0 && now >= this.#awakeUntil) {
      this.#asleep = true;
      Atomics.store(this.#control, Control.AWAKE, 0);
    }
    if (this.#asleep) {
      this.#ring.head();
      this.#entries.head();
      return;
    }
    const stateDue = now >= this.#nextStateAt;
    // Rows first: the last row of a stream that closes meanwhile comes through the ring and must win.
    if (stateDue) this.#poll();
    this.#sections.newRound();
    this.#events.newRound();
    // A writer that is faster must not keep the hub from hearing its viewers: what is left is read next time, or lost.
    while (!this.#decoder.drain(ENTRIES_PER_STEP) && this.#options.clock() - now < STEP_US) this.#sendItems();
    if (this.#lossy) this.#resync(now);
    this.#pumpFrames();
    const began = this.#options.clock();
    if (stateDue) this.#verdicts.look(began, this.#feed.position);
    this.#sendItems();
    if (!stateDue) return;
    this.#sendState(began);
    // A large state takes time to write: not more than a fifth of all time goes into it.
    const took = this.#options.clock() - began;
    const interval = (this.#options.stateIntervalMs ?? 100) * 1000;
    this.#nextStateAt = began + Math.min(Math.max(interval, took * 4), MAX_STATE_INTERVAL_US);
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

  #legOf(connection: number): 0 | 1 {
    return this.#model.connections.get(connection)?.facts.leg ?? 0;
  }

  #makeRoom<T>(source: ItemSource<T>): void {
    if (!source.log.full) return;
    for (const viewer of this.#viewers) viewer.makeRoom(source);
  }

  #lose<T>(source: ItemSource<T | Gap>, lost: number): void {
    this.#makeRoom(source);
    source.log.push({ lost });
  }

  #sendItems(): void {
    for (const viewer of this.#viewers) {
      viewer.sendItems(this.#sections);
      viewer.sendItems(this.#events);
    }
  }

  #pumpFrames(): void {
    for (;;) {
      const chunk = this.#feed.next();
      if (chunk === null) break;
      if (chunk === 'overrun') {
        if (!this.#recover()) break;
        continue;
      }
      const cache = new BatchCache(chunk);
      for (const viewer of this.#viewers) viewer.offerFrames(chunk, cache);
    }
    for (const viewer of this.#viewers) viewer.catchUp(this.#feed);
  }

  /** A moment of the writer; null: it was busy all the time. What closed before that moment is known afterwards. */
  #moment(): WriterMoment | null {
    const moment = this.#slots.counters(() => this.#ring.head());
    if (moment === null) return null;
    const end = this.#entries.head();
    while (this.#entries.position < end && !this.#decoder.drain(ENTRIES_PER_STEP)) this.#sendItems();
    return moment;
  }

  #recover(): boolean {
    const moment = this.#moment();
    const loss = moment && this.#feed.recover(moment, this.#model.closedCounters());
    if (loss === null) return false;
    for (const viewer of this.#viewers) viewer.lose(loss, connection => this.#legOf(connection));
    return true;
  }

  #sendState(now: number): void {
    const head = { frames: this.#feed.position, fields: this.#sections.log.head, events: this.#events.log.head };
    const texts = new Map<number, string>();
    for (const viewer of this.#viewers) {
      if (!viewer.subscribed || viewer.change === this.#model.change) continue;
      if (viewer.port.bufferedBytes > MAX_STATE_BACKLOG) continue;
      const reset = viewer.change < this.#model.forgottenBefore;
      const since = reset ? 0 : viewer.change;
      let text = texts.get(since);
      if (text === undefined) {
        text = encodeMessage({ type: 'state', now, head, reset, rows: this.#model.changes(since) });
        texts.set(since, text);
      }
      viewer.port.send(text);
      viewer.change = this.#model.change;
    }
  }

  /** Answers SUBSCRIBE. */
  subscribe(viewer: Viewer, message: Extract<ClientMessage, { readonly type: 'subscribe' }>): void {
    this.tick();
    const { backlog } = message;
    const position = this.#feed.position;
    const start = message.frames === null ? position : Math.max(this.#feed.oldest(), position - backlog);
    const matcher = new FrameMatcher(message.frames ?? {});
    const lag = new FrameCounts();
    const later = new FrameCounts();
    let from = start;
    for (let at = start; at < position; ) {
      const chunk = this.#feed.reread(at);
      if (chunk === null) {
        // Overwritten while it was counted: begin with what is newer.
        from = Math.max(at, this.#feed.oldest());
        at = from;
        lag.clear();
        later.clear();
        continue;
      }
      const count = chunk.to - chunk.from;
      lag.addAll(countRecords(chunk.words, 0, count, matcher), 1);
      later.addAll(countRecords(chunk.words, 0, count, EVERYTHING), 1);
      at = chunk.to;
    }
    const frames: FrameCursor | null =
      message.frames === null ? null : { matcher, position: from, lag, lagLimit: Math.max(this.#maxLag, backlog) };
    const fields = itemCursor(message.fields, this.#sections.log, backlog);
    const events = itemCursor(message.events ? {} : null, this.#events.log, backlog);
    viewer.restart(frames, fields, events);
    viewer.change = this.#model.change;
    const head = { frames: position, fields: this.#sections.log.head, events: this.#events.log.head };
    viewer.port.send(
      encodeMessage({
        type: 'snapshot',
        id: message.id,
        now: this.#options.clock(),
        from: { frames: from, fields: fields?.position ?? head.fields, events: events?.position ?? head.events },
        head,
        before: this.#feed.before(later).list(),
        rows: this.#model.changes(0),
      }),
    );
    viewer.catchUp(this.#feed);
    viewer.sendItems(this.#sections);
    viewer.sendItems(this.#events);
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
    const { log } = this.#sections;
    const kept = (connection.streams.get(message.stream)?.sections ?? [])
      .filter(position => position >= log.oldest)
      .map(position => log.at(position))
      .flatMap(item => ('lost' in item ? [] : [item.section]));
    return { type: 'reply', id, what: 'sections', packed: packSections(kept) };
  }
}

function itemCursor(selection: FrameSelection | null, log: ItemLog<unknown>, backlog: number): ItemCursor | null {
  if (selection === null) return null;
  const { types: _, ...rest } = selection;
  const matcher = new FrameMatcher(rest);
  return { matcher: matcher.everything ? null : matcher, position: Math.max(log.oldest, log.head - backlog) };
}
