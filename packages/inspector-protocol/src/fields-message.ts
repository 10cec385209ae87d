/**
 * The FIELDS message. After the header of `binary.ts`
 *
 *     24  heads    u32  distinct lists of field lines
 *     28  strings  u32  distinct names, values and hashes
 *     32  sections, 40 octets each:
 *          0 t f64   8 section u32   12 connection u32   16 stream u32   20 wire bytes u32   24 head u32
 *         28 fields omitted u32   32 direction u8   33 kind u8   34 u16 0   36 u32 0
 *      .  heads: fields u32, then five u32 for each: string of the name, string of the value (or of its hash),
 *         representation + 128 when redacted + 256 * index, wire bytes, value bytes
 *      .  strings: octets of each u32, then all of them as UTF-8
 *
 * Clients and backends repeat themselves: a section like another one of the batch costs its 40 octets. A batch needs
 * nothing that was sent before it, because what was sent before may have been skipped.
 */
import { BINARY_HEADER_BYTES, BinaryKind, readHeaderOf, writeBinaryHeader } from './binary.ts';
import type { Field, FieldSection, Representation, SectionKind } from './fields.ts';
import { ITEM_BYTES, ITEM_WORDS, ItemBuffer } from './item-buffer.ts';
import type { Fields } from './messages.ts';
import { fromUtf8, utf8Length, writeUtf8 } from './utf8.ts';

const RECORDS_AT: number = BINARY_HEADER_BYTES + 8;
const FIELD_WORDS = 5;
const REDACTED = 0x80;

/** Encodes FIELDS messages, one after the other; what it needs for that it keeps. */
export class FieldsEncoder {
  readonly #records = new ItemBuffer();
  readonly #headPlaces = new Map<readonly Field[], number>();
  readonly #heads: number[] = [];
  readonly #stringPlaces = new Map<string, number>();
  readonly #strings: string[] = [];
  #octets = 0;

  /** Sections so far. */
  get count(): number {
    return this.#records.count;
  }

  /** Octets that the message would have now. */
  get bytes(): number {
    return (
      RECORDS_AT + this.count * ITEM_BYTES + 4 * (this.#heads.length + this.#strings.length) + ((this.#octets + 7) & ~7)
    );
  }

  /** Adds a section. Sections that share their list of fields share its encoding. */
  add(section: FieldSection): void {
    this.addParts(
      section.t,
      section.section,
      section.connection,
      section.stream,
      section.direction,
      section.kind,
      section.wireBytes,
      section.fieldsOmitted,
      section.fields,
    );
  }

  /** The same without an object for the section. */
  addParts(
    t: number,
    section: number,
    connection: number,
    stream: number,
    direction: number,
    kind: number,
    wireBytes: number,
    fieldsOmitted: number,
    fields: readonly Field[],
  ): void {
    const word = this.#records.next();
    const { f64, u32 } = this.#records;
    f64[word >> 1] = t;
    u32[word + 2] = section;
    u32[word + 3] = connection;
    u32[word + 4] = stream;
    u32[word + 5] = wireBytes;
    u32[word + 6] = this.#headPlaces.get(fields) ?? this.#head(fields);
    u32[word + 7] = fieldsOmitted;
    u32[word + 8] = direction | (kind << 8);
    u32[word + 9] = 0;
  }

  #head(fields: readonly Field[]): number {
    const place = this.#headPlaces.size;
    this.#headPlaces.set(fields, place);
    const heads = this.#heads;
    heads.push(fields.length);
    for (const field of fields) {
      const { redacted } = field;
      heads.push(
        this.#string(field.name),
        this.#string(redacted ?? field.value),
        field.representation | (redacted === null ? 0 : REDACTED) | (field.index << 8),
        field.wireBytes,
        field.valueBytes,
      );
    }
    return place;
  }

  #string(text: string): number {
    let place = this.#stringPlaces.get(text);
    if (place === undefined) {
      place = this.#strings.push(text) - 1;
      this.#stringPlaces.set(text, place);
      this.#octets += utf8Length(text);
    }
    return place;
  }

  /** The message, which speaks for the positions from `from` to before `to`; the encoder is empty again. */
  finish(from: number, to: number): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(this.bytes);
    writeBinaryHeader(message, BinaryKind.FIELDS, this.count, from, to);
    const words = new Uint32Array(message.buffer, 0, message.length >> 2);
    words[BINARY_HEADER_BYTES / 4] = this.#headPlaces.size;
    words[BINARY_HEADER_BYTES / 4 + 1] = this.#strings.length;
    let at = RECORDS_AT / 4;
    words.set(this.#records.words, at);
    at += this.count * ITEM_WORDS;
    for (const number of this.#heads) words[at++] = number;
    let octet = (at + this.#strings.length) * 4;
    for (const text of this.#strings) {
      const after = writeUtf8(text, message, octet);
      words[at++] = after - octet;
      octet = after;
    }
    this.#records.count = 0;
    this.#headPlaces.clear();
    this.#heads.length = 0;
    this.#stringPlaces.clear();
    this.#strings.length = 0;
    this.#octets = 0;
    return message;
  }
}

/** Reads a FIELDS message. Throws `Error` when it is not a whole one of this version, or names what is not there. */
export function readFields(buffer: ArrayBuffer): Fields {
  const { count, from, to } = readHeaderOf(buffer, BinaryKind.FIELDS, 'FIELDS', RECORDS_AT, ITEM_BYTES);
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
  const f64 = new Float64Array(buffer, 0, buffer.byteLength >> 3);
  const after = RECORDS_AT / 4 + count * ITEM_WORDS;
  const heads = readHeads(words, after, words[BINARY_HEADER_BYTES / 4]!);
  const strings = readStrings(buffer, words, heads.end, words[BINARY_HEADER_BYTES / 4 + 1]!);
  const lists = heads.starts.map(start => readFieldLines(words, start, strings));
  const sections: FieldSection[] = new Array(count);
  for (let i = 0, word = RECORDS_AT / 4; i < count; i++, word += ITEM_WORDS) {
    const fields = lists[words[word + 6]!];
    if (fields === undefined) throw new Error(`field section names head ${words[word + 6]} of ${lists.length}`);
    const kind = words[word + 8]!;
    sections[i] = {
      section: words[word + 2]!,
      t: f64[word >> 1]!,
      connection: words[word + 3]!,
      stream: words[word + 4]!,
      direction: (kind & 1) as 0 | 1,
      kind: ((kind >>> 8) & 0xff) as SectionKind,
      wireBytes: words[word + 5]!,
      fieldsOmitted: words[word + 7]!,
      fields,
    };
  }
  return { type: 'fields', from, to, sections };
}

/* Where each head begins, and where the last one ends. */
function readHeads(words: Uint32Array, from: number, count: number): { starts: number[]; end: number } {
  const starts: number[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at >= words.length) throw new Error('FIELDS message is cut off in its heads');
    starts.push(at);
    at += 1 + words[at]! * FIELD_WORDS;
  }
  if (at > words.length) throw new Error('FIELDS message is cut off in its heads');
  return { starts, end: at };
}

function readStrings(buffer: ArrayBuffer, words: Uint32Array, from: number, count: number): string[] {
  if (from + count > words.length) throw new Error('FIELDS message is cut off in its strings');
  const bytes = new Uint8Array(buffer);
  const strings: string[] = [];
  let at = (from + count) * 4;
  for (let i = 0; i < count; i++) {
    const end = at + words[from + i]!;
    if (end > bytes.length) throw new Error('FIELDS message is cut off in its strings');
    strings.push(fromUtf8(bytes.subarray(at, end)));
    at = end;
  }
  return strings;
}

function readFieldLines(words: Uint32Array, start: number, strings: readonly string[]): Field[] {
  const fields: Field[] = new Array(words[start]!);
  for (let i = 0, at = start + 1; i < fields.length; i++, at += FIELD_WORDS) {
    const name = strings[words[at]!];
    const string = strings[words[at + 1]!];
    if (name === undefined || string === undefined) {
      throw new Error(`field line names string ${words[at]} or ${words[at + 1]} of ${strings.length}`);
    }
    const kind = words[at + 2]!;
    const redacted = (kind & REDACTED) !== 0;
    fields[i] = {
      name,
      value: redacted ? '' : string,
      representation: (kind & 0x7f) as Representation,
      index: kind >>> 8,
      wireBytes: words[at + 3]!,
      valueBytes: words[at + 4]!,
      redacted: redacted ? string : null,
    };
  }
  return fields;
}
