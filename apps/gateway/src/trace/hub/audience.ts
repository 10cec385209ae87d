/**
 * All viewers of a hub, and the logs they are told from. The hub knows where frames, sections, events and rows come from;
 * here is who is told what of them, and what happens when somebody is slow.
 */
import {
  encodeMessage,
  type FieldSection,
  FrameMatcher,
  type FrameSelection,
  type LogEvent,
  type LogPositions,
  type PayloadPiece,
  parseFilter,
  type Subscribe,
} from '@glassway/inspector-protocol';
import { BatchCache } from './batch-cache.ts';
import { FilterMatcher, type FilterWorld } from './filter-matcher.ts';
import { countRecords, FrameCounts } from './frame-counts.ts';
import type { FrameFeed, FrameLoss } from './frame-feed.ts';
import { EventSource, SectionSource } from './item-sources.ts';
import { PayloadSource } from './payload-source.ts';
import type { RowBook } from './row-book.ts';
import {
  type FrameCursor,
  type ItemCursor,
  type ItemSource,
  Viewer,
  type ViewerHost,
  type ViewerPort,
} from './viewer.ts';

/** What viewers may cost. */
export interface AudienceOptions {
  /** Microseconds, as in the rows. */
  readonly clock: () => number;
  /** Octets of logs a viewer may leave unacknowledged. Default 2 MiB. */
  readonly creditBytes?: number;
  /** Records a viewer may be behind before it skips ahead. Default 65536, at most half of the ring. */
  readonly maxLagRecords?: number;
  /** Field sections kept. Default 16384. */
  readonly keptSections?: number;
  /** Events kept. Default 16384. */
  readonly keptEvents?: number;
  /** Octets that the gateway keeps of a DATA frame: so many fewer pieces are kept here. Default 0. */
  readonly payloadBytes?: number;
  /** Least time between two STATE messages, milliseconds. Default 100. */
  readonly stateIntervalMs?: number;
}

const MIB = 1024 * 1024;
const KEEP = 16_384;
/** Octets of frames kept, about; and how many of them a piece has room for besides its sample. */
const KEPT_PAYLOAD_BYTES: number = 16 * MIB;
const PIECE_BYTES = 256;
const MAX_STATE_INTERVAL_US = 1_000_000;
/** A viewer's socket with more than this unsent gets no STATE; it gets a newer one later. */
const MAX_STATE_BACKLOG: number = MIB;
const EVERYTHING = new FrameMatcher({});

type AnySource = SectionSource | EventSource | PayloadSource;

/** The viewers. */
export class Audience {
  /** Octets a viewer may leave unacknowledged. */
  readonly creditBytes: number;
  readonly sections: SectionSource;
  readonly events: EventSource;
  readonly payloads: PayloadSource;
  readonly #feed: FrameFeed;
  readonly #rows: RowBook;
  readonly #viewers = new Set<Viewer>();
  readonly #clock: () => number;
  readonly #maxLag: number;
  readonly #stateIntervalUs: number;
  readonly #world: FilterWorld;
  #nextStateAt = 0;

  /** `ringRecords`: how many frames the feed's ring holds. */
  constructor(feed: FrameFeed, ringRecords: number, rows: RowBook, options: AudienceOptions) {
    this.#feed = feed;
    this.#rows = rows;
    this.#clock = options.clock;
    this.#world = { rows, clock: options.clock, sections: positions => this.keptSections(positions) };
    this.creditBytes = options.creditBytes ?? 2 * MIB;
    this.#maxLag = Math.min(options.maxLagRecords ?? 65_536, Math.floor(ringRecords / 2));
    this.#stateIntervalUs = (options.stateIntervalMs ?? 100) * 1000;
    this.sections = new SectionSource(options.keptSections ?? KEEP);
    this.events = new EventSource(options.keptEvents ?? KEEP);
    const slotBytes = PIECE_BYTES + (options.payloadBytes ?? 0);
    this.payloads = new PayloadSource(Math.ceil(KEPT_PAYLOAD_BYTES / slotBytes), slotBytes);
  }

  /** Viewers there are. */
  get size(): number {
    return this.#viewers.size;
  }

  /** True when a viewer has a filter. */
  get filters(): boolean {
    for (const { frames } of this.#viewers) if (frames?.matcher instanceof FilterMatcher) return true;
    return false;
  }

  /** Where the logs end. */
  get head(): LogPositions {
    const { sections, events, payloads } = this;
    const frames = this.#feed.position;
    return { frames, fields: sections.head, events: events.head, payloads: payloads.head };
  }

  /** One more. */
  attach(port: ViewerPort, host: ViewerHost): Viewer {
    const viewer = new Viewer(port, host, this.creditBytes, this.#maxLag);
    this.#viewers.add(viewer);
    return viewer;
  }

  /** One fewer. */
  detach(viewer: Viewer): void {
    this.#viewers.delete(viewer);
  }

  has(viewer: Viewer): boolean {
    return this.#viewers.has(viewer);
  }

  /** Begins a round of telling: what was encoded for one viewer serves all that want the same, within a round. */
  newRound(): void {
    this.sections.newRound();
    this.events.newRound();
    this.payloads.newRound();
  }

  /** A section is new; the answer is its place in the log. */
  section(section: FieldSection): number {
    this.#makeRoom(this.sections);
    const position = this.sections.head;
    this.sections.push(section, this.#rows.legOf(section.connection));
    return position;
  }

  /** An event is new. */
  event(event: LogEvent): void {
    this.#makeRoom(this.events);
    this.events.push(event);
  }

  /** An event is new that is numbers alone, see `EventCode`. */
  numbers(code: number, t: number, seq: number, connection: number, stream: number, a: number, b: number): void {
    this.#makeRoom(this.events);
    this.events.pushNumbers(code, t, seq, connection, stream, a, b);
  }

  /** Octets of a frame are new. */
  payload(piece: PayloadPiece): void {
    this.#makeRoom(this.payloads);
    this.payloads.push(piece);
  }

  /** So many sections, events or pieces of octets are lost. */
  lose(source: AnySource, lost: number): void {
    this.#makeRoom(source);
    source.gap(lost);
  }

  #makeRoom(source: AnySource): void {
    if (!source.full) return;
    for (const viewer of this.#viewers) viewer.makeRoom(source);
  }

  /** Tells what is new of sections, events and octets. */
  sendItems(): void {
    for (const viewer of this.#viewers) {
      viewer.sendItems(this.sections);
      viewer.sendItems(this.events);
      viewer.sendItems(this.payloads);
    }
  }

  /** Reads the feed to its end and tells it. `recover` is asked after an overrun; false: not now. */
  pump(recover: () => boolean): void {
    for (;;) {
      const chunk = this.#feed.next();
      if (chunk === null) break;
      if (chunk === 'overrun') {
        if (!recover()) break;
        continue;
      }
      const cache = new BatchCache(chunk);
      for (const viewer of this.#viewers) viewer.offerFrames(chunk, cache);
    }
    for (const viewer of this.#viewers) viewer.catchUp(this.#feed);
  }

  /** Frames are lost for everybody. */
  loseFrames(loss: FrameLoss): void {
    for (const viewer of this.#viewers) viewer.lose(loss, connection => this.#rows.legOf(connection));
  }

  /** The next STATE need not wait. */
  hurry(): void {
    this.#nextStateAt = 0;
  }

  /** True when the next STATE may be sent. */
  stateDue(now: number): boolean {
    return now >= this.#nextStateAt;
  }

  /** Tells the rows that changed. `now`: when they were so. */
  sendState(now: number): void {
    const { head } = this;
    const rows = this.#rows;
    const texts = new Map<number, string>();
    for (const viewer of this.#viewers) {
      if (!viewer.subscribed || viewer.change === rows.change) continue;
      if (viewer.port.bufferedBytes > MAX_STATE_BACKLOG) continue;
      const reset = viewer.change < rows.forgottenBefore;
      const since = reset ? 0 : viewer.change;
      let text = texts.get(since);
      if (text === undefined) {
        text = encodeMessage({ type: 'state', now, head, reset, rows: rows.changes(since) });
        texts.set(since, text);
      }
      viewer.port.send(text);
      viewer.change = rows.change;
      rows.told = rows.change;
    }
    // A large state takes time to write: not more than a fifth of all time goes into it.
    const took = this.#clock() - now;
    this.#nextStateAt = now + Math.min(Math.max(this.#stateIntervalUs, took * 4), MAX_STATE_INTERVAL_US);
  }

  /** Answers SUBSCRIBE. */
  subscribe(viewer: Viewer, message: Subscribe): void {
    const { backlog } = message;
    const text = message.filter ?? '';
    const filter = parseFilter(text);
    const [problem] = filter.problems;
    if (problem !== undefined) {
      const why = `filter: ${problem.text}: ${problem.message}`;
      viewer.tell({ type: 'reply', id: message.id, what: 'error', message: why });
      return;
    }
    const position = this.#feed.position;
    const start = message.frames === null ? position : Math.max(this.#feed.oldest(), position - backlog);
    const selection = message.frames ?? {};
    const filtered = filter.nodes.length > 0;
    const matcher = filtered ? new FilterMatcher(selection, filter, text, this.#world) : new FrameMatcher(selection);
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
      lag.addAll(countRecords(chunk.words, 0, count, matcher.counting), 1);
      later.addAll(countRecords(chunk.words, 0, count, EVERYTHING), 1);
      at = chunk.to;
    }
    const frames: FrameCursor | null =
      message.frames === null ? null : { matcher, position: from, lag, lagLimit: Math.max(this.#maxLag, backlog) };
    const fields = itemCursor(message.fields, this.sections, backlog);
    const events = itemCursor(message.events ? {} : null, this.events, backlog);
    const payloads = itemCursor(message.payloads, this.payloads, backlog, true);
    viewer.restart(frames, fields, events, payloads);
    viewer.change = this.#rows.change;
    this.#rows.told = viewer.change;
    const { head } = this;
    viewer.port.send(
      encodeMessage({
        type: 'snapshot',
        id: message.id,
        now: this.#clock(),
        ...(filtered ? { filter: text } : {}),
        from: {
          frames: from,
          fields: fields?.position ?? head.fields,
          events: events?.position ?? head.events,
          payloads: payloads?.position ?? head.payloads,
        },
        head,
        before: this.#feed.before(later).list(),
        rows: this.#rows.changes(0),
      }),
    );
    viewer.catchUp(this.#feed);
    viewer.sendItems(this.sections);
    viewer.sendItems(this.events);
    viewer.sendItems(this.payloads);
  }

  /** The sections at these places that are still kept. */
  keptSections(positions: readonly number[]): FieldSection[] {
    return positions
      .filter(position => position >= this.sections.oldest)
      .flatMap(position => this.sections.at(position) ?? []);
  }
}

/** `typed`: the log's items have a frame type. */
function itemCursor(
  selection: FrameSelection | null,
  log: ItemSource,
  backlog: number,
  typed = false,
): ItemCursor | null {
  if (selection === null) return null;
  const { types: _, ...rest } = selection;
  const matcher = new FrameMatcher(typed ? selection : rest);
  return { matcher: matcher.everything ? null : matcher, position: Math.max(log.oldest, log.head - backlog) };
}
