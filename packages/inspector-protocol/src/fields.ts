/**
 * Field sections as decoded or encoded by HPACK, after redaction. FIELDS carries them as numbers (see
 * `fields-message.ts`), a REPLY in JSON: every string once, and sections as rows of numbers into that table.
 */

/** How a field line stood on the wire (RFC 7541 6); `TEXT` on HTTP/1.1. */
export const Representation = {
  INDEXED: 0,
  LITERAL_INDEXED: 1,
  LITERAL: 2,
  LITERAL_NEVER_INDEXED: 3,
  TEXT: 4,
} as const;
/** One of `Representation`. */
export type Representation = (typeof Representation)[keyof typeof Representation];

/** What a field section is. */
export const SectionKind = { REQUEST: 0, RESPONSE: 1, INFORMATIONAL: 2, TRAILERS: 3, PUSH: 4 } as const;
/** One of `SectionKind`. */
export type SectionKind = (typeof SectionKind)[keyof typeof SectionKind];

/** One field line. */
export interface Field {
  readonly name: string;
  /** Empty when redacted; cut at the gateway's limit when `clipped`. */
  readonly value: string;
  readonly representation: Representation;
  /** Table index referred to, 0 for none. */
  readonly index: number;
  /** Octets on the wire. */
  readonly wireBytes: number;
  /** Octets of the whole value, also when redacted or cut. */
  readonly valueBytes: number;
  /** Keyed hash of a redacted value, 16 hexadecimal digits: equal values have equal hashes. Null: not redacted. */
  readonly redacted: string | null;
}

/** One field section. Its HEADERS (or PUSH_PROMISE) record has `Mark.SECTION` and names it by number. */
export interface FieldSection {
  /**
   * Number of the section, u32, never 0, unlike any other's; a HEADERS record's `aux`, and its low 16 bits the `ref` of a
   * HEADERS or PUSH_PROMISE record. With CONTINUATION the section comes after its HEADERS record.
   */
  readonly section: number;
  readonly t: number;
  readonly connection: number;
  readonly stream: number;
  /** 0 received, 1 sent. */
  readonly direction: 0 | 1;
  readonly kind: SectionKind;
  /** Octets of the encoded block. */
  readonly wireBytes: number;
  readonly fields: readonly Field[];
  /** Fields beyond the gateway's limit per section, not kept. */
  readonly fieldsOmitted: number;
}

/** Sections of a REPLY. */
export interface PackedSections {
  /** Names, values and hashes, each once. */
  readonly strings: readonly string[];
  /** Per section: section, t, connection, stream, direction, kind, wireBytes, fieldsOmitted, then six numbers per field. */
  readonly sections: readonly (readonly number[])[];
}

const HEAD = 8;
const PER_FIELD = 6;

/** Packs sections for the wire. */
export function packSections(sections: readonly FieldSection[]): PackedSections {
  const places = new Map<string, number>();
  const strings: string[] = [];
  const place = (text: string): number => {
    let at = places.get(text);
    if (at === undefined) {
      at = strings.push(text) - 1;
      places.set(text, at);
    }
    return at;
  };
  const rows = sections.map(section => {
    const row = [
      section.section,
      section.t,
      section.connection,
      section.stream,
      section.direction,
      section.kind,
      section.wireBytes,
      section.fieldsOmitted,
    ];
    for (const field of section.fields) {
      // The lowest bit of the last number says whether the string is a value or the hash of a redacted one.
      row.push(
        place(field.name),
        place(field.redacted ?? field.value),
        field.representation,
        field.index,
        field.wireBytes,
        field.valueBytes * 2 + (field.redacted === null ? 0 : 1),
      );
    }
    return row;
  });
  return { strings, sections: rows };
}

/** Undoes `packSections`. Throws `Error` when a row is cut off or names a string that is not there. */
export function unpackSections(packed: PackedSections): FieldSection[] {
  const { strings } = packed;
  const text = (at: number): string => {
    const found = strings[at];
    if (found === undefined) throw new Error(`field section names string ${at} of ${strings.length}`);
    return found;
  };
  return packed.sections.map(row => {
    if (row.length < HEAD || (row.length - HEAD) % PER_FIELD !== 0) {
      throw new Error(`field section of ${row.length} numbers is cut off`);
    }
    const fields: Field[] = [];
    for (let at = HEAD; at < row.length; at += PER_FIELD) {
      const last = row[at + 5]!;
      const redacted = last % 2 === 1;
      const string = text(row[at + 1]!);
      fields.push({
        name: text(row[at]!),
        value: redacted ? '' : string,
        representation: row[at + 2] as Representation,
        index: row[at + 3]!,
        wireBytes: row[at + 4]!,
        valueBytes: Math.floor(last / 2),
        redacted: redacted ? string : null,
      });
    }
    return {
      section: row[0]!,
      t: row[1]!,
      connection: row[2]!,
      stream: row[3]!,
      direction: row[4] as 0 | 1,
      kind: row[5] as SectionKind,
      wireBytes: row[6]!,
      fieldsOmitted: row[7]!,
      fields,
    };
  });
}
