/**
 * Protocol Buffers without a schema: which fields a message has, by number, wire type and value. Octets with a length may
 * be text, octets, packed numbers or another message; they are taken for a message when they read as one to the end. What
 * comes in is hostile: depth, fields and octets are limited, and nothing throws.
 */
import { hexOctets } from './words.ts';

/** A field as it stands on the wire. */
export interface WireField {
  readonly number: number;
  /** 0 varint, 1 64 bits, 2 length-delimited, 3 group, 5 32 bits. */
  readonly wireType: number;
  /** Place in the octets that were read: tag, length and value. */
  readonly from: number;
  readonly to: number;
  /** The value in words: a number, quoted text, or octets in hexadecimal; empty with `fields`. */
  readonly value: string;
  /** Other ways to read it. May be empty. */
  readonly note: string;
  /** Of a message inside, null of others. */
  readonly fields: readonly WireField[] | null;
}

/** A message, as far as it could be read. */
export interface WireMessage {
  readonly fields: readonly WireField[];
  /** Octets that were understood. */
  readonly read: number;
  /** Why reading stopped before the end; empty: it did not. */
  readonly problem: string;
}

/** Messages inside messages that are read. */
const MAX_DEPTH = 8;
/** Fields that are read, those inside included. */
const MAX_FIELDS = 500;
const SHOWN_OCTETS = 64;

/** Reads `octets` as a message. `whole` false: they are its beginning only, so the last field may be cut off. */
export function readProtobuf(octets: Uint8Array, whole: boolean): WireMessage {
  const reader = new Reader(octets);
  const fields = reader.message(0, octets.length, 0);
  const cut = reader.problem === CUT && !whole;
  return { fields, read: reader.at, problem: cut ? 'the rest was not kept' : reader.problem };
}

const CUT = 'it ends in the middle of a field';

class Reader {
  at = 0;
  problem = '';
  private readonly octets: Uint8Array;
  private left = MAX_FIELDS;

  constructor(octets: Uint8Array) {
    this.octets = octets;
  }

  /** Fields from `from` to `end`; sets `problem` and stops at the first that is none. `at` is behind the last good one. */
  message(from: number, end: number, depth: number): WireField[] {
    const fields: WireField[] = [];
    this.at = from;
    while (this.at < end) {
      if (this.left-- <= 0) return this.stop(fields, 'there are more fields than are shown', this.at);
      const start = this.at;
      const tag = this.varint(end);
      if (tag === null) return this.stop(fields, this.problem, start);
      const number = Number(tag >> 3n);
      const wireType = Number(tag & 7n);
      if (number === 0 || number > 0x1fff_ffff) return this.stop(fields, 'a field number is out of range', start);
      const field = this.value(number, wireType, start, end, depth);
      if (field === null) return this.stop(fields, this.problem, start);
      fields.push(field);
    }
    return fields;
  }

  private stop(fields: WireField[], problem: string, at: number): WireField[] {
    this.problem = problem;
    this.at = at;
    return fields;
  }

  private value(number: number, wireType: number, from: number, end: number, depth: number): WireField | null {
    if (wireType === 0) {
      const value = this.varint(end);
      if (value === null) return null;
      const zigzag = (value >> 1n) ^ -(value & 1n);
      const signed = BigInt.asIntN(64, value);
      const note = signed < 0n ? `or ${value}` : value > 1n ? `zigzag ${zigzag}` : 'or a bool';
      return { number, wireType, from, to: this.at, value: String(signed < 0n ? signed : value), note, fields: null };
    }
    if (wireType === 1 || wireType === 5) {
      const size = wireType === 1 ? 8 : 4;
      if (this.at + size > end) return this.fail(CUT);
      const view = new DataView(this.octets.buffer, this.octets.byteOffset + this.at, size);
      this.at += size;
      const value = size === 8 ? String(view.getBigUint64(0, true)) : String(view.getUint32(0, true));
      const float = size === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true);
      return { number, wireType, from, to: this.at, value, note: `as float ${shortFloat(float)}`, fields: null };
    }
    if (wireType === 2) return this.delimited(number, from, end, depth);
    return this.fail(wireType === 3 || wireType === 4 ? 'groups are not read' : `wire type ${wireType} is none`);
  }

  private delimited(number: number, from: number, end: number, depth: number): WireField | null {
    const size = this.varint(end);
    if (size === null) return null;
    const start = this.at;
    if (size > BigInt(end - start)) return this.fail(CUT);
    const to = start + Number(size);
    const inside = this.octets.subarray(start, to);
    const base = { number, wireType: 2, from, to };
    const text = readableText(inside);
    const inner = text === null || looksNested(inside) ? this.nested(start, to, depth) : null;
    this.at = to;
    this.problem = '';
    if (inner !== null) return { ...base, value: '', note: `message, ${inside.length} octets`, fields: inner };
    if (text !== null) return { ...base, value: JSON.stringify(text), note: `${inside.length} octets`, fields: null };
    const shown = hexOctets(inside.subarray(0, SHOWN_OCTETS), ' ');
    return {
      ...base,
      value: inside.length > SHOWN_OCTETS ? `${shown} …` : shown,
      note: `${inside.length} octets`,
      fields: null,
    };
  }

  private nested(from: number, to: number, depth: number): WireField[] | null {
    if (depth + 1 >= MAX_DEPTH || from === to) return null;
    const left = this.left;
    const fields = this.message(from, to, depth + 1);
    if (this.problem === '') return fields;
    this.left = left;
    return null;
  }

  private varint(end: number): bigint | null {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= end) return this.fail(CUT);
      const octet = this.octets[this.at++]!;
      value |= BigInt(octet & 0x7f) << shift;
      if (octet < 0x80) return BigInt.asUintN(64, value);
    }
    return this.fail('a number is longer than 10 octets');
  }

  private fail(problem: string): null {
    this.problem = problem;
    return null;
  }
}

function shortFloat(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(6).replace(/\.?0+$/, '');
}

/** UTF-8 without control characters but for line ends and tabs, else null. */
function readableText(octets: Uint8Array): string | null {
  let text = '';
  for (let at = 0; at < octets.length; ) {
    const first = octets[at]!;
    const more =
      first < 0x80
        ? 0
        : first >= 0xc2 && first < 0xe0
          ? 1
          : first >= 0xe0 && first < 0xf0
            ? 2
            : first >= 0xf0 && first < 0xf5
              ? 3
              : -1;
    if (more < 0 || at + more >= octets.length + (more === 0 ? 1 : 0)) return null;
    if (first < 0x20 && first !== 0x0a && first !== 0x0d && first !== 0x09) return null;
    if (first === 0x7f) return null;
    let code = more === 0 ? first : first & (0x3f >> more);
    for (let i = 1; i <= more; i++) {
      const octet = octets[at + i]!;
      if ((octet & 0xc0) !== 0x80) return null;
      code = (code << 6) | (octet & 0x3f);
    }
    if (code > 0x10_ffff || (code >= 0xd800 && code < 0xe000)) return null;
    text += String.fromCodePoint(code);
    at += more + 1;
  }
  return text;
}

/** Text that begins like a field: a tab or line end as its tag. Plain words never do. */
function looksNested(octets: Uint8Array): boolean {
  return (
    octets.length > 1 &&
    (octets[0] === 0x0a || octets[0] === 0x09 || octets[0] === 0x0d) &&
    octets[1]! === octets.length - 2
  );
}
