import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpackUsageError, huffmanDecode, huffmanEncode, huffmanLength } from '../src/index.ts';
import { brokenRule } from './support/decode.ts';
import { hex, unhex } from './support/wire.ts';

/** Rows of RFC 7541 Appendix B, one or more of each code length. */
const ROWS: [symbol: number, code: string][] = [
  [0x30, '00000'],
  [0x74, '01001'],
  [0x20, '010100'],
  [0x75, '101101'],
  [0x3a, '1011100'],
  [0x7a, '1111011'],
  [0x26, '11111000'],
  [0x5a, '11111101'],
  [0x21, '1111111000'],
  [0x3f, '1111111100'],
  [0x27, '11111111010'],
  [0x23, '111111111010'],
  [0x3e, '111111111011'],
  [0x00, '1111111111000'],
  [0x7e, '1111111111101'],
  [0x5e, '11111111111100'],
  [0x7b, '111111111111110'],
  [0x5c, '1111111111111110000'],
  [0x80, '11111111111111100110'],
  [0x99, '111111111111111011100'],
  [0x81, '1111111111111111010010'],
  [0x01, '11111111111111111011000'],
  [0x09, '111111111111111111101010'],
  [0xc7, '1111111111111111111101100'],
  [0xff, '11111111111111111111101110'],
  [0xfe, '111111111111111111111110000'],
  [0xf9, '1111111111111111111111111110'],
  [0x0a, '111111111111111111111111111100'],
  [0x16, '111111111111111111111111111110'],
];
const EOS = '1'.repeat(30);

function pack(bits: string, padding = '1'): Uint8Array {
  const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, padding);
  return Uint8Array.from(whole.match(/.{8}/g) ?? [], octet => Number.parseInt(octet, 2));
}

const ruleOf = (bits: string, padding?: string) => brokenRule(() => huffmanDecode(pack(bits, padding)));

// HPD-08
describe('RFC 7541 5.2 and Appendix B', () => {
  test.each(ROWS)('symbol %i is %s', (symbol, code) => {
    const text = String.fromCharCode(symbol);
    expect(hex(huffmanEncode(text))).toBe(hex(pack(code)));
    expect(huffmanDecode(pack(code))).toBe(text);
    // At each place within an octet and among neighbours of other lengths.
    for (let shift = 1; shift < 8; shift++) {
      const [prefix, coded] = ['e'.repeat(shift), '00101'.repeat(shift)];
      expect(huffmanDecode(pack(`${coded}${code}${coded}`))).toBe(prefix + text + prefix);
      expect(hex(huffmanEncode(prefix + text + prefix))).toBe(hex(pack(`${coded}${code}${coded}`)));
    }
  });

  test('the known strings of Appendix C', () => {
    expect(hex(huffmanEncode('www.example.com'))).toBe('f1e3c2e5f23a6ba0ab90f4ff');
    expect(huffmanDecode(unhex('9d29ad171863c78f0b97c8e9ae82ae43d3'))).toBe('https://www.example.com');
  });

  test('all pairs of the 256 octets survive', () => {
    for (let first = 0; first < 256; first++) {
      let text = '';
      for (let second = 0; second < 256; second++) text += String.fromCharCode(first, second);
      expect(huffmanDecode(huffmanEncode(text))).toBe(text);
    }
  });

  test('random octet strings survive and the length is told beforehand', () => {
    const octets = fc.array(fc.nat(255), { maxLength: 300 }).map(points => String.fromCharCode(...points));
    const common = fc.string({ maxLength: 300 }).filter(text => !/[^\0-\xff]/.test(text));
    fc.assert(
      fc.property(fc.oneof(octets, common), text => {
        const encoded = huffmanEncode(text);
        expect(encoded.length).toBe(huffmanLength(text));
        expect(huffmanDecode(encoded)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('the empty string has no octets', () => {
    expect(huffmanEncode('').length).toBe(0);
    expect(huffmanDecode(new Uint8Array(0))).toBe('');
  });

  test('random octets either decode to what encodes to them again, or are refused by a Huffman rule', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), octets => {
        let text: string | null = null;
        const rule = brokenRule(() => {
          text = huffmanDecode(octets);
        });
        if (text === null) expect(['hpack.huffman-eos', 'hpack.huffman-padding']).toContain(rule);
        else expect(hex(huffmanEncode(text))).toBe(hex(octets));
      }),
      { numRuns: 5000 },
    );
  });

  test('EOS is an error wherever it stands', () => {
    expect(ruleOf(EOS)).toBe('hpack.huffman-eos');
    expect(ruleOf(`00101${EOS}`)).toBe('hpack.huffman-eos');
    expect(ruleOf(`00101${EOS}00101`)).toBe('hpack.huffman-eos');
    expect(ruleOf(`${'00101'.repeat(50)}${EOS}${'00101'.repeat(50)}`)).toBe('hpack.huffman-eos');
  });

  test('padding of up to 7 bits is accepted, of 8 and more is not', () => {
    for (let count = 0; count <= 7; count++) {
      // Symbols of 5 and 6 bits so that exactly `count` bits are left.
      const symbols = [0, 1, 2, 3, 4, 5, 6, 7].find(fives => (fives * 5 + 6 + count) % 8 === 0)!;
      const bits = `${'00101'.repeat(symbols)}010100${'1'.repeat(count)}`;
      expect(huffmanDecode(pack(bits))).toBe(`${'e'.repeat(symbols)} `);
      for (let more = 1; more <= 2; more++) {
        expect(ruleOf(`${bits}${'1'.repeat(8 * more)}`)).toBe('hpack.huffman-padding');
      }
    }
    expect(ruleOf('11111111')).toBe('hpack.huffman-padding');
  });

  test('padding with a bit of 0 is an error', () => {
    for (let count = 1; count <= 7; count++) {
      const fives = [0, 1, 2, 3, 4, 5, 6, 7].find(symbols => (symbols * 5 + 6 + count) % 8 === 0)!;
      // From five bits on an earlier 0 makes a symbol of the bits.
      for (let zero = count < 5 ? 0 : count - 1; zero < count; zero++) {
        const padding = `${'1'.repeat(zero)}0${'1'.repeat(count - zero - 1)}`;
        expect(ruleOf(`${'00101'.repeat(fives)}010100${padding}`)).toBe('hpack.huffman-padding');
      }
    }
  });

  test('a code that is cut off is an error', () => {
    for (const [, code] of ROWS) {
      for (let kept = Math.max(8, code.length - 8); kept < code.length; kept++) {
        if (kept % 8 !== 0) continue;
        const part = code.slice(0, kept);
        expect(ruleOf(part)).toBe('hpack.huffman-padding');
      }
    }
  });

  test('a code point above U+00FF is a usage error that names it', () => {
    expect(() => huffmanEncode('a\u0100')).toThrow(HpackUsageError);
    expect(() => huffmanLength('a\u20ac')).toThrow(/U\+20AC \(at offset 1\)/);
    expect(() => huffmanEncode(`${'a'.repeat(500)}\u0100`)).toThrow(RangeError);
  });
});
