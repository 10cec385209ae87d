/** One authenticated viewer: what it wants, how far it is in each log, and how much it has not yet acknowledged. */
import {
  type ClientMessage,
  CloseCode,
  encodeMessage,
  type FrameMatcher,
  type LogName,
  ProtocolError,
  parseClientMessage,
  type TextMessage,
} from '@glassway/inspector-protocol';
import type { BatchCache } from './batch-cache.ts';
import { Unacknowledged } from './credit.ts';
import { countRecords, FrameCounts } from './frame-counts.ts';
import { cutBatch, type FrameBatch, type FrameChunk, type FrameFeed, type FrameLoss } from './frame-feed.ts';

/** The connection to a viewer, as the hub sees it. */
export interface ViewerPort {
  send(data: string | Uint8Array): void;
  /** Octets given to `send` and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** Ends the connection. */
  close(code: number, reason: string): void;
}

/** Answers what a viewer asks for. */
export interface ViewerHost {
  subscribe(viewer: Viewer, message: Extract<ClientMessage, { readonly type: 'subscribe' }>): void;
  get(viewer: Viewer, message: Extract<ClientMessage, { readonly type: 'get' }>): void;
}

const LOGS: readonly LogName[] = ['frames', 'fields', 'events', 'payloads'];
/** A viewer that lets this much pile up in its socket is asked nothing more and answered nothing more. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
/** Chunks of old records read for one viewer in one go. */
const CATCH_UP_CHUNKS = 4;

interface Drop {
  readonly cause: 'credit' | 'overrun';
  readonly from: number;
  to: number;
  count: number;
  readonly counts: FrameCounts;
}

/** Where a viewer is in the log of frames. */
export interface FrameCursor {
  readonly matcher: FrameMatcher;
  /** Next position to send. */
  position: number;
  /** What `matcher.counting` chooses between `position` and the feed's position. */
  readonly lag: FrameCounts;
  /** How many records it may be behind before it skips ahead. */
  lagLimit: number;
}

/** Where a viewer is in a log of items. */
export interface ItemCursor {
  /** Null: everything. */
  readonly matcher: FrameMatcher | null;
  position: number;
}

/** A log of items: all but the frames. */
export type ItemLogName = Exclude<LogName, 'frames'>;

/** A message out of such a log. */
export interface ItemBatch {
  /** Null: nothing on this stretch matches. */
  readonly bytes: Uint8Array | null;
  /** The position after the last one it speaks for. */
  readonly to: number;
}

/** A log of sections, events or octets as a viewer sees it. */
export interface ItemSource {
  readonly name: ItemLogName;
  /** Position of the next item, and the oldest that is kept. */
  readonly head: number;
  readonly oldest: number;
  /** How many were lost here instead of one item; 0: it is an item. */
  lost(position: number): number;
  matches(position: number, matcher: FrameMatcher | null): boolean;
  /** A message with the items from `from` on, up to some size, a gap or the end. */
  batch(cursor: ItemCursor): ItemBatch;
  /** The part of a viewer's credit up to which this log may use it; above 0, at most 1. */
  readonly creditShare: number;
}

/** One viewer. */
export class Viewer {
  readonly port: ViewerPort;
  /** Number of the last change of the model that was told. */
  change = 0;
  subscribed = false;
  frames: FrameCursor | null = null;
  fields: ItemCursor | null = null;
  events: ItemCursor | null = null;
  payloads: ItemCursor | null = null;
  readonly #host: ViewerHost;
  readonly #creditBytes: number;
  readonly #maxLagRecords: number;
  readonly #unacknowledged = {
    frames: new Unacknowledged(),
    fields: new Unacknowledged(),
    events: new Unacknowledged(),
    payloads: new Unacknowledged(),
  };
  readonly #drops: Drop[] = [];
  readonly #itemDrops: Record<ItemLogName, Drop | null> = { fields: null, events: null, payloads: null };

  constructor(port: ViewerPort, host: ViewerHost, creditBytes: number, maxLagRecords: number) {
    this.port = port;
    this.#host = host;
    this.#creditBytes = creditBytes;
    this.#maxLagRecords = maxLagRecords;
  }

  /** Takes in a text message. A viewer that breaks the protocol is closed. */
  receive(text: string): void {
    try {
      this.#handle(parseClientMessage(text));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.port.close(CloseCode.BAD_MESSAGE, error.message.slice(0, 100));
    }
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'ack') {
      for (const log of LOGS) {
        const to = message[log];
        if (to !== undefined && !this.#unacknowledged[log].acknowledge(to)) {
          throw new ProtocolError(`ack: ${log} were not sent up to ${to}`);
        }
      }
      return;
    }
    if (this.port.bufferedBytes > MAX_BUFFERED_BYTES) throw new ProtocolError('asks for more without reading');
    if (message.type === 'subscribe') this.#host.subscribe(this, message);
    else if (message.type === 'get') this.#host.get(this, message);
    else throw new ProtocolError('auth: already done');
  }

  /** Begins a subscription; nothing of an earlier one is owed any more. */
  restart(
    frames: FrameCursor | null,
    fields: ItemCursor | null,
    events: ItemCursor | null,
    payloads: ItemCursor | null,
  ): void {
    this.payloads = payloads;
    this.frames = frames;
    this.fields = fields;
    this.events = events;
    this.subscribed = true;
    this.#drops.length = 0;
    this.#itemDrops.fields = null;
    this.#itemDrops.events = null;
    this.#itemDrops.payloads = null;
    for (const log of Object.values(this.#unacknowledged)) log.reset();
  }

  #hasCredit(share = 1): boolean {
    const { frames, fields, events, payloads } = this.#unacknowledged;
    return frames.bytes + fields.bytes + events.bytes + payloads.bytes < this.#creditBytes * share;
  }

  /** Sends a message that needs no credit. */
  tell(message: TextMessage): void {
    this.port.send(encodeMessage(message));
  }

  /** New records: sends them, or counts them as waiting. */
  offerFrames(chunk: FrameChunk, cache: BatchCache): void {
    const cursor = this.frames;
    if (cursor === null) return;
    if (cursor.position < chunk.from) {
      cursor.lag.addAll(cache.counts(cursor.matcher.counting), 1);
      return;
    }
    this.#sendDrops();
    while (cursor.position < chunk.to && this.#drops.length === 0 && this.#hasCredit()) {
      const batch = cache.batch(cursor.matcher, cursor.position);
      this.#sendFrames(batch);
      cursor.position = batch.to;
    }
    if (cursor.position === chunk.to) return;
    cursor.lag.addAll(
      countRecords(chunk.words, cursor.position - chunk.from, chunk.to - chunk.from, cursor.matcher.counting),
      1,
    );
  }

  /* Sent even when nothing is in it: it says that nothing on that stretch was chosen. */
  #sendFrames({ bytes, to }: FrameBatch): void {
    this.port.send(bytes);
    this.#unacknowledged.frames.sent(to, bytes.length);
  }

  /** Sends older records to a viewer that is behind, or skips ahead when it is too far behind. */
  catchUp(feed: FrameFeed): void {
    const cursor = this.frames;
    if (cursor === null) return;
    this.#sendDrops();
    for (let i = 0; i < CATCH_UP_CHUNKS && cursor.position < feed.position; i++) {
      if (this.#drops.length > 0 || !this.#hasCredit()) break;
      const chunk = feed.reread(cursor.position);
      if (chunk === null) {
        this.#skip(cursor, feed.position);
        break;
      }
      while (cursor.position < chunk.to && this.#hasCredit()) {
        const batch = cutBatch(chunk, cursor.position, cursor.matcher);
        const at = cursor.position - chunk.from;
        cursor.lag.addAll(countRecords(chunk.words, at, batch.to - chunk.from, cursor.matcher.counting), -1);
        this.#sendFrames(batch);
        cursor.position = batch.to;
      }
    }
    if (cursor.position === feed.position) cursor.lagLimit = this.#maxLagRecords;
    else if (feed.position - cursor.position > cursor.lagLimit) this.#skip(cursor, feed.position);
  }

  #skip(cursor: FrameCursor, to: number): void {
    this.#drop('credit', cursor.position, to, cursor.lag);
    cursor.lag.clear();
    cursor.position = to;
    cursor.lagLimit = this.#maxLagRecords;
  }

  /** The feed lost records: whatever this viewer still waited for in front of them is lost too. */
  lose(loss: FrameLoss, legOf: (connection: number) => number): void {
    const cursor = this.frames;
    if (cursor === null) return;
    if (cursor.position < loss.from) this.#skip(cursor, loss.from);
    const counts = new FrameCounts();
    for (const [connection, counters] of loss.byConnection) {
      counts.addMatching(cursor.matcher.counting, legOf(connection), connection, counters);
    }
    this.#drop('overrun', loss.from, loss.to, counts);
    cursor.position = loss.to;
  }

  #drop(cause: 'credit' | 'overrun', from: number, to: number, counts: FrameCounts): void {
    const last = this.#drops[this.#drops.length - 1];
    if (last !== undefined && last.to === from && (last.cause === cause || this.#drops.length >= 8)) {
      last.to = to;
      last.counts.addAll(counts, 1);
      return;
    }
    const drop: Drop = { cause, from, to, count: 0, counts: new FrameCounts() };
    drop.counts.addAll(counts, 1);
    this.#drops.push(drop);
  }

  #sendDrops(): void {
    while (this.#drops.length > 0 && this.#hasCredit()) {
      const { cause, from, to, counts } = this.#drops.shift()!;
      if (counts.total === 0) continue;
      const text = encodeMessage({
        type: 'dropped',
        log: 'frames',
        cause,
        from,
        to,
        count: counts.total,
        counts: counts.list(),
      });
      this.port.send(text);
      this.#unacknowledged.frames.sent(to, text.length);
    }
  }

  /** Sends what is new in a log of items, as far as credit goes. */
  sendItems(source: ItemSource): void {
    const cursor = this[source.name];
    if (cursor === null) return;
    while (cursor.position < source.head && this.#hasCredit(source.creditShare)) {
      const drop = this.#itemDrops[source.name];
      if (drop !== null) {
        this.#itemDrops[source.name] = null;
        this.#sendItemDrop(source.name, drop);
        continue;
      }
      const lost = source.lost(cursor.position);
      if (lost > 0) {
        const from = cursor.position++;
        const counts = new FrameCounts();
        this.#sendItemDrop(source.name, { cause: 'overrun', from, to: from + 1, count: lost, counts });
        continue;
      }
      const { bytes, to } = source.batch(cursor);
      if (bytes !== null) {
        this.port.send(bytes);
        this.#unacknowledged[source.name].sent(to, bytes.length);
      }
      cursor.position = to;
    }
  }

  /** The log is about to overwrite its oldest item: a viewer that still waits for it skips to the end. */
  makeRoom(source: ItemSource): void {
    const cursor = this[source.name];
    if (cursor === null || cursor.position > source.oldest) return;
    let count = 0;
    for (let at = cursor.position; at < source.head; at++) {
      const lost = source.lost(at);
      count += lost > 0 ? lost : source.matches(at, cursor.matcher) ? 1 : 0;
    }
    const drop = this.#itemDrops[source.name];
    if (drop === null) {
      const counts = new FrameCounts();
      this.#itemDrops[source.name] = { cause: 'credit', from: cursor.position, to: source.head, count, counts };
    } else {
      drop.to = source.head;
      drop.count += count;
    }
    cursor.position = source.head;
  }

  #sendItemDrop(log: ItemLogName, drop: Drop): void {
    if (drop.count === 0) return;
    const { cause, from, to, count } = drop;
    const text = encodeMessage({ type: 'dropped', log, cause, from, to, count, counts: [] });
    this.port.send(text);
    this.#unacknowledged[log].sent(to, text.length);
  }
}
