/** Octets for tests: slow and plain. */

/** Octets in any form that tests write them down in. */
export type OctetsLike = Uint8Array | readonly number[];

/** One octet per character, U+0000..U+00FF. */
export function octets(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0));
}

/** One character per octet, U+0000..U+00FF. */
export function text(bytes: OctetsLike): string {
  // As many arguments as any engine takes.
  const STEP = 4096;
  let out = '';
  for (let at = 0; at < bytes.length; at += STEP) out += String.fromCharCode(...bytes.slice(at, at + STEP));
  return out;
}

/** Everything in order, in one piece. */
export function concat(...parts: readonly OctetsLike[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A number as `size` octets, the most significant first. */
export function uint(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}

/** The number in `size` octets from `at`, 0 where `bytes` end. */
export function readUint(bytes: OctetsLike, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}

/** Hexadecimal, without separators. */
export function toHex(bytes: OctetsLike): string {
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}

/** What `toHex` wrote; anything else throws. White space is skipped. */
export function fromHex(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new Error(`not hexadecimal: ${hex.slice(0, 40)}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}

/** True when both hold the same octets. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
