/**
 * The worker's whole mind: what comes from the gateway goes in, what the page looks at comes out. No sockets, timers or
 * posting here, so tests drive it with messages and a clock of their own.
 */
import {
  type Events,
  type Fields,
  type Hello,
  isVolatile,
  Mark,
  PayloadStore,
  parseFilter,
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
  type FramesLook,
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
import { asksFor, compile, type Knowledge } from './frame-match.ts';
import { frameDetail, frameRows } from './frame-rows.ts';
import { FrameView } from './frame-view.ts';
import { GrpcMessages } from './grpc-messages.ts';
import { Hpack } from './hpack-part.ts';
import { frameText, keep } from './keep.ts';
import { connectionDetail, connectionRows, streamDetail, streamsPart } from './parts.ts';
import { pastPart } from './past.ts';
import { Rate } from './rates.ts';
import { Sections } from './sections.ts';
import type { ConnectionEntry } from './state-entries.ts';
import { StateStore } from './state-store.ts';
import { timelinePart } from './timeline.ts';
import { windowSeries } from './window-series.ts';

/** Frames, sections and events asked for on top of what comes from now on. */
export const BACKLOG = 200_000;

/* Octets of a recording between two words of progress. */
const LOAD_STEP = 4 * 1024 * 1024;

/* How often a filter over what streams are like, and not frames, is run anew. */
const VOLATILE_MS = 1000;

const SLOTS: readonly FramesSlot[] = ['tab', 'drawer'];

/** Positions to acknowledge. */
export interface Positions {
  frames?: number;
  fields?: number;
  events?: number;
  payloads?: number;
}

interface HeldView {
  readonly key: string;
  readonly view: FrameView;
  /** When it must be made anew, because what passes depends on more than the frames; milliseconds. */
  readonly staleAt: number;
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
  readonly #views = new Map<FramesSlot, HeldView>();
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
  #pausedAt = 0;
  #loads = 0;
  readonly #knowledge: Knowledge;

  /** `clock`: monotonic milliseconds. `rows`: capacity of the log of frames. */
  constructor(clock: () => number, rows?: number) {
    this.#clock = clock;
    this.log = new FrameLog(rows);
    const self = this;
    this.#knowledge = {
      store: this.store,
      sections: this.sections,
      get now() {
        return self.now;
      },
    };
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
    const { log, sections, octets, store, now } = this;
    return keep({ hello, now, log, end: this.#end, sections, octets, store }, format, filter, content);
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
      if (message.kind === 'frames') this.frames(message.bytes.buffer as ArrayBuffer);
      else if (message.kind === 'payloads') this.payloads(message.bytes.buffer as ArrayBuffer);
      else if (message.kind === 'log') this.take(parseLog(message.bytes.buffer));
      else {
        const told = parseServerMessage(message.text);
        if (told.type !== 'hello' && told.type !== 'reply') this.take(told);
      }
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
        this.accounts.subscribed(message.from.frames, message.head.frames);
        if (message.from.fields > this.#fieldsSeen) this.sections.missed();
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
    this.#look = look;
  }

  /* The row after the last one shown: paused or in the past, newer ones are not. */
  get #end(): number {
    const { at } = this.#look;
    const end = Math.min(this.log.end, this.#limit);
    return at === null ? end : Math.min(end, this.log.rowAt(at + 1));
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
        behind: Math.max(0, accounts.head - accounts.position),
        framesPerSecond: this.#rate.current(now),
        history: this.#rate.history(now),
        retained: log.size,
        capacity: log.capacity,
      },
    };
  }

  /** The list of connections, and all that is said of the one looked at. */
  state(): Pick<Snapshot, 'now' | 'connections' | 'findings' | 'connection' | 'streams' | 'stream'> {
    const now = this.now;
    const { store } = this;
    const { connection, streams, stream } = this.#look;
    const entry = connection === null ? undefined : store.connections.get(connection);
    return {
      now,
      connections: connectionRows(store, now),
      findings: findingsOf(store, this.#hpack.churn, now),
      connection: entry === undefined ? null : connectionDetail(entry, now),
      streams:
        entry === undefined || streams === null ? null : streamsPart(store, entry, streams, stream?.stream ?? -1, now),
      stream: stream === null ? null : this.#streamDetail(stream, now),
    };
  }

  #streamDetail(of: NonNullable<Look['stream']>, now: number): Snapshot['stream'] {
    return streamDetail(this.store, this.sections, this, this.#look.message, of.connection, of.stream, now);
  }

  /** What the frame grids and the detail pane show. */
  grids(): Pick<Snapshot, 'frames' | 'frame'> {
    const { frame, frames } = this.#look;
    const parts: Record<FramesSlot, FramesPart | null> = { tab: null, drawer: null };
    for (const slot of SLOTS) parts[slot] = this.#frames(slot, frames[slot]);
    return { frames: parts, frame: frame === null ? null : frameDetail(this.log, frame, this.sections, this.octets) };
  }

  /** What the chart of windows shows. */
  windows(): Pick<Snapshot, 'windows'> {
    const { connection, windows } = this.#look;
    const entry = connection === null ? undefined : this.store.connections.get(connection);
    if (windows === null || entry === undefined) return { windows: null };
    const { from, to } = windows.life ? this.#life(entry, windows.streams[0]) : this.#span(entry, windows.seconds);
    const key = `${connection}/${windows.direction}/${windows.streams.join()}${windows.life ? '/life' : ''}`;
    const past = this.#look.at !== null;
    const question = { key, streams: windows.streams, direction: windows.direction, from, to, past };
    return { windows: windowSeries(this.log, this.log.first, this.#end, entry, question) };
  }

  /** What the Timeline shows. */
  timeline(): Pick<Snapshot, 'timeline'> {
    const { connection, timeline } = this.#look;
    const entry = connection === null ? undefined : this.store.connections.get(connection);
    if (timeline === null || entry === undefined) return { timeline: null };
    const { from, to } = this.#span(entry, timeline.seconds);
    const past = this.#look.at !== null;
    return { timeline: timelinePart(this.store, this.sections, this.log, this.#end, entry, from, to, past) };
  }

  /** The flight recorder's strip. */
  past(): Pick<Snapshot, 'past'> {
    return { past: this.#hello === null ? null : pastPart(this.store, this.log, this.now) };
  }

  /** What the palette searches for. */
  found(): Pick<Snapshot, 'found'> {
    const { find, connection } = this.#look;
    return { found: find === null ? null : findStreams(this.store, find, connection, this.now) };
  }

  /* The last so many seconds of a connection; 0: all that is kept. */
  /* A stream from its beginning to its end, with a little of what was around it. */
  #life(entry: ConnectionEntry, stream: number | undefined): { readonly from: number; readonly to: number } {
    const state = stream === undefined ? undefined : entry.streams.get(stream)?.state;
    const { to: moment } = this.#span(entry, 0);
    if (state === undefined || state.openedAt < 0) return this.#span(entry, 0);
    const end = state.closedAt < 0 ? moment : Math.min(moment, state.closedAt);
    // A chart of less than a tenth of a second has no marks that differ.
    const lasted = end - state.openedAt;
    const margin = Math.max((100_000 - lasted) / 2, lasted * 0.04);
    return { from: Math.max(entry.facts.openedAt, state.openedAt - margin), to: Math.min(moment, end + margin) };
  }

  #span(entry: ConnectionEntry, seconds: number): { readonly from: number; readonly to: number } {
    const { openedAt, closedAt } = entry.facts;
    const moment = this.#look.at ?? (this.#look.paused ? this.#pausedAt : this.now);
    const to = closedAt >= 0 ? Math.min(closedAt, moment) : moment;
    const oldest = this.log.size === 0 ? 0 : this.log.columns.t[this.log.slot(this.log.first)]!;
    const from = Math.max(0, openedAt, seconds === 0 ? oldest : to - seconds * 1e6);
    // In the past the connection may not have been there yet: then a second in which nothing was.
    return from < to ? { from, to } : { from: Math.max(0, to - 1e6), to };
  }

  /** The frames of the tab's grid in these ranges of rows, as text; none before anything was heard. */
  text(ranges: readonly (readonly [from: number, to: number])[]): FrameText {
    const view = this.#views.get('tab')?.view;
    const hello = this.#hello;
    if (hello === null || view === undefined) return { text: '', frames: 0, more: false };
    const { log, sections, octets, store, now } = this;
    return frameText({ hello, now, log, end: this.#end, sections, octets, store }, view, ranges);
  }

  /** The connection whose tables are looked at, null: nobody looks. */
  wantedTables(): number | null {
    return this.#look.hpack ? this.#look.connection : null;
  }

  /** What the HPACK tab shows. */
  hpack(): Pick<Snapshot, 'hpack'> {
    const { hpack, hpackStep, connection } = this.#look;
    return { hpack: hpack ? this.#hpack.part(connection, hpackStep, this.#clock()) : null };
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

  #frames(slot: FramesSlot, look: FramesLook | null): FramesPart | null {
    if (look === null) {
      this.#views.delete(slot);
      return null;
    }
    const key = JSON.stringify([look.filter, look.connection, look.stream, look.fold]);
    let held = this.#views.get(slot);
    const limit = this.#end;
    if (held?.key !== key || this.#clock() >= held.staleAt) {
      const filter = parseFilter(scoped(look));
      const view = new FrameView(this.log, compile(filter, this.#knowledge), look.fold, limit);
      held = { key, view, staleAt: isVolatile(filter) ? this.#clock() + VOLATILE_MS : Number.POSITIVE_INFINITY };
      this.#views.set(slot, held);
    } else held.view.update(limit);
    const { view } = held;
    const first = look.follow ? Math.max(0, view.size - look.length) : look.first;
    const selected = this.#look.frame;
    const at = selected === null ? view.size : view.indexOf(selected);
    return {
      key,
      base: view.base,
      total: view.size,
      rows: frameRows(this.log, view, this.sections, this.store, first, look.length),
      selected: selected ?? -1,
      selectedIndex: at < view.size && view.at(at).firstRow <= selected! ? at : -1,
    };
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
    this.#eventsSeen = Math.max(this.#eventsSeen, message.to);
  }

  #heard(now: number): void {
    this.#now = now;
    this.#nowAt = this.#clock();
    this.#stoppedAt = -1;
  }
}

/* A filter that names connections itself, or those of a worker, is not narrowed to the one selected. */
function scoped(look: FramesLook): string {
  const { nodes } = parseFilter(look.filter);
  const parts = [look.filter];
  const isScoped = asksFor(nodes, 'conn') || asksFor(nodes, 'worker');
  if (look.connection !== null && !isScoped) parts.push(`conn=${look.connection}`);
  if (look.stream !== null) parts.push(`stream=${look.stream}`);
  return parts.join(' ');
}
