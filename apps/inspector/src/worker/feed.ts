/**
 * The worker's whole mind: what comes from the gateway goes in, what the page looks at comes out. No sockets, timers or
 * posting here, so tests drive it with messages and a clock of their own.
 */
import {
  type Events,
  type Fields,
  type Hello,
  Mark,
  PayloadStore,
  parseLog,
  parseServerMessage,
  type RecordingFacts,
  readFramesHeader,
  readPayloads,
  readRecording,
  recordingFacts,
  type ServerMessage,
  unpackSections,
} from '@glassway/inspector-protocol';
import {
  type FramesPart,
  type FramesSlot,
  type FrameText,
  type KeepFormat,
  type Look,
  NOTHING,
  type Snapshot,
} from '../feed/model.ts';
import { Accounts } from './accounts.ts';
import { findStreams } from './find.ts';
import { findingsOf } from './findings.ts';
import { FrameLog } from './frame-log.ts';
import { frameDetail } from './frame-rows.ts';
import { FrameViews } from './frame-views.ts';
import { GrpcMessages } from './grpc-messages.ts';
import { Hpack } from './hpack-part.ts';
import { frameText, type Held, keep } from './keep.ts';
import { connectionDetail, connectionRows, streamDetail, streamsPart } from './parts.ts';
import { rowAfter } from './past/frame-trace.ts';
import { Moments } from './past/moments.ts';
import { pastPart } from './past/strip.ts';
import type { WorldThen } from './past/world-then.ts';
import { Rate } from './rates.ts';
import { Sections } from './sections.ts';
import { lastSeconds, lifeOf } from './spans-shown.ts';
import { StateStore, type StateView } from './state-store.ts';
import { timelinePart } from './timeline.ts';
import { windowSeries } from './window-series.ts';

/** Frames, sections and events asked for on top of what comes from now on. */
export const BACKLOG = 200_000;

/* Octets of a recording between two words of progress. */
const LOAD_STEP = 4 * 1024 * 1024;

const SLOTS: readonly FramesSlot[] = ['tab', 'drawer'];

/** Positions to acknowledge. */
export interface Positions {
  frames?: number;
  fields?: number;
  events?: number;
  payloads?: number;
}

/** Everything known, and the parts of it that are looked at. */
export class Feed {
  readonly log: FrameLog;
  readonly accounts: Accounts = new Accounts();
  readonly store: StateStore = new StateStore();
  readonly sections: Sections = new Sections();
  readonly octets: PayloadStore = new PayloadStore();
  readonly messages: GrpcMessages = new GrpcMessages();
  readonly #rate = new Rate();
  readonly #views: FrameViews;
  readonly #clock: () => number;
  #hello: Hello | null = null;
  #look: Look = NOTHING;
  /* While paused, rows at and above this one are not shown. */
  #limit = Number.POSITIVE_INFINITY;
  #now = 0;
  #nowAt = 0;
  /* When the connection was lost; -1 while there is one. */
  #stoppedAt = -1;
  #acks: Positions = {};
  /* Position after the last event taken in: a backlog tells some again. */
  #eventsSeen = 0;
  /* The same for field sections. */
  #fieldsSeen = 0;
  readonly #hpack: Hpack = new Hpack(this.store, this.sections);
  readonly #past: Moments;
  #pausedAt = 0;
  /* The filter of the subscription, as the gateway has understood it. */
  #only = '';
  #loads = 0;

  /** `clock`: monotonic milliseconds. `rows`: capacity of the log of frames. */
  constructor(clock: () => number, rows?: number) {
    this.#clock = clock;
    this.log = new FrameLog(rows);
    const { log, store, sections } = this;
    this.#past = new Moments({ log, store, sections, sizes: this.#hpack.sizes }, clock);
    const self = this;
    const knowledge = {
      store,
      get shown() {
        return self.#shown;
      },
      sections,
      get now() {
        return self.#moment;
      },
    };
    this.#views = new FrameViews(log, knowledge, clock);
  }

  /** The gateway's time now in t: as last heard, plus what passed here since. */
  get now(): number {
    if (this.#hello === null) return 0;
    if (this.#hello.recorded === true) return this.#hello.now;
    return this.#now + (this.#stoppedAt < 0 ? this.#clock() - this.#nowAt : this.#stoppedAt - this.#nowAt) * 1000;
  }

  /** The connection is lost: nothing is known of what happens from now on, so nothing grows older. */
  stop(): void {
    if (this.#stoppedAt < 0) this.#stoppedAt = this.#clock();
  }

  /** What is held as a file, null before anything was heard. */
  keep(format: KeepFormat, filter: string, content: boolean): ReturnType<typeof keep> | null {
    const hello = this.#hello;
    if (hello === null) return null;
    return keep(this.#held(hello), format, filter, content);
  }

  /**
   * Shows a recording in place of all that was known. Throws, and changes nothing, when it is none. `progress` is told how
   * much has been read, 0 to 1.
   */
  load(file: Uint8Array, progress: (share: number) => void = () => {}): RecordingFacts {
    const facts = recordingFacts(file);
    const { hello, now } = facts;
    let read = 0;
    let due = LOAD_STEP;
    // Another gateway's, whatever it says: nothing of what is known now belongs to it.
    this.greet({ ...hello, gateway: `${hello.gateway} recorded ${++this.#loads}`, now, recorded: true });
    for (const message of readRecording(file)) {
      read += message.kind === 'text' ? message.text.length : message.bytes.length;
      if (read >= due) {
        due = read + LOAD_STEP;
        progress(read / file.length);
      }
      if (message.kind === 'text') {
        const told = parseServerMessage(message.text);
        if (told.type !== 'hello' && told.type !== 'reply') this.take(told);
      } else if (message.kind === 'frames') this.frames(message.bytes.buffer);
      else if (message.kind === 'payloads') this.payloads(message.bytes.buffer);
      else this.take(parseLog(message.bytes.buffer));
    }
    this.#acks = {};
    return facts;
  }

  /** HELLO. A gateway process other than before makes everything known so far void. */
  greet(hello: Hello): void {
    if (this.#hello !== null && this.#hello.gateway !== hello.gateway) {
      this.accounts.restart();
      this.store.restart();
      this.sections.clear();
      this.octets.clear();
      this.messages.clear();
      this.log.clear();
      this.#views.clear();
      this.#eventsSeen = 0;
      this.#fieldsSeen = 0;
      this.#hpack.clear();
      this.#past.clear();
    }
    this.#hello = hello;
    this.#heard(hello.now);
  }

  /** A binary message. Throws when it is not a whole FRAMES message. */
  frames(message: ArrayBuffer): void {
    const header = readFramesHeader(message);
    const taken = this.log.append(message, header, this.accounts.position);
    this.accounts.took(header.from, header.to, taken);
    this.#acks.frames = header.to;
  }

  /** The other binary message. Throws when it is not a whole PAYLOADS message. */
  payloads(message: ArrayBuffer): void {
    const { pieces, to } = readPayloads(message);
    this.octets.add(pieces);
    this.#acks.payloads = to;
  }

  /** Any message but HELLO, FRAMES and PAYLOADS. */
  take(message: ServerMessage): void {
    switch (message.type) {
      case 'snapshot':
        this.accounts.subscribed(message.from.frames, message.head.frames, message.filter !== undefined);
        this.#only = message.filter ?? '';
        if (message.from.fields > this.#fieldsSeen) this.sections.missed();
        if (message.from.events > this.#eventsSeen) this.#past.journal.missed();
        this.store.apply(message.rows, message.now, true);
        this.#heard(message.now);
        this.#rate.add(message.now, message.head.frames);
        return;
      case 'state':
        this.accounts.head = message.head.frames;
        this.store.apply(message.rows, message.now, message.reset);
        this.#heard(message.now);
        this.#rate.add(message.now, message.head.frames);
        return;
      case 'fields':
        this.#fields(message);
        this.#acks.fields = message.to;
        return;
      case 'events':
        this.#happened(message);
        this.#acks.events = message.to;
        return;
      case 'dropped':
        if (message.log === 'frames') this.accounts.lost(message.from, message.to, message.count);
        if (message.log === 'fields') this.sections.missed();
        if (message.log === 'events') this.#past.journal.missed();
        this.#acks[message.log] = message.to;
        return;
      case 'reply':
        if (message.what === 'sections') this.sections.add(unpackSections(message.packed));
        // The question for tables bears the connection's number.
        else if (message.what === 'tables') this.#hpack.answered(message.id, message.received, message.sent);
        return;
      case 'hello':
        this.greet(message);
    }
  }

  /** What must be acknowledged since the last call, null: nothing. */
  acknowledge(): Positions | null {
    const acks = this.#acks;
    if (Object.keys(acks).length === 0) return null;
    this.#acks = {};
    return acks;
  }

  /** The page looks at something else. */
  look(look: Look): void {
    if (look.paused !== this.#look.paused) {
      this.#limit = look.paused ? this.log.end : Number.POSITIVE_INFINITY;
      this.#pausedAt = this.now;
    }
    if (look.at === null) this.#past.leave();
    this.#look = look;
  }

  /** False: the moment that was asked for is still to be made, and what is shown is the one before. */
  get settled(): boolean {
    return this.#past.settled;
  }

  /* The moment of the past that is shown, null: now. */
  get #then(): WorldThen | null {
    const { at } = this.#look;
    return at === null ? null : this.#past.at(at);
  }

  /* What tables are made of. */
  get #shown(): StateView {
    return this.#then ?? this.store;
  }

  /* The end of what is shown, t. */
  get #moment(): number {
    return this.#then?.until ?? (this.#look.paused ? this.#pausedAt : this.now);
  }

  /* The row after the last one shown: paused or in the past, newer ones are not. */
  get #end(): number {
    const { at } = this.#look;
    const end = Math.min(this.log.end, this.#limit);
    return at === null ? end : Math.min(end, rowAfter(this.log, at));
  }

  /** Other frames are asked for: what is here of them is let go, and the books begin anew. */
  resubscribe(): void {
    this.clear();
    this.accounts.restart();
    this.octets.clear();
  }

  /** Empties the log of frames; connections and streams stay. */
  clear(): void {
    this.log.clear();
    this.#views.clear();
    if (this.#look.paused) this.#limit = this.log.end;
  }

  /** Numbers that are drawn even while paused. */
  status(): Pick<Snapshot, 'gateway' | 'totals'> {
    const { accounts, log } = this;
    const hello = this.#hello;
    const now = this.now;
    return {
      gateway:
        hello === null
          ? null
          : {
              name: hello.name,
              release: hello.release,
              epochMs: hello.epochMs,
              ringRecords: hello.ringRecords,
              revealed: hello.revealed,
              payloadBytes: hello.payloadBytes ?? 0,
              recorded: hello.recorded === true,
              listeners: hello.listeners ?? [],
            },
      totals: {
        produced: accounts.produced,
        received: accounts.received,
        dropped: accounts.dropped,
        filtered: accounts.filtered,
        only: this.#only,
        behind: Math.max(0, accounts.head - accounts.position),
        framesPerSecond: this.#rate.current(now),
        history: this.#rate.history(now),
        retained: log.size,
        capacity: log.capacity,
      },
    };
  }

  /** The list of connections, and all that is said of the one looked at. */
  state(): Pick<Snapshot, 'now' | 'connections' | 'findings' | 'connection' | 'streams' | 'stream' | 'reach'> {
    const then = this.#then;
    const store = then ?? this.store;
    const now = then?.until ?? this.now;
    const { connection, streams, stream } = this.#look;
    const entry = connection === null ? undefined : store.connections.get(connection);
    return {
      now,
      connections: connectionRows(store, now),
      findings: findingsOf(store, then?.churn ?? this.#hpack.churn, now),
      connection: entry === undefined ? null : connectionDetail(entry, now),
      streams:
        entry === undefined || streams === null ? null : streamsPart(store, entry, streams, stream?.stream ?? -1, now),
      stream:
        stream === null
          ? null
          : streamDetail(store, this.sections, this, this.#look.message, stream.connection, stream.stream, now),
      reach: then?.reach ?? null,
    };
  }

  /** What the frame grids and the detail pane show. */
  grids(): Pick<Snapshot, 'frames' | 'frame'> {
    const { frame, frames } = this.#look;
    const parts: Record<FramesSlot, FramesPart | null> = { tab: null, drawer: null };
    const shown = { end: this.#end, at: this.#look.at, selected: frame };
    for (const slot of SLOTS) parts[slot] = this.#views.part(slot, frames[slot], shown);
    return { frames: parts, frame: frame === null ? null : frameDetail(this.log, frame, this.sections, this.octets) };
  }

  /** What the chart of windows shows. */
  windows(): Pick<Snapshot, 'windows'> {
    const { connection, windows } = this.#look;
    const entry = connection === null ? undefined : this.#shown.connections.get(connection);
    if (windows === null || entry === undefined) return { windows: null };
    const { from, to } = windows.life
      ? lifeOf(this.log, entry, windows.streams[0], this.#moment)
      : lastSeconds(this.log, entry, windows.seconds, this.#moment);
    const key = `${connection}/${windows.direction}/${windows.streams.join()}${windows.life ? '/life' : ''}`;
    const question = { key, streams: windows.streams, direction: windows.direction, from, to };
    return { windows: windowSeries(this.log, this.log.first, this.#end, entry, question) };
  }

  /** What the Timeline shows. */
  timeline(): Pick<Snapshot, 'timeline'> {
    const { connection, timeline } = this.#look;
    const store = this.#shown;
    const entry = connection === null ? undefined : store.connections.get(connection);
    if (timeline === null || entry === undefined) return { timeline: null };
    const { from, to } = lastSeconds(this.log, entry, timeline.seconds, this.#moment);
    return { timeline: timelinePart(store, this.sections, this.log, this.#end, entry, from, to) };
  }

  /** The flight recorder's strip. */
  past(): Pick<Snapshot, 'past'> {
    return { past: this.#hello === null ? null : pastPart(this.store, this.log, this.now) };
  }

  /** What the palette searches for. */
  found(): Pick<Snapshot, 'found'> {
    const { find, connection } = this.#look;
    return { found: find === null ? null : findStreams(this.#shown, find, connection, this.#moment) };
  }

  /** The frames of the tab's grid in these ranges of rows, as text; none before anything was heard. */
  text(ranges: readonly (readonly [from: number, to: number])[]): FrameText {
    const view = this.#views.tab;
    const hello = this.#hello;
    if (hello === null || view === undefined) return { text: '', frames: 0, more: false };
    return frameText(this.#held(hello), view, ranges);
  }

  /** The connection whose tables are looked at, null: nobody looks. */
  wantedTables(): number | null {
    return this.#look.hpack ? this.#look.connection : null;
  }

  /** What the HPACK tab shows. */
  hpack(): Pick<Snapshot, 'hpack'> {
    const { hpack, hpackStep, connection, at } = this.#look;
    if (!hpack) return { hpack: null };
    const moment = at === null ? null : { t: at, step: hpackStep };
    return { hpack: this.#hpack.part(connection, moment, this.#then?.churn ?? null, this.#clock()) };
  }

  /** A stream that is looked at and whose field sections are not here. */
  missingSections(): { connection: number; stream: number } | null {
    const { stream, frame } = this.#look;
    const known = (of: { readonly connection: number; readonly stream: number }): boolean =>
      this.sections.of(of.connection, of.stream).length > 0;
    if (stream !== null) {
      if (!known(stream)) return stream;
      const pair = this.store.stream(stream.connection, stream.stream)?.facts.pair;
      if (pair !== undefined && pair !== null && !known(pair)) return pair;
    }
    const detail = frame === null ? null : frameDetail(this.log, frame, this.sections, this.octets);
    if (detail === null || detail.section !== null || (detail.mark & Mark.SECTION) === 0) return null;
    return { connection: detail.connection, stream: detail.stream };
  }

  /* What files and texts are made of: all until the moment shown. */
  #held(hello: Hello): Held {
    const { log, sections, octets, messages } = this;
    const { journal } = this.#past;
    const store = this.#shown;
    const now = this.#then?.until ?? this.now;
    return { hello, now, log, end: this.#end, sections, octets, store, messages, journal, sizes: this.#hpack.sizes };
  }

  #fields(message: Fields): void {
    const { sections } = message;
    this.sections.add(sections);
    // Positions of a batch are those of its sections, one each; a backlog tells some again.
    for (let at = Math.max(0, this.#fieldsSeen - message.from); at < sections.length; at++)
      this.#hpack.section(sections[at]!);
    this.#fieldsSeen = Math.max(this.#fieldsSeen, message.to);
  }

  #happened(message: Events): void {
    const known = Math.max(0, this.#eventsSeen - message.from);
    const events = known === 0 ? message.events : message.events.slice(known);
    this.store.happened(events);
    this.messages.add(events);
    this.#hpack.happened(events);
    this.#past.happened(events);
    this.#eventsSeen = Math.max(this.#eventsSeen, message.to);
  }

  #heard(now: number): void {
    this.#now = now;
    this.#nowAt = this.#clock();
    this.#stoppedAt = -1;
  }
}
