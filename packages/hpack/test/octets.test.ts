import { afterEach, describe, expect, test, vi } from 'vitest';

const ALL = Uint8Array.from({ length: 256 }, (_, i) => i);
const ALL_TEXT = String.fromCharCode(...ALL);

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

const withBuffer = () => import('../src/octets.ts');

async function withoutBuffer(): Promise<typeof import('../src/octets.ts')> {
  vi.resetModules();
  vi.stubGlobal('Buffer', undefined);
  return import('../src/octets.ts');
}

async function withForeignBuffer(): Promise<typeof import('../src/octets.ts')> {
  vi.resetModules();
  const refuse = () => {
    throw new TypeError('not a Buffer');
  };
  vi.stubGlobal('Buffer', { prototype: { latin1Slice: refuse, latin1Write: refuse } });
  return import('../src/octets.ts');
}

describe.each([
  ['with the native methods', withBuffer],
  ['without Buffer, as in a browser', withoutBuffer],
  ['with a Buffer that does not do what Node does', withForeignBuffer],
])('octets and strings %s', (_title, load) => {
  test('all octets, all lengths, in a plain Uint8Array', async () => {
    const { latin1Decode, latin1Encode } = await load();
    for (let length = 0; length <= 256; length++) {
      expect(latin1Decode(ALL, 256 - length, 256)).toBe(ALL_TEXT.slice(256 - length));
      const octets = new Uint8Array(300);
      expect(latin1Encode(ALL_TEXT.slice(0, length), octets, 7)).toBe(7 + length);
      expect(octets.subarray(7, 7 + length)).toEqual(ALL.subarray(0, length));
      expect(octets.subarray(7 + length).every(octet => octet === 0)).toBe(true);
    }
  });

  test('long strings', async () => {
    const { latin1Decode, latin1Encode } = await load();
    const text = ALL_TEXT.repeat(400);
    const octets = new Uint8Array(text.length);
    latin1Encode(text, octets, 0);
    expect(latin1Decode(octets, 0, octets.length)).toBe(text);
  });
});

test('isOctetString', async () => {
  const { isOctetString } = await withBuffer();
  expect(isOctetString('')).toBe(true);
  expect(isOctetString(ALL_TEXT)).toBe(true);
  expect(isOctetString(`${ALL_TEXT}\u0100`)).toBe(false);
});

describe('Octets', () => {
  test('grows from nothing and keeps its content', async () => {
    const { Octets } = await withBuffer();
    const out = new Octets(0);
    expect(out.buffer.length).toBe(0);
    for (let i = 0; i < 1000; i++) out.put(i & 0xff);
    out.append(ALL);
    expect(out.length).toBe(1256);
    expect(out.view()[999]).toBe(999 & 0xff);
    expect(out.copy().subarray(1000)).toEqual(ALL);
  });

  test('views cut before a growth stay as they were', async () => {
    const { Octets } = await withBuffer();
    const out = new Octets(4);
    out.append(Uint8Array.of(1, 2, 3, 4));
    const view = out.view();
    out.ensure(1000);
    out.clear();
    out.put(9);
    expect([...view]).toEqual([1, 2, 3, 4]);
    expect([...out.copy()]).toEqual([9]);
  });

  test('what is released belongs to the views cut from it: nothing written later shows in them', async () => {
    const { Octets } = await withBuffer();
    const octets = new Octets(0);
    octets.append(Uint8Array.of(1, 2, 3));
    const cut = octets.view();
    octets.release();
    expect(octets.length).toBe(0);
    octets.append(Uint8Array.of(9, 9, 9));
    expect([...cut]).toEqual([1, 2, 3]);
    expect([...octets.view()]).toEqual([9, 9, 9]);
  });
});
