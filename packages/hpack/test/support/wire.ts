/** Builders of HPACK octets that share nothing with the code under test. */

/** RFC 7541 5.1. */
export function int(value: number, prefixBits: number, pattern = 0): number[] {
  const max = 2 ** prefixBits - 1;
  if (value < max) return [pattern + value];
  const octets = [pattern + max];
  let rest = value - max;
  while (rest >= 128) {
    octets.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...octets, rest];
}

/** RFC 7541 5.2 without Huffman coding. */
export function raw(text: string): number[] {
  return [...int(text.length, 7), ...Array.from(text, point => point.charCodeAt(0))];
}

/** RFC 7541 5.2 with the H bit and these octets as they are. */
export function huffmanOctets(...octets: number[]): number[] {
  return [...int(octets.length, 7, 0x80), ...octets];
}

/** RFC 7541 5.2 with the H bit and these bits, which must fill whole octets. */
export function huffmanBits(bits: string): number[] {
  const clean = bits.replaceAll(' ', '');
  if (clean.length % 8 !== 0) throw new Error(`${clean.length} bits do not fill octets`);
  return huffmanOctets(...(clean.match(/.{8}/g) ?? []).map(octet => Number.parseInt(octet, 2)));
}

/** RFC 7541 6.1. */
export const indexed = (index: number): number[] => int(index, 7, 0x80);

/** A name by index or as a literal. */
type Name = number | string;

const named = (name: Name, prefixBits: number, pattern: number): number[] =>
  typeof name === 'number' ? int(name, prefixBits, pattern) : [pattern, ...raw(name)];

/** RFC 7541 6.2.1. */
export const incremental = (name: Name, value: string): number[] => [...named(name, 6, 0x40), ...raw(value)];
/** RFC 7541 6.2.2. */
export const withoutIndexing = (name: Name, value: string): number[] => [...named(name, 4, 0x00), ...raw(value)];
/** RFC 7541 6.2.3. */
export const neverIndexed = (name: Name, value: string): number[] => [...named(name, 4, 0x10), ...raw(value)];
/** RFC 7541 6.3. */
export const update = (size: number): number[] => int(size, 5, 0x20);

export function block(...parts: number[][]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

export function unhex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16));
}

export function hex(octets: Uint8Array): string {
  return Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join('');
}
