/** Octets to numbers: the one place of the core that indexes raw bytes. Callers have checked the bounds. */

/** The octet at `offset`. */
export function octet(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

/** Unsigned 16 bits, network order. */
export function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
}

/** Unsigned 24 bits, network order. */
export function uint24(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] as number) << 16) | ((bytes[offset + 1] as number) << 8) | (bytes[offset + 2] as number);
}

/** Unsigned 31 bits, network order; the reserved high bit is ignored. RFC 9113 4.1. */
export function uint31(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] as number) & 0x7f) << 24) |
    ((bytes[offset + 1] as number) << 16) |
    ((bytes[offset + 2] as number) << 8) |
    (bytes[offset + 3] as number)
  );
}

/** Unsigned 32 bits, network order. */
export function uint32(bytes: Uint8Array, offset: number): number {
  return (
    (((bytes[offset] as number) << 24) |
      ((bytes[offset + 1] as number) << 16) |
      ((bytes[offset + 2] as number) << 8) |
      (bytes[offset + 3] as number)) >>>
    0
  );
}

/** Writes unsigned 32 bits, network order. */
export function putUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Writes unsigned 16 bits, network order. */
export function putUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes a frame header (9 octets). RFC 9113 4.1. */
export function putFrameHeader(
  bytes: Uint8Array,
  offset: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[offset] = length >>> 16;
  bytes[offset + 1] = length >>> 8;
  bytes[offset + 2] = length;
  bytes[offset + 3] = type;
  bytes[offset + 4] = flags;
  bytes[offset + 5] = streamId >>> 24;
  bytes[offset + 6] = streamId >>> 16;
  bytes[offset + 7] = streamId >>> 8;
  bytes[offset + 8] = streamId;
}

/** ASCII octets of a short constant or debug text; other characters become `?`. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code < 0x80 ? code : 0x3f;
  }
  return bytes;
}

/** Text of octets for people: printable ASCII as is, everything else escaped, cut at `limit` octets. */
export function printable(bytes: Uint8Array, limit = 256): string {
  let text = '';
  const end = Math.min(bytes.length, limit);
  for (let i = 0; i < end; i++) {
    const code = bytes[i] as number;
    text += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, '0')}`;
  }
  return bytes.length > limit ? `${text}...` : text;
}

/** Octets below which a copy costs less than the memory that a view may hold. */
const SMALL = 4096;

/**
 * Octets as they may be kept for long by somebody who was given them as a view, as by `Handler.onData`: a view holds all the
 * memory it is a part of, what came for other streams with it. Small parts of larger memory are copied, the rest is answered
 * as it is.
 */
export function lasting(octets: Uint8Array): Uint8Array {
  // Not `slice`, which on a Buffer is another view.
  return octets.length < SMALL && octets.length * 2 < octets.buffer.byteLength ? new Uint8Array(octets) : octets;
}
