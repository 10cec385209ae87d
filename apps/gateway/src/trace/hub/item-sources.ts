/** The logs of field sections, of events and of octets: what is kept of them and how batches are made. */
import {
  connectionWord,
  encodeMessage,
  type FieldSection,
  type FrameMatcher,
  type LogEvent,
  type PayloadPiece,
  packSections,
  pieceBytes,
  writePayloads,
} from '@glassway/inspector-protocol';
import { ItemLog } from './item-log.ts';
import type { ItemCursor, ItemLogName, ItemSource } from './viewer.ts';

/** Stands in a log for that many items that were lost. */
export interface Gap {
  readonly lost: number;
}

/** A section with what is needed to compare it with a subscription. */
export interface KeptSection {
  readonly section: FieldSection;
  readonly leg: 0 | 1;
}

/** Field lines in one FIELDS message, about 32 KB. */
const BATCH_FIELDS = 1000;
/** Events in one EVENTS message. */
const BATCH_EVENTS = 250;
/** Octets of one PAYLOADS message. */
const BATCH_PAYLOAD_BYTES = 32 * 1024;
/** Samples are the first that a viewer goes without: they may use only the first half of its credit. */
const PAYLOAD_CREDIT_SHARE = 0.5;

interface Batch {
  readonly data: string | Uint8Array;
  readonly to: number;
  readonly count: number;
}

abstract class Source<T extends object> implements ItemSource<T | Gap> {
  abstract readonly name: ItemLogName;
  readonly creditShare: number = 1;
  readonly log: ItemLog<T | Gap>;
  // Batches of this round: several viewers want the same.
  readonly #cache = new Map<string, Batch>();

  constructor(capacity: number) {
    this.log = new ItemLog(capacity);
  }

  lost(item: T | Gap): number {
    return 'lost' in item ? item.lost : 0;
  }

  matches(item: T | Gap, matcher: FrameMatcher | null): boolean {
    return !('lost' in item) && (matcher === null || this.chosen(item as T, matcher));
  }

  /** Forgets the batches of the last round. */
  newRound(): void {
    this.#cache.clear();
  }

  batch(cursor: ItemCursor): Batch {
    const key = `${cursor.position}${cursor.matcher?.key ?? ''}`;
    let batch = this.#cache.get(key);
    if (batch === undefined) {
      batch = this.#make(cursor);
      this.#cache.set(key, batch);
    }
    return batch;
  }

  #make(cursor: ItemCursor): Batch {
    const items: T[] = [];
    let at = cursor.position;
    for (let size = 0; at < this.log.head && size < 1; at++) {
      const item = this.log.at(at);
      if (this.lost(item) > 0) break;
      if (!this.matches(item, cursor.matcher)) continue;
      items.push(item as T);
      size += this.share(item as T);
    }
    const data = items.length === 0 ? '' : this.encode(cursor.position, at, items);
    return { data, to: at, count: items.length };
  }

  protected abstract chosen(item: T, matcher: FrameMatcher): boolean;
  /** Which share of a whole message the item takes. */
  protected abstract share(item: T): number;
  protected abstract encode(from: number, to: number, items: readonly T[]): string | Uint8Array;
}

/** The log of field sections. */
export class SectionSource extends Source<KeptSection> {
  readonly name = 'fields' as const;

  protected chosen({ section, leg }: KeptSection, matcher: FrameMatcher): boolean {
    return matcher.matches(connectionWord(section.connection, leg, section.direction), section.stream, 0);
  }

  protected share({ section }: KeptSection): number {
    return (1 + section.fields.length) / BATCH_FIELDS;
  }

  protected encode(from: number, to: number, items: readonly KeptSection[]): string {
    return encodeMessage({ type: 'fields', from, to, packed: packSections(items.map(item => item.section)) });
  }
}

/** The log of events. */
export class EventSource extends Source<LogEvent> {
  readonly name = 'events' as const;

  protected chosen(): boolean {
    return true;
  }

  protected share(): number {
    return 1 / BATCH_EVENTS;
  }

  protected encode(from: number, to: number, events: readonly LogEvent[]): string {
    return encodeMessage({ type: 'events', from, to, events });
  }
}

/** The log of octets of frames. */
export class PayloadSource extends Source<PayloadPiece> {
  readonly name = 'payloads' as const;
  override readonly creditShare: number = PAYLOAD_CREDIT_SHARE;

  protected chosen({ connection, leg, direction, stream, type }: PayloadPiece, matcher: FrameMatcher): boolean {
    return matcher.matches(connectionWord(connection, leg, direction), stream, type);
  }

  protected share(piece: PayloadPiece): number {
    return pieceBytes(piece) / BATCH_PAYLOAD_BYTES;
  }

  protected encode(from: number, to: number, pieces: readonly PayloadPiece[]): Uint8Array {
    return writePayloads({ from, to, pieces });
  }
}
