/** A frame laid out octet by octet: what was on the wire, as far as it was kept, and which octets mean what (RFC 9113 4.1, 6). */
import { type FieldSection, Representation } from './fields.ts';
import type { PayloadPiece } from './payloads.ts';
import { FrameType } from './record.ts';
import { errorName, flagNames, frameName, settingName } from './vocabulary.ts';
import { hexNumber, hexOctets } from './words.ts';

/** Octets of a frame's header. */
export const FRAME_HEADER_BYTES = 9;
const PADDED = 0x8;
const PRIORITY = 0x20;
const SHOWN_TEXT = 200;

/** What is known of a frame besides its octets. */
export interface FrameFacts {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Octets of the payload. */
  readonly length: number;
  /** As in the frame's record. */
  readonly aux: number;
  /** The field section it carries, null: none, or not kept. */
  readonly section: FieldSection | null;
}

/** A run of octets with one meaning. */
export interface OctetField {
  readonly name: string;
  /** What it says; empty: the octets were not kept. */
  readonly value: string;
  /** How it says so; may be empty. */
  readonly note: string;
  /** Place in the frame, its header included. */
  readonly from: number;
  readonly to: number;
  /** Whether its octets are hidden, because its value is. */
  readonly hidden: boolean;
}

/** A frame's octets. */
export interface FrameAnatomy {
  /** Octets of the whole frame. */
  readonly length: number;
  /** The octets up to the last one that is known. */
  readonly octets: Uint8Array;
  /** 1 where an octet is known, 0 where it was not kept, 2 where it is hidden. */
  readonly known: Uint8Array;
  /** In the order of their octets; they neither overlap nor nest. */
  readonly fields: readonly OctetField[];
  /** Octets of the payload that are known. */
  readonly kept: number;
}

/** Lays a frame out. `pieces` are those of this frame. */
export function frameAnatomy(facts: FrameFacts, pieces: readonly PayloadPiece[]): FrameAnatomy {
  const layout = new Layout(facts, pieces);
  header(layout, facts);
  payload(layout, facts);
  return layout.result();
}

class Layout {
  readonly length: number;
  readonly octets: Uint8Array;
  readonly known: Uint8Array;
  readonly fields: OctetField[] = [];
  at = 0;

  constructor(facts: FrameFacts, pieces: readonly PayloadPiece[]) {
    this.length = FRAME_HEADER_BYTES + facts.length;
    const padLength = facts.type === FrameType.DATA && (facts.flags & PADDED) !== 0 && facts.length > 0 ? 1 : 0;
    const numeric =
      facts.length === 4 && (facts.type === FrameType.RST_STREAM || facts.type === FrameType.WINDOW_UPDATE);
    let end = FRAME_HEADER_BYTES;
    const base = FRAME_HEADER_BYTES + padLength;
    for (const piece of pieces) end = Math.max(end, base + piece.offset + piece.octets.length);
    if (numeric) end = this.length;
    if (padLength === 1 && facts.aux > 0) end = Math.max(end, FRAME_HEADER_BYTES + 1);
    end = Math.min(end, this.length);
    this.octets = new Uint8Array(end);
    this.known = new Uint8Array(end);
    for (let i = 0; i < 3; i++) this.octets[i] = facts.length >>> (16 - 8 * i);
    this.octets[3] = facts.type;
    this.octets[4] = facts.flags;
    for (let i = 0; i < 4; i++) this.octets[5 + i] = facts.stream >>> (24 - 8 * i);
    this.known.fill(1, 0, FRAME_HEADER_BYTES);
    if (numeric && pieces.length === 0) {
      for (let i = 0; i < 4; i++) this.octets[FRAME_HEADER_BYTES + i] = facts.aux >>> (24 - 8 * i);
      this.known.fill(1, FRAME_HEADER_BYTES);
    }
    if (padLength === 1 && facts.aux > 0) {
      this.octets[FRAME_HEADER_BYTES] = facts.aux - 1;
      this.known[FRAME_HEADER_BYTES] = 1;
    }
    for (const piece of pieces) {
      const from = base + piece.offset;
      const room = Math.max(0, end - from);
      this.octets.set(piece.octets.length > room ? piece.octets.subarray(0, room) : piece.octets, Math.min(from, end));
      this.known.fill(1, Math.min(from, end), Math.min(end, from + piece.octets.length));
    }
  }

  /** Octets left of the frame. */
  get left(): number {
    return this.length - this.at;
  }

  /** Whether `count` octets from here are all known. */
  has(count: number): boolean {
    if (this.at + count > this.octets.length) return false;
    for (let i = 0; i < count; i++) if (this.known[this.at + i] !== 1) return false;
    return true;
  }

  /** The number in the next `count` octets, null when they are not known. */
  number(count: number): number | null {
    if (!this.has(count)) return null;
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 256 + this.octets[this.at + i]!;
    return value;
  }

  /** The next `count` octets, as far as they are known from here on without a gap. */
  run(count: number): Uint8Array {
    let size = 0;
    const most = Math.min(count, this.octets.length - this.at);
    while (size < most && this.known[this.at + size] === 1) size++;
    return this.octets.subarray(this.at, this.at + size);
  }

  /** The next `count` octets mean this. Nothing when the frame ends before. */
  field(count: number, name: string, value: string, note = '', hidden = false): void {
    const size = Math.min(count, this.left);
    if (size <= 0) return;
    this.fields.push({ name, value, note, from: this.at, to: this.at + size, hidden });
    if (hidden) {
      for (let at = this.at; at < this.at + size && at < this.known.length; at++) {
        if (this.known[at] === 0) this.known[at] = 2;
      }
    }
    this.at += size;
  }

  result(): FrameAnatomy {
    let kept = 0;
    for (let at = FRAME_HEADER_BYTES; at < this.known.length; at++) if (this.known[at] === 1) kept++;
    return { length: this.length, octets: this.octets, known: this.known, fields: this.fields, kept };
  }
}

function header(layout: Layout, { type, flags, stream, length }: FrameFacts): void {
  layout.field(3, 'Length', String(length), 'octets of payload');
  layout.field(1, 'Type', frameName(type), hexNumber(type, 2));
  layout.field(1, 'Flags', flagNames(type, flags).join(' ') || 'none', hexNumber(flags, 2));
  layout.field(4, 'Stream Identifier', String(stream), stream === 0 ? 'the connection' : '');
}

function payload(layout: Layout, facts: FrameFacts): void {
  switch (facts.type) {
    case FrameType.DATA:
      padded(layout, facts, inner => {
        const shown = layout.run(inner).length;
        const value = inner === 0 ? '' : shown === inner ? `${inner} octets` : `${shown} of ${inner} octets kept`;
        layout.field(inner, 'Data', value, preview(layout.run(Math.min(inner, SHOWN_TEXT))));
      });
      return;
    case FrameType.HEADERS:
      padded(layout, facts, inner => {
        let left = inner;
        if ((facts.flags & PRIORITY) !== 0) {
          dependency(layout);
          left -= 5;
        }
        block(layout, facts.section, left);
      });
      return;
    case FrameType.PUSH_PROMISE:
      padded(layout, facts, inner => {
        streamField(layout, 'Promised Stream ID');
        block(layout, facts.section, inner - 4);
      });
      return;
    case FrameType.CONTINUATION:
      layout.field(layout.left, 'Field Block Fragment', '', 'a piece of the block that HEADERS began');
      return;
    case FrameType.PRIORITY:
      dependency(layout);
      break;
    case FrameType.RST_STREAM: {
      const code = layout.number(4);
      layout.field(4, 'Error Code', code === null ? '' : errorName(code), code === null ? '' : hexNumber(code, 8));
      break;
    }
    case FrameType.SETTINGS:
      while (layout.left >= 6) {
        const both = layout.number(6);
        const id = both === null ? 0 : Math.floor(both / 2 ** 32);
        layout.field(
          6,
          both === null ? 'Setting' : settingName(id),
          both === null ? '' : String(both % 2 ** 32),
          both === null ? '' : hexNumber(id, 4),
        );
      }
      break;
    case FrameType.PING: {
      const opaque = layout.run(8);
      layout.field(8, 'Opaque Data', opaque.length === 8 ? hexOctets(opaque) : '');
      break;
    }
    case FrameType.GOAWAY: {
      streamField(layout, 'Last-Stream-ID');
      const code = layout.number(4);
      layout.field(4, 'Error Code', code === null ? '' : errorName(code), code === null ? '' : hexNumber(code, 8));
      layout.field(layout.left, 'Additional Debug Data', preview(layout.run(layout.left)));
      return;
    }
    case FrameType.WINDOW_UPDATE: {
      const increment = layout.number(4);
      const reserved = increment !== null && increment >= 2 ** 31;
      const note = reserved ? 'its reserved bit is set, which means nothing' : 'octets given back';
      layout.field(4, 'Window Size Increment', increment === null ? '' : String(increment % 2 ** 31), note);
      break;
    }
    case FrameType.PRIORITY_UPDATE:
      streamField(layout, 'Prioritized Stream ID');
      layout.field(layout.left, 'Priority Field Value', preview(layout.run(layout.left)), 'RFC 9218');
      return;
    case FrameType.ORIGIN:
      while (layout.left > 2) lengthPrefixed(layout, 'Origin');
      break;
    case FrameType.ALTSVC:
      lengthPrefixed(layout, 'Origin');
      layout.field(layout.left, 'Alt-Svc-Field-Value', preview(layout.run(layout.left)), 'RFC 7838');
      return;
    default:
      layout.field(layout.left, 'Payload', preview(layout.run(SHOWN_TEXT)), 'of a type that is not known here');
      return;
  }
  layout.field(layout.left, 'Rest', '', 'more than this frame should have');
}

/** Pad length, what is between, padding (RFC 9113 6.1). */
function padded(layout: Layout, { flags, type, aux }: FrameFacts, inner: (count: number) => void): void {
  if ((flags & PADDED) === 0 || layout.left === 0) {
    inner(layout.left);
    return;
  }
  const told = layout.number(1);
  const padding = told ?? (type === FrameType.DATA && aux > 0 ? aux - 1 : 0);
  layout.field(1, 'Pad Length', told === null ? '' : String(told));
  inner(Math.max(0, layout.left - padding));
  layout.field(layout.left, 'Padding', `${layout.left} octets`, 'counts against both windows');
}

function streamField(layout: Layout, name: string): void {
  const id = layout.number(4);
  layout.field(4, name, id === null ? '' : String(id % 2 ** 31));
}

function dependency(layout: Layout): void {
  const word = layout.number(4);
  const note = word !== null && word >= 2 ** 31 ? 'exclusive' : '';
  layout.field(4, 'Stream Dependency', word === null ? '' : String(word % 2 ** 31), note);
  const weight = layout.number(1);
  layout.field(1, 'Weight', weight === null ? '' : String(weight + 1), 'RFC 9113 deprecates priorities of this kind');
}

function lengthPrefixed(layout: Layout, name: string): void {
  const size = layout.number(2);
  layout.field(2, `${name}-Len`, size === null ? '' : String(size));
  layout.field(size ?? layout.left, name, size === null ? '' : preview(layout.run(size)));
}

const WORDS: Readonly<Record<Representation, string>> = {
  [Representation.INDEXED]: 'indexed',
  [Representation.LITERAL_INDEXED]: 'literal, added to the table',
  [Representation.LITERAL]: 'literal, not added',
  [Representation.LITERAL_NEVER_INDEXED]: 'literal, never indexed',
  [Representation.TEXT]: 'text',
};

/** How a field line stands in a block, in words (RFC 7541 6). */
export function representationText(representation: Representation, index: number): string {
  const words = WORDS[representation];
  if (index === 0) return words;
  return representation === Representation.INDEXED ? `${words} ${index}` : `${words}, name from ${index}`;
}

/** Field lines by their sizes; what they leave in front of them are table size updates (RFC 7541 6.3). */
function block(layout: Layout, section: FieldSection | null, count: number): void {
  const end = layout.at + Math.max(0, Math.min(count, layout.left));
  let sum = 0;
  for (const field of section?.fields ?? []) sum += field.wireBytes;
  const whole = section !== null && section.fieldsOmitted === 0 && sum <= end - layout.at;
  if (!whole) {
    layout.field(
      end - layout.at,
      'Field Block Fragment',
      '',
      section === null ? 'its fields were not kept' : 'it goes on in CONTINUATION frames',
    );
    return;
  }
  layout.field(end - layout.at - sum, 'Dynamic Table Size Update', '', 'RFC 7541 6.3');
  for (const field of section.fields) {
    const value = field.redacted === null ? field.value : `redacted, ${field.valueBytes} octets`;
    const note = representationText(field.representation, field.index);
    layout.field(field.wireBytes, field.name, value === '' ? '(empty)' : value, note, field.redacted !== null);
  }
}

/** Text as it may be read, other octets as dots. */
function preview(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets.subarray(0, SHOWN_TEXT))
    text += octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '·';
  return octets.length > SHOWN_TEXT ? `${text}…` : text;
}
