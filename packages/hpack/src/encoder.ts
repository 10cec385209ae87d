import { ENTRY_OVERHEAD } from './dynamic-table.ts';
import { EncoderTable } from './encoder-table.ts';
import { HpackUsageError, integerInRange } from './errors.ts';
import { defaultIndexingOf, type IndexingPolicy } from './indexing.ts';
import { MAX_INTEGER, MAX_INTEGER_OCTETS, putInteger, writeInteger } from './integer.ts';
import { isOctetString, Octets } from './octets.ts';
import { STATIC_NAMES, type StaticName } from './static-table.ts';
import { putString, stringRoom } from './string-literal.ts';
import { type HpackTap, Representation } from './tap.ts';

/** A field line. Name and value are octet strings: one code point U+0000..U+00FF per octet. */
export interface Field {
  name: string;
  value: string;
  /** Must never be indexed, here or by any intermediary (RFC 7541 6.2.3). Default false. */
  sensitive?: boolean;
}

/** Options of an `Encoder`. */
export interface EncoderOptions {
  /**
   * Dynamic table size used at most, octets, whatever the peer allows: it bounds the memory. Default 4096, range
   * 0..2^31-1. Above the protocol's initial 4096 it takes effect when `setPeerMaxTableSize` allows it.
   */
  maxTableSize?: number;
  /** Decides which fields enter the dynamic table. Default `defaultIndexing`. */
  indexing?: IndexingPolicy | null;
  /** Observer of representations and of the dynamic table. Default none. */
  tap?: HpackTap | null;
}

/** SETTINGS_HEADER_TABLE_SIZE before any SETTINGS frame, octets (RFC 9113 6.5.2). */
const INITIAL_TABLE_SIZE = 4096;

/** First bits of the representations, RFC 7541 6, and how many bits are left for the index. */
const INDEXED_PATTERN = 0x80;
const INDEXED_PREFIX = 7;
const INCREMENTAL_PATTERN = 0x40;
const INCREMENTAL_PREFIX = 6;
const WITHOUT_INDEXING_PATTERN = 0x00;
const NEVER_INDEXED_PATTERN = 0x10;
const LITERAL_PREFIX = 4;
const UPDATE_PATTERN = 0x20;
const UPDATE_PREFIX = 5;

/** A field that takes more of the table than this pushes out more than it is likely to save. */
const LARGEST_SHARE = 3 / 4;

/**
 * Encodes the field sections of one direction of one connection. Blocks must reach the peer in the order in which they
 * were encoded, all of them.
 *
 * - **commands**: `encode`, or `begin` and then `field` for each line; `setPeerMaxTableSize`, `end`
 * - **getters**: `tableSize`, `maxTableSize`, `tableLength`, `entryAt`, `revision`
 */
export class Encoder {
  private readonly table: EncoderTable;
  private readonly ownMax: number;
  /** Null for the default, which needs no look-up of its own. */
  private readonly indexing: IndexingPolicy | null;
  private readonly tap: HpackTap | null;

  /** Smallest maximum since the last block, -1 when there was no change (RFC 7541 4.2). */
  private pendingMin = -1;
  /** Maximum to use from the next block on. */
  private pendingMax: number;

  constructor(options: EncoderOptions = {}) {
    const { maxTableSize = 4096, indexing = null, tap = null } = options;
    this.ownMax = integerInRange('maxTableSize', maxTableSize, 0, MAX_INTEGER);
    this.indexing = indexing;
    this.tap = tap;
    this.table = new EncoderTable(INITIAL_TABLE_SIZE);
    this.pendingMax = INITIAL_TABLE_SIZE;
    if (maxTableSize < INITIAL_TABLE_SIZE) this.setPeerMaxTableSize(INITIAL_TABLE_SIZE);
  }

  /** Size of the dynamic table, octets (RFC 7541 4.1). */
  get tableSize(): number {
    return this.table.size;
  }

  /** The maximum in use for the dynamic table, octets; changes take effect with the next block. */
  get maxTableSize(): number {
    return this.table.maxSize;
  }

  /** Number of entries in the dynamic table. */
  get tableLength(): number {
    return this.table.length;
  }

  /**
   * Changes of the dynamic table so far, insertions and resizes. Octets of field lines encoded without a change of it can
   * be sent again, as long as it stays the same, in place of encoding the same lines again.
   */
  get revision(): number {
    return this.table.revision;
  }

  /** The dynamic entry `age` places after the newest, 0..tableLength-1. */
  entryAt(age: number): Field {
    return this.table.at(integerInRange('age', age, 0, this.table.length - 1));
  }

  /**
   * Takes the peer's SETTINGS_HEADER_TABLE_SIZE, octets, 0..2^32-1. The table uses at most that and at most our own
   * `maxTableSize`; the next block announces it.
   */
  setPeerMaxTableSize(size: number): void {
    const max = Math.min(integerInRange('peerMaxTableSize', size, 0, 0xffff_ffff), this.ownMax);
    if (max === this.pendingMax && this.pendingMin < 0) return;
    this.pendingMin = this.pendingMin < 0 ? max : Math.min(this.pendingMin, max);
    this.pendingMax = max;
  }

  /**
   * Encodes a whole field section into octets of its own. Throws an `HpackUsageError`, and leaves the encoder as it
   * was, when a name or value is not an octet string.
   */
  encode(fields: readonly Field[]): Uint8Array {
    for (const { name, value } of fields) {
      if (!isOctetString(name) || !isOctetString(value)) {
        throw new HpackUsageError(
          `field ${JSON.stringify(name)}: name and value are strings of octets; encode what is above U+00FF to UTF-8 first`,
        );
      }
    }
    const out = new Octets();
    this.begin(out);
    for (const { name, value, sensitive } of fields) this.field(out, name, value, sensitive === true);
    return out.copy();
  }

  /** Starts a block: writes the table size updates that are due (RFC 7541 4.2). To be called once for each block. */
  begin(out: Octets): void {
    if (this.pendingMin < 0) return;
    // The smallest maximum tells the peer what had to go, even if the last one is the one in use again.
    if (this.pendingMin < this.pendingMax && this.pendingMin < this.table.maxSize) this.resize(out, this.pendingMin);
    if (this.pendingMax !== this.table.maxSize) this.resize(out, this.pendingMax);
    this.pendingMin = -1;
  }

  /**
   * Appends one field line to the block. Throws an `HpackUsageError`, and leaves the encoder and the block as they
   * were, when name or value is not an octet string.
   */
  field(out: Octets, name: string, value: string, sensitive: boolean): void {
    const table = this.table;
    const known = STATIC_NAMES.get(name);
    const representation = sensitive
      ? Representation.NEVER_INDEXED
      : this.indexing === null
        ? defaultIndexingOf(known, value)
        : this.indexing(name, value);
    const newest = table.newestOf(name, known);
    if (representation !== Representation.NEVER_INDEXED) {
      let index = known === undefined ? 0 : known.indexOf(value);
      if (index === 0 && newest !== null) index = table.indexWith(newest, value);
      if (index > 0) {
        this.indexed(out, name, value, index);
        return;
      }
    }
    const nameIndex = known !== undefined ? known.index : newest !== null ? table.indexOf(newest) : 0;
    this.literal(out, name, value, representation, nameIndex, known);
  }

  /** The connection is over: lets go of the dynamic table. Nothing may be encoded after it. */
  end(): void {
    this.table.clear();
  }

  /** RFC 7541 6.1. */
  private indexed(out: Octets, name: string, value: string, index: number): void {
    const start = out.length;
    out.ensure(MAX_INTEGER_OCTETS);
    out.length = putInteger(out.buffer, start, index, INDEXED_PREFIX, INDEXED_PATTERN);
    if (this.tap !== null) this.tap.onRepresentation(name, value, Representation.INDEXED, index, out.length - start);
  }

  /** RFC 7541 6.2. Nothing is changed before both strings are written, for they may turn out to be no octet strings. */
  private literal(
    out: Octets,
    name: string,
    value: string,
    wanted: Representation,
    nameIndex: number,
    known: StaticName | undefined,
  ): void {
    if (typeof name !== 'string' || typeof value !== 'string') throw new HpackUsageError('a field has strings only');
    const table = this.table;
    const size = name.length + value.length + ENTRY_OVERHEAD;
    const incremental = wanted === Representation.INCREMENTAL && size <= table.maxSize * LARGEST_SHARE;
    const representation =
      wanted === Representation.INCREMENTAL && !incremental ? Representation.WITHOUT_INDEXING : wanted;

    const start = out.length;
    out.ensure(MAX_INTEGER_OCTETS + stringRoom(name) + stringRoom(value));
    const buffer = out.buffer;
    let at = incremental
      ? putInteger(buffer, start, nameIndex, INCREMENTAL_PREFIX, INCREMENTAL_PATTERN)
      : putInteger(
          buffer,
          start,
          nameIndex,
          LITERAL_PREFIX,
          representation === Representation.NEVER_INDEXED ? NEVER_INDEXED_PATTERN : WITHOUT_INDEXING_PATTERN,
        );
    if (nameIndex === 0) at = putString(buffer, at, name);
    out.length = putString(buffer, at, value);

    const tap = this.tap;
    if (tap !== null) tap.onRepresentation(name, value, representation, nameIndex, out.length - start);
    if (!incremental) return;
    const evicted = table.makeRoom(size);
    if (tap !== null && evicted > 0) tap.onEvict(evicted, table.size);
    table.add(name, value, known);
    if (tap !== null) tap.onInsert(name, value, table.size);
  }

  /** RFC 7541 6.3. */
  private resize(out: Octets, size: number): void {
    writeInteger(out, size, UPDATE_PREFIX, UPDATE_PATTERN);
    this.table.maxSize = size;
    this.table.revision++;
    if (this.tap !== null) this.tap.onResize(size);
    const evicted = this.table.makeRoom(0);
    if (this.tap !== null && evicted > 0) this.tap.onEvict(evicted, this.table.size);
  }
}
