/**
 * Writes field sections. A section is gathered field line by field line as numbers of strings; when it is complete, most
 * are like one written not long ago, and then only the number of that one's head is written.
 */
import { Representation } from '@glassway/inspector-protocol';
import type { DetailBudget } from './detail-budget.ts';
import { EntryKind, type EntryRing, KNOWN_HEAD, SectionWord } from './entry-ring.ts';
import type { FrameRing } from './frame-ring.ts';
import { KnownHeads } from './known-heads.ts';
import type { LastLines } from './last-lines.ts';
import { type Numbering, SectionNumbers } from './numbering.ts';
import { HeadCapture } from './stream-heads.ts';
import type { StringPool } from './strings.ts';
import { STATIC_ENTRIES, type TableStrings } from './table-strings.ts';
import type { GatheredSection, WireOctets } from './wire-octets.ts';

/** Field lines of one section that are kept. */
const MAX_SECTION_FIELDS = 512;
const COLON = 0x3a;
const CONTENT_TYPE = 'content-type';
/** In place of a string's number: the field line is counted among the omitted ones. */
const NOT_KEPT = -1;

/** One section at a time: core and gateway finish a section before they begin another. */
export class SectionWriter {
  /** Control data of the section being gathered. */
  readonly head: HeadCapture = new HeadCapture();
  /** True when the section being gathered holds a redacted value. */
  redacted = false;
  private readonly frames: FrameRing;
  private readonly ring: EntryRing;
  private readonly strings: StringPool;
  private readonly budget: DetailBudget;
  private readonly heads = new KnownHeads();
  private readonly words = new Int32Array(MAX_SECTION_FIELDS * 4);
  private readonly hidden = new Uint8Array(MAX_SECTION_FIELDS);
  private readonly gathered: GatheredSection = { words: this.words, hidden: this.hidden };
  // The number of what is gathered, 0 while it is not complete.
  private current = 0;
  private detailed = true;
  private fields = 0;
  private omitted = 0;
  private hash = 0;
  private readonly numbers: SectionNumbers;
  // Of the field line added last; negative: redacted.
  private lastValue = 0;
  private table: TableStrings | null = null;
  // Numbers of the literal just given that may enter the table, 0 for none.
  private literalName = 0;
  private literalValue = 0;

  /** `numbering`: default, that of the only process. */
  constructor(
    frames: FrameRing,
    ring: EntryRing,
    strings: StringPool,
    budget: DetailBudget,
    numbering: Numbering | undefined,
  ) {
    this.frames = frames;
    this.ring = ring;
    this.strings = strings;
    this.budget = budget;
    this.numbers = new SectionNumbers(numbering);
  }

  /** Begins to gather a section. `table`: the numbers of its direction's HPACK table, null on HTTP/1.1. */
  begin(table: TableStrings | null): void {
    this.detailed = this.budget.detailed;
    if (this.detailed) {
      this.strings.prepare(this.frames.position, this.frames.time[0]!);
      table?.renew(this.strings.generation);
    }
    this.table = table;
    this.fields = 0;
    this.omitted = 0;
    this.hash = 0;
    this.redacted = false;
    this.current = 0;
    this.head.clear();
  }

  /** One field line of it. */
  field(name: string, value: string, representation: number, index: number, wireBytes: number): void {
    this.literalName = 0;
    if (!this.detailed) {
      const hidden = representation === Representation.LITERAL_NEVER_INDEXED;
      if (hidden) this.strings.markName(name);
      else if (name.charCodeAt(0) === COLON) this.head.take(name, value);
      else if (name === CONTENT_TYPE) this.head.contentType(value);
      return;
    }
    if (this.fields === MAX_SECTION_FIELDS) {
      if (representation === Representation.LITERAL_NEVER_INDEXED) this.strings.markName(name);
      this.omitted++;
      this.literalName = NOT_KEPT;
      return;
    }
    // Where the numbers of an indexed field are remembered, if they are.
    const table = this.table;
    let ids: Int32Array | null = null;
    let place = -1;
    if (table !== null && representation === Representation.INDEXED) {
      ids = index <= STATIC_ENTRIES ? this.strings.statics : table.ids;
      place = index <= STATIC_ENTRIES ? index * 2 : table.place(index);
    }
    let nameId = 0;
    let valueId = 0;
    if (place >= 0) {
      nameId = ids![place]!;
      valueId = ids![place + 1]!;
    }
    if (nameId === 0) {
      const seq = this.frames.position;
      const now = this.frames.time[0]!;
      nameId = this.strings.name(name, seq, now);
      valueId = this.strings.value(name, value, representation, seq, now);
      if (place >= 0) {
        ids![place] = nameId;
        ids![place + 1] = valueId;
      } else if (representation === Representation.LITERAL_INDEXED) {
        this.literalName = nameId;
        this.literalValue = valueId;
      }
    }
    if (valueId < 0) this.redacted = true;
    else if (name.charCodeAt(0) === COLON) this.head.take(name, value);
    else if (name === CONTENT_TYPE) this.head.contentType(value);
    this.add(nameId, valueId, representation | (index << 8), wireBytes);
  }

  private add(nameId: number, valueId: number, kind: number, wireBytes: number): void {
    const { words } = this;
    this.hidden[this.fields] = valueId < 0 ? 1 : 0;
    const at = this.fields++ * 4;
    this.lastValue = valueId;
    const value = valueId < 0 ? -valueId : valueId;
    words[at] = nameId;
    words[at + 1] = value;
    words[at + 2] = kind;
    words[at + 3] = wireBytes;
    this.hash = (Math.imul(this.hash ^ value, 0x01000193) + (nameId << 7) + (kind << 3) + wireBytes) | 0;
  }

  /** The field line just given entered the dynamic table; or an entry did that no field line was given for. */
  inserted(table: TableStrings): void {
    if (this.literalName > 0) table.insert(this.literalName, this.literalValue);
    else table.insert(0, 0);
    // Then the reader, which follows the table by the sections, must know that it does not see everything.
    if (this.literalName === 0) this.omitted++;
    this.literalName = 0;
  }

  /** One field line of HTTP/1.1. `last`: the lines of the message before on this connection, which most are equal to. */
  textField(name: string, value: string, last: LastLines): void {
    const line = this.fields;
    if (!this.detailed || !last.is(line, name, value)) {
      this.field(name, value, Representation.TEXT, 0, 0);
      if (this.detailed && this.fields > line) last.set(line, name, value, this.words[line * 4]!, this.lastValue);
      return;
    }
    const valueId = last.value(line);
    if (valueId < 0) this.redacted = true;
    else if (name.charCodeAt(0) === COLON) this.head.take(name, value);
    this.add(last.name(line), valueId, Representation.TEXT, 0);
  }

  /** Begins a section of HTTP/1.1. */
  beginText(last: LastLines): void {
    this.begin(null);
    if (this.detailed) last.renew(this.strings.generation, this.strings.marks);
  }

  /** A number for a section, u32; 0 when the section being gathered is not recorded. */
  number(): number {
    if (!this.detailed) return 0;
    this.current = this.numbers.next();
    return this.current;
  }

  /** Writes the section with the number it was given, if that is not 0. */
  end(section: number, connection: number, stream: number, direction: number, kind: number, wireBytes: number): void {
    const { ring, fields } = this;
    if (section === 0) {
      ring.skip(EntryKind.SECTION);
      return;
    }
    const { words, heads } = this;
    const known = heads.find(words, fields, this.hash, this.strings.generation);
    const written = known ? 0 : fields * 4;
    const content = SectionWord.FIELDS * 4 + written * 4;
    const word = ring.begin(EntryKind.SECTION, content, this.frames.position, this.frames.time[0]!) >> 2;
    const { i32 } = ring;
    i32[word + SectionWord.CONNECTION] = connection;
    i32[word + SectionWord.STREAM] = stream;
    i32[word + SectionWord.SECTION] = section;
    i32[word + SectionWord.KIND] = direction | (kind << 8);
    i32[word + SectionWord.WIRE_BYTES] = wireBytes;
    i32[word + SectionWord.COUNT] = known ? KNOWN_HEAD : fields;
    i32[word + SectionWord.OMITTED] = this.omitted;
    i32[word + SectionWord.HEAD] = heads.number;
    const at = word + SectionWord.FIELDS;
    for (let i = 0; i < written; i++) i32[at + i] = words[i]!;
    ring.commit();
  }

  /** The payload of the frame that carries a section, if that is the one gathered last and nothing of it is missing. */
  block(
    octets: WireOctets,
    section: number,
    connection: number,
    stream: number,
    type: number,
    flags: number,
    length: number,
    bytes: Uint8Array,
    start: number,
  ): void {
    if (section !== this.current || this.omitted !== 0) return;
    const seq = this.frames.position;
    octets.block(connection, stream, seq, type, flags, length, bytes, start, this.gathered, this.fields);
  }
}
