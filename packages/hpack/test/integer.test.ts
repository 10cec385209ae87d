import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpackUsageError, MAX_INTEGER, Octets, readInteger, writeInteger } from '../src/index.ts';
import { brokenRule } from './support/decode.ts';
import { int } from './support/wire.ts';

function read(octets: number[], prefixBits: number): [value: number, consumed: number] {
  const cursor = { position: 0 };
  const value = readInteger(cursor, Uint8Array.from(octets), octets.length, prefixBits);
  return [value, cursor.position];
}

function write(value: number, prefixBits: number, pattern = 0): number[] {
  const out = new Octets(0);
  writeInteger(out, value, prefixBits, pattern);
  return [...out.view()];
}

// HPD-07
describe('RFC 7541 5.1 integers', () => {
  test.each([
    ['C.1.1', 10, 5, [0b01010]],
    ['C.1.2', 1337, 5, [0b11111, 0b10011010, 0b00001010]],
    ['C.1.3', 42, 8, [0b00101010]],
  ])('%s', (_title, value, prefixBits, octets) => {
    expect(write(value, prefixBits)).toEqual(octets);
    expect(read(octets, prefixBits)).toEqual([value, octets.length]);
  });

  test('every prefix, around each change of length', () => {
    for (let prefixBits = 1; prefixBits <= 8; prefixBits++) {
      const limit = 2 ** prefixBits - 1;
      for (const edge of [0, limit, limit + 127, limit + 128, limit + 2 ** 14, limit + 2 ** 21, limit + 2 ** 28]) {
        for (const value of [edge - 1, edge, edge + 1].filter(candidate => candidate >= 0)) {
          const octets = int(value, prefixBits);
          expect(write(value, prefixBits)).toEqual(octets);
          expect(read(octets, prefixBits)).toEqual([value, octets.length]);
        }
      }
    }
  });

  test('bits above the prefix are kept when writing and ignored when reading', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(MAX_INTEGER), fc.nat(255), (prefixBits, value, bits) => {
        const pattern = bits & ~((1 << prefixBits) - 1) & 0xff;
        const octets = write(value, prefixBits, pattern);
        expect(octets[0]! & pattern).toBe(pattern);
        expect(read(octets, prefixBits)).toEqual([value, octets.length]);
      }),
    );
  });

  test('the greatest value is accepted, one more is not', () => {
    expect(read(int(MAX_INTEGER, 7), 7)).toEqual([MAX_INTEGER, 6]);
    expect(brokenRule(() => read(int(MAX_INTEGER + 1, 7), 7))).toBe('hpack.integer-overflow');
  });

  test('no more than five octets follow the prefix, not even zero-valued ones', () => {
    expect(read([0x7f, 0x80, 0x80, 0x80, 0x80, 0x00], 7)).toEqual([0x7f, 6]);
    expect(brokenRule(() => read([0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 7))).toBe('hpack.integer-overflow');
    expect(brokenRule(() => read([0x7f, ...new Array(100).fill(0xff)], 7))).toBe('hpack.integer-overflow');
  });

  test('an integer that is cut off', () => {
    expect(brokenRule(() => read([], 7))).toBe('hpack.incomplete');
    expect(brokenRule(() => read([0x7f], 7))).toBe('hpack.incomplete');
    expect(brokenRule(() => read([0x7f, 0x80], 7))).toBe('hpack.incomplete');
  });

  test('values that cannot be written are a usage error and write nothing', () => {
    for (const value of [-1, 1.5, Number.NaN, MAX_INTEGER + 1]) {
      const out = new Octets();
      expect(() => writeInteger(out, value, 7, 0)).toThrow(HpackUsageError);
      expect(out.length).toBe(0);
    }
  });
});
