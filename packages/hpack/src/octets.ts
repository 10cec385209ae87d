/**
 * Octets and strings. A field's name and value are octet strings: one code point U+0000..U+00FF per octet. This file is
 * the only place that chooses how the two forms turn into each other.
 *
 * `TextDecoder('latin1')` is no choice: by the Encoding Standard it decodes windows-1252 and so changes 0x80..0x9f.
 */

type Latin1Slice = (this: Uint8Array, start: number, end: number) => string;
type Latin1Write = (this: Uint8Array, text: string, offset: number, length: number) => number;

interface NativeMethods {
  latin1Slice?: Latin1Slice;
  latin1Write?: Latin1Write;
}

// Found by look-up, not by import: the package also runs where there is no Buffer. Both work on a plain Uint8Array.
const native: NativeMethods =
  (globalThis as unknown as { Buffer?: { prototype: NativeMethods } }).Buffer?.prototype ?? {};

const nativeSlice = probeSlice(native.latin1Slice);
const nativeWrite = probeWrite(native.latin1Write);

/** Up to this length a loop beats the call into native code (measured on Node 20). */
const SHORT_SLICE = 12;
const SHORT_WRITE = 24;

/** The octets `start..end` as a string, one code point U+0000..U+00FF for each. */
export function latin1Decode(octets: Uint8Array, start: number, end: number): string {
  if (nativeSlice !== null && end - start > SHORT_SLICE) return nativeSlice.call(octets, start, end);
  return decodeByLoop(octets, start, end);
}

/**
 * Writes the low octet of each code point of `text` at `offset` and returns the position behind it. The caller has
 * made room and has made sure that no code point is above U+00FF.
 */
export function latin1Encode(text: string, octets: Uint8Array, offset: number): number {
  const length = text.length;
  if (nativeWrite !== null && length > SHORT_WRITE) {
    nativeWrite.call(octets, text, offset, length);
    return offset + length;
  }
  for (let i = 0; i < length; i++) octets[offset + i] = text.charCodeAt(i);
  return offset + length;
}

// The engine knows of most strings that they hold nothing above U+00FF, and then need not look at their code points.
const ABOVE_OCTETS = /[\u0100-\uffff]/;

/** True when every code point of `text` is an octet, U+0000..U+00FF. */
export function isOctetString(text: string): boolean {
  return typeof text === 'string' && !ABOVE_OCTETS.test(text);
}

function decodeByLoop(octets: Uint8Array, start: number, end: number): string {
  let text = '';
  let i = start;
  for (; i + 4 <= end; i += 4) {
    text += String.fromCharCode(octets[i]!, octets[i + 1]!, octets[i + 2]!, octets[i + 3]!);
  }
  for (; i < end; i++) text += String.fromCharCode(octets[i]!);
  return text;
}

function probeSlice(method: Latin1Slice | undefined): Latin1Slice | null {
  try {
    return method?.call(Uint8Array.of(0x41, 0x80, 0xff, 0x42), 1, 3) === '\x80\xff' ? method : null;
  } catch {
    return null;
  }
}

function probeWrite(method: Latin1Write | undefined): Latin1Write | null {
  try {
    const octets = new Uint8Array(4);
    method?.call(octets, '\x80\xff', 1, 2);
    return method !== undefined && octets[1] === 0x80 && octets[2] === 0xff ? method : null;
  } catch {
    return null;
  }
}

/** Least capacity a buffer grows to, octets. */
const MIN_CAPACITY = 256;
/** The buffer of those that hold nothing yet. */
const NOTHING = new Uint8Array(0);

/**
 * A growable run of output octets. `buffer` is replaced when it grows, so do not keep it across `ensure`; views cut
 * from an earlier buffer stay valid, and keep showing what was written before the growth.
 */
export class Octets {
  /** Where octets are written; its capacity is `buffer.length`. */
  buffer: Uint8Array;
  /** Count of octets written, which is the position of the next one. */
  length: number;

  /** `capacity` in octets, default 256; 0 allocates nothing until the first `ensure`. */
  constructor(capacity: number = MIN_CAPACITY) {
    this.buffer = capacity === 0 ? NOTHING : new Uint8Array(capacity);
    this.length = 0;
  }

  /** Makes room for `extra` more octets behind `length`. Capacity at least doubles when it must grow. */
  ensure(extra: number): void {
    if (this.length + extra > this.buffer.length) this.grow(this.length + extra);
  }

  /** Appends one octet. */
  put(octet: number): void {
    if (this.length === this.buffer.length) this.grow(this.length + 1);
    this.buffer[this.length++] = octet;
  }

  /** Appends a copy of `octets`. */
  append(octets: Uint8Array): void {
    this.ensure(octets.length);
    this.buffer.set(octets, this.length);
    this.length += octets.length;
  }

  /** Forgets the content and the buffer, which views cut before keep to themselves. */
  release(): void {
    this.buffer = NOTHING;
    this.length = 0;
  }

  /** Forgets the content and keeps the capacity. Views cut before will be overwritten. */
  clear(): void {
    this.length = 0;
  }

  /** The written octets as a view, valid until the next write. */
  view(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** The written octets as a copy of their own. */
  copy(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  private grow(least: number): void {
    const grown = new Uint8Array(Math.max(least, this.buffer.length * 2, MIN_CAPACITY));
    if (this.length !== 0) grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}
