import { type DecoderOptions, type FieldSink, HARD_LIMIT_FACTOR, MAX_LIMIT } from './decoder-options.ts';
import { DynamicTable, ENTRY_OVERHEAD, TableEntry } from './dynamic-table.ts';
import { HpackError, HpackUsageError, integerInRange } from './errors.ts';
import { type Cursor, MAX_INTEGER, readInteger } from './integer.ts';
import { Octets } from './octets.ts';
import { representationEnd } from './representation-end.ts';
import { STATIC_TABLE, STATIC_TABLE_LENGTH } from './static-table.ts';
import { openString, takeString } from './string-literal.ts';
import { type HpackTap, Representation } from './tap.ts';

// One for all decoders: it is never live across a call of a sink.
const cursor: Cursor = { position: 0 };

/** Tags of the static entries for each classify function, computed once per process instead of once per decoder. */
const staticTagsOf = new WeakMap<(name: string, value: string) => number, Uint8Array>();

/** Where a decoder is: between blocks, within a call (or lost there), in a block that comes in chunks. */
const Phase = { IDLE: 0, BUSY: 1, CHUNKED: 2 } as const;

/**
 * Decodes field blocks of one direction of one connection, in the order in which they were received (RFC 7541 3).
 *
 * - **in**: `decode`, `decodeRange`, `push`
 * - **commands**: `setMaxTableSize`, `end`
 * - **getters**: `truncated`, `sectionSize`, `fieldCount`, `tableSize`, `maxTableSize`, `tableLength`, `entryAt`
 *
 * An `HpackError` ends the decoder, as the tables of the two sides may differ from then on: each later call throws one
 * with the rule `hpack.context-lost`.
 */
export class Decoder {
  private readonly table: DynamicTable<TableEntry>;
  private readonly maxFieldSectionSize: number;
  private readonly maxFields: number;
  private readonly maxStringLength: number;
  private readonly classify: ((name: string, value: string) => number) | null;
  private readonly staticTags: Uint8Array | null;
  private readonly tap: HpackTap | null;

  /** Advertised and acknowledged; the peer's updates must not exceed it. */
  private limit: number;
  /** Bound that the first update of the next block must respect, -1 when no update is due (RFC 7541 4.2). */
  private updateDue = -1;
  private phase: number = Phase.IDLE;
  /** A field line of this block was seen, so that no size update may follow. */
  private inFields = false;
  private carry: Octets | null = null;

  private isTruncated = false;
  private size = 0;
  private count = 0;

  constructor(options: DecoderOptions = {}) {
    const { maxTableSize = 4096, maxFieldSectionSize = 65_536, maxFields = 256, classify, tap } = options;
    const { maxStringLength = maxFieldSectionSize } = options;
    this.limit = integerInRange('maxTableSize', maxTableSize, 0, MAX_INTEGER);
    this.maxFieldSectionSize = integerInRange('maxFieldSectionSize', maxFieldSectionSize, 0, MAX_LIMIT);
    this.maxFields = integerInRange('maxFields', maxFields, 1, MAX_LIMIT);
    this.maxStringLength = integerInRange('maxStringLength', maxStringLength, 0, MAX_LIMIT);
    this.table = new DynamicTable(maxTableSize);
    this.classify = classify ?? null;
    this.staticTags = classify === undefined ? null : staticTags(classify);
    this.tap = tap ?? null;
  }

  /** True when the last block exceeded `maxFieldSectionSize` or `maxFields` and so was not handed out to its end. */
  get truncated(): boolean {
    return this.isTruncated;
  }

  /** Size of the last field section with the fields that were held back, octets (RFC 9113 6.5.2). */
  get sectionSize(): number {
    return this.size;
  }

  /** Field lines of the last field section with those that were held back. */
  get fieldCount(): number {
    return this.count;
  }

  /** Size of the dynamic table, octets (RFC 7541 4.1). */
  get tableSize(): number {
    return this.table.size;
  }

  /** The maximum that the peer's encoder has set for the dynamic table, octets; at first the advertised one. */
  get maxTableSize(): number {
    return this.table.maxSize;
  }

  /** Number of entries in the dynamic table. */
  get tableLength(): number {
    return this.table.length;
  }

  /** The dynamic entry `age` places after the newest, 0..tableLength-1. */
  entryAt(age: number): TableEntry {
    return this.table.at(integerInRange('age', age, 0, this.table.length - 1));
  }

  /**
   * Sets the maximum our SETTINGS advertise, octets, 0..2^31-1; to be called when the peer has acknowledged them. Below
   * the size in use, the next block must begin with an update to no more than it (RFC 7541 4.2).
   */
  setMaxTableSize(size: number): void {
    this.limit = integerInRange('maxTableSize', size, 0, MAX_INTEGER);
    if (size < (this.updateDue < 0 ? this.table.maxSize : this.updateDue)) this.updateDue = size;
  }

  /** Decodes a whole field block. Throws an `HpackError` when it is not valid. */
  decode(block: Uint8Array, sink: FieldSink): void {
    this.decodeRange(block, 0, block.length, sink);
  }

  /** Decodes the whole field block in `block[start..end]`. Throws an `HpackError` when it is not valid. */
  decodeRange(block: Uint8Array, start: number, end: number, sink: FieldSink): void {
    if (this.phase !== Phase.IDLE) this.refuse();
    this.begin();
    this.run(block, start, end, sink);
    this.phase = Phase.IDLE;
  }

  /**
   * Decodes the next part of a field block, with the same result as one call for the whole block. What is kept between
   * calls is one unfinished representation: at most two strings of `maxStringLength`. `last` ends the block.
   */
  push(chunk: Uint8Array, sink: FieldSink, last: boolean): void {
    if (this.phase === Phase.IDLE) this.begin();
    else if (this.phase === Phase.CHUNKED) this.phase = Phase.BUSY;
    else this.refuse();
    const carry = this.carry;
    if (carry === null || carry.length === 0) {
      this.pushFrom(chunk, chunk.length, sink, last);
    } else {
      carry.append(chunk);
      this.pushFrom(carry.buffer, carry.length, sink, last);
    }
    this.phase = last ? Phase.IDLE : Phase.CHUNKED;
  }

  /** The connection is over: lets go of the dynamic table. What is decoded after it throws `hpack.context-lost`. */
  end(): void {
    this.phase = Phase.BUSY;
    this.carry = null;
    this.table.clear();
  }

  private pushFrom(source: Uint8Array, end: number, sink: FieldSink, last: boolean): void {
    if (last) {
      this.run(source, 0, end, sink);
      this.carry = null;
      return;
    }
    let ready = 0;
    let next = 0;
    while (next >= 0) {
      ready = next;
      next = representationEnd(source, ready, end, this.maxStringLength);
    }
    this.run(source, 0, ready, sink);
    if (this.carry?.buffer === source) {
      source.copyWithin(0, ready, end);
      this.carry.length = end - ready;
    } else if (ready < end) {
      this.carry ??= new Octets(0);
      this.carry.append(source.subarray(ready, end));
    }
  }

  private begin(): void {
    // Left at BUSY when anything throws, which is how a lost context shows.
    this.phase = Phase.BUSY;
    this.inFields = false;
    this.isTruncated = false;
    this.size = 0;
    this.count = 0;
  }

  private refuse(): never {
    if (this.phase === Phase.CHUNKED) throw new HpackUsageError('the block begun with push() has not been finished');
    throw new HpackError(
      'hpack.context-lost',
      'RFC 9113 4.3',
      'a block was left in the middle, by an earlier error or by a sink that threw or called back',
    );
  }

  private run(block: Uint8Array, start: number, end: number, sink: FieldSink): void {
    let position = start;
    if (!this.inFields && position < end) {
      position = this.readUpdates(block, position, end);
      if (position === end) return;
      this.inFields = true;
    }
    while (position < end) {
      const first = block[position]!;
      if (first >= 0x80) {
        let index = first & 0x7f;
        let next = position + 1;
        if (index === 0x7f) {
          cursor.position = position;
          index = readInteger(cursor, block, end, 7);
          next = cursor.position;
        }
        this.indexed(index, next - position, sink);
        position = next;
      } else if (first >= 0x40) {
        position = this.literal(block, position, end, 6, Representation.INCREMENTAL, sink);
      } else if (first < 0x10) {
        position = this.literal(block, position, end, 4, Representation.WITHOUT_INDEXING, sink);
      } else if (first < 0x20) {
        position = this.literal(block, position, end, 4, Representation.NEVER_INDEXED, sink);
      } else {
        throw new HpackError('hpack.update-position', 'RFC 7541 4.2', 'a table size update stands behind a field line');
      }
    }
  }

  /** RFC 7541 6.1. */
  private indexed(index: number, wireBytes: number, sink: FieldSink): void {
    let entry: TableEntry;
    let tag = 0;
    if (index <= STATIC_TABLE_LENGTH) {
      if (index === 0) throw badIndex(0);
      entry = STATIC_TABLE[index]!;
      if (this.staticTags !== null) tag = this.staticTags[index]!;
    } else {
      entry = this.dynamicEntry(index);
      tag = entry.tag;
    }
    if (!this.admit(entry.size)) return;
    if (this.tap !== null) {
      this.tap.onRepresentation(entry.name, entry.value, Representation.INDEXED, index, wireBytes);
    }
    sink.onField(entry.name, entry.value, false, tag);
  }

  /** RFC 7541 6.2. Returns the position behind the field line. */
  private literal(
    block: Uint8Array,
    start: number,
    end: number,
    prefixBits: number,
    representation: Representation,
    sink: FieldSink,
  ): number {
    cursor.position = start;
    const nameIndex = readInteger(cursor, block, end, prefixBits);
    const incremental = representation === Representation.INCREMENTAL;
    let name = '';
    let nameLength: number;
    if (nameIndex === 0) {
      nameLength = openString(cursor, block, end, this.maxStringLength);
      // Beyond the limits a name is only built for the table.
      if (incremental || !this.isTruncated) name = takeString(block);
    } else {
      name = nameIndex <= STATIC_TABLE_LENGTH ? STATIC_TABLE[nameIndex]!.name : this.dynamicEntry(nameIndex).name;
      nameLength = name.length;
    }
    const size = nameLength + openString(cursor, block, end, this.maxStringLength) + ENTRY_OVERHEAD;
    const next = cursor.position;
    const admitted = this.admit(size);
    const table = this.table;
    const kept = incremental && size <= table.maxSize;
    if (!admitted && !kept) {
      // RFC 7541 4.4: an entry larger than the table empties it.
      if (incremental) this.evictTo(0);
      return next;
    }
    const value = takeString(block);
    const tag = this.classify === null ? 0 : this.classify(name, value) & 0xff;
    const tap = this.tap;
    if (admitted && tap !== null) tap.onRepresentation(name, value, representation, nameIndex, next - start);
    if (kept) {
      if (table.size + size > table.maxSize) this.evictTo(table.maxSize - size);
      table.insert(new TableEntry(name, value, tag));
      if (tap !== null) tap.onInsert(name, value, table.size);
    } else if (incremental) {
      this.evictTo(0);
    }
    if (admitted) sink.onField(name, value, representation === Representation.NEVER_INDEXED, tag);
    return next;
  }

  private dynamicEntry(index: number): TableEntry {
    const age = index - STATIC_TABLE_LENGTH - 1;
    if (age >= this.table.length) throw badIndex(index);
    return this.table.at(age);
  }

  /** Counts a field line of `size` octets; true when it is within the limits and to be handed out. */
  private admit(size: number): boolean {
    this.size += size;
    this.count++;
    if (this.size <= this.maxFieldSectionSize && this.count <= this.maxFields) return true;
    this.isTruncated = true;
    if (this.size > this.maxFieldSectionSize * HARD_LIMIT_FACTOR || this.count > this.maxFields * HARD_LIMIT_FACTOR) {
      throw new HpackError(
        'hpack.section-too-large',
        'RFC 9113 10.5.1',
        `a field section exceeds ${HARD_LIMIT_FACTOR} times ${this.maxFieldSectionSize} octets or ${this.maxFields} fields`,
      );
    }
    return false;
  }

  /** RFC 7541 6.3: the updates that lead a block. Returns the position of the first field line. */
  private readUpdates(block: Uint8Array, start: number, end: number): number {
    cursor.position = start;
    while (cursor.position < end && (block[cursor.position]! & 0xe0) === 0x20) {
      const size = readInteger(cursor, block, end, 5);
      const bound = this.updateDue >= 0 ? this.updateDue : this.limit;
      if (size > bound) {
        throw new HpackError(
          'hpack.update-too-large',
          'RFC 7541 6.3',
          `a table size update to ${size} exceeds the ${bound} octets advertised`,
        );
      }
      this.updateDue = -1;
      this.table.maxSize = size;
      if (this.tap !== null) this.tap.onResize(size);
      this.evictTo(size);
    }
    if (this.updateDue >= 0 && cursor.position < end) {
      throw new HpackError(
        'hpack.update-missing',
        'RFC 7541 4.2',
        `a field block does not begin with the table size update to ${this.updateDue} octets or less that is due`,
      );
    }
    return cursor.position;
  }

  private evictTo(size: number): void {
    const table = this.table;
    let evicted = 0;
    while (table.size > size) {
      table.evictOldest();
      evicted++;
    }
    if (evicted > 0 && this.tap !== null) this.tap.onEvict(evicted, table.size);
  }
}

function badIndex(index: number): HpackError {
  return new HpackError(
    'hpack.index',
    'RFC 7541 2.3.3',
    `index ${index} is in neither the static nor the dynamic table`,
  );
}

function staticTags(classify: (name: string, value: string) => number): Uint8Array {
  let tags = staticTagsOf.get(classify);
  if (tags === undefined) {
    tags = Uint8Array.from(STATIC_TABLE, entry => classify(entry.name, entry.value));
    staticTagsOf.set(classify, tags);
  }
  return tags;
}
