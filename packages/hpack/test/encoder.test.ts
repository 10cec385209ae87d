import { describe, expect, test } from 'vitest';
import { Decoder, Encoder, type Field, HpackUsageError, Octets, Representation, STATIC_TABLE } from '../src/index.ts';
import { decodeLines, decodePairs, tableOf } from './support/decode.ts';
import { block, hex, incremental, indexed, neverIndexed, update, withoutIndexing } from './support/wire.ts';

const field = (name: string, value: string, sensitive?: boolean): Field =>
  sensitive === undefined ? { name, value } : { name, value, sensitive };

const encodeOne = (encoder: Encoder, name: string, value: string, sensitive?: boolean) =>
  encoder.encode([field(name, value, sensitive)]);

/** First octet of the encoding of a field that no table holds, as the representation it is. */
function representationOf(name: string, value: string, encoder: Encoder = new Encoder()): string {
  const first = encodeOne(encoder, name, value)[0]!;
  if (first >= 0x80) return 'indexed';
  if (first >= 0x40) return 'incremental';
  return first >= 0x10 ? 'never' : 'without';
}

// HPE-01
describe('exact octets', () => {
  test('all static entries are one octet', () => {
    STATIC_TABLE.forEach(({ name, value }, index) => {
      if (index === 0 || name.endsWith('authorization') || name === 'cookie') return;
      expect(hex(encodeOne(new Encoder(), name, value))).toBe(hex(block(indexed(index))));
    });
  });

  test('names of the static table are referred to by their lowest index', () => {
    // '\\0' has a Huffman code so long that the string stays raw.
    expect(hex(encodeOne(new Encoder(), ':status', '\0'))).toBe(hex(block(incremental(8, '\0'))));
    expect(hex(encodeOne(new Encoder(), ':path', '\0'))).toBe(hex(block(withoutIndexing(4, '\0'))));
    expect(hex(encodeOne(new Encoder(), 'www-authenticate', '\0'))).toBe(hex(block(incremental(61, '\0'))));
  });

  test('Huffman coding where it is shorter, octets as they are elsewhere', () => {
    expect(hex(encodeOne(new Encoder(), 'date', 'aaaaaaaa'))).toBe('618518c6318c63');
    expect(hex(encodeOne(new Encoder(), 'date', '\xff\xfe'))).toBe('6102fffe');
    expect(hex(encodeOne(new Encoder(), 'content-length', '0'))).toBe('0f0d0130');
    expect(hex(encodeOne(new Encoder(), '', ''))).toBe('400000');
  });

  test('strings around the lengths where the length takes another octet', () => {
    for (const length of [125, 126, 127, 128, 129, 200, 254, 255, 256, 5000]) {
      for (const octet of ['a', '&', 'Z', '\0', '\xff']) {
        const value = octet.repeat(length);
        const encoder = new Encoder({ indexing: () => Representation.WITHOUT_INDEXING });
        const encoded = encodeOne(encoder, 'x', value);
        expect(decodePairs(new Decoder(), encoded)).toEqual([['x', value]]);
        expect(encoded.length).toBeLessThanOrEqual(block(withoutIndexing('x', value)).length);
      }
    }
  });
});

// HPE-02 HPE-12
describe('repeated fields', () => {
  test('become one octet, and stay the same octet', () => {
    const encoder = new Encoder();
    const fields = [field('user-agent', 'x'), field('accept', 'y'), field('x-custom', 'z')];
    encoder.encode(fields);
    const again = encoder.encode(fields);
    expect(hex(again)).toBe(hex(block(indexed(64), indexed(63), indexed(62))));
    for (let i = 0; i < 100; i++) expect(hex(encoder.encode(fields))).toBe(hex(again));
    expect(encoder.tableLength).toBe(3);
  });

  test('fields that do not enter the table are written alike each time', () => {
    const encoder = new Encoder();
    const fields = [field('content-length', '12345'), field('authorization', 'Basic x'), field(':path', '/a/b?c')];
    const first = hex(encoder.encode(fields));
    for (let i = 0; i < 10; i++) expect(hex(encoder.encode(fields))).toBe(first);
    expect(encoder.tableLength).toBe(0);
  });

  test('within one block too', () => {
    const encoded = new Encoder().encode([field('x-a', '\0'), field('x-a', '\0')]);
    expect(hex(encoded.subarray(-1))).toBe(hex(block(indexed(62))));
  });

  test('a static entry is preferred to a dynamic one', () => {
    const encoder = new Encoder({ indexing: () => Representation.INCREMENTAL });
    expect(hex(encodeOne(encoder, 'accept-encoding', 'gzip, deflate'))).toBe(hex(block(indexed(16))));
    expect(encoder.tableLength).toBe(0);
  });
});

// HPE-03
describe('a known name with another value', () => {
  test('refers to the newest dynamic entry with the name', () => {
    const encoder = new Encoder();
    encoder.encode([field('x-a', '1'), field('x-b', '2')]);
    expect(hex(encodeOne(encoder, 'x-a', '\0'))).toBe(hex(block(incremental(63, '\0'))));
    expect(hex(encodeOne(encoder, 'x-a', '\x01'))).toBe(hex(block(incremental(62, '\x01'))));
  });

  test('refers to the name for sensitive fields as well', () => {
    const encoder = new Encoder();
    encodeOne(encoder, 'x-a', '1');
    expect(hex(encodeOne(encoder, 'x-a', '\0', true))).toBe(hex(block(neverIndexed(62, '\0'))));
  });
});

// HPE-04
describe('eviction', () => {
  test('of one of several entries with the same name leaves the others to be found', () => {
    const encoder = new Encoder({ maxTableSize: 34 * 3 });
    encoder.encode([field('a', '1'), field('a', '2'), field('a', '3')]);
    encodeOne(encoder, 'a', '4');
    expect(tableOf(encoder).map(([, value]) => value)).toEqual(['4', '3', '2']);
    expect(hex(encodeOne(encoder, 'a', '2'))).toBe(hex(block(indexed(64))));
    expect(hex(encodeOne(encoder, 'a', '3'))).toBe(hex(block(indexed(63))));
    expect(hex(encodeOne(encoder, 'a', '\0'))).toBe(hex(block(incremental(62, '\0'))));
  });

  test('of the only entry with a name forgets the name', () => {
    const encoder = new Encoder({ maxTableSize: 34 * 2 });
    encoder.encode([field('a', '1'), field('b', '2'), field('c', '3')]);
    expect(hex(encodeOne(encoder, 'a', '\0'))).toBe(hex(block(incremental('a', '\0'))));
  });

  test('of the entry that the new one takes its name from', () => {
    const encoder = new Encoder({ maxTableSize: 34 * 2 });
    const decoder = new Decoder();
    decodeLines(decoder, encoder.encode([field('a', '1'), field('b', '2')]));
    expect(decodePairs(decoder, encodeOne(encoder, 'a', 'x'))).toEqual([['a', 'x']]);
    expect(tableOf(encoder)).toEqual(tableOf(decoder));
  });

  test('the same among the names of the static table', () => {
    const encoder = new Encoder({ maxTableSize: 70 });
    const decoder = new Decoder();
    for (const value of ['1', '2', '1', '3']) {
      expect(decodePairs(decoder, encodeOne(encoder, 'accept', value))).toEqual([['accept', value]]);
      expect(tableOf(encoder)).toEqual([['accept', value]]);
    }
  });
});

// HPE-05
test('a field of more than 3/4 of the table is not indexed', () => {
  const encoder = new Encoder({ maxTableSize: 400 });
  encoder.encode([field('a', 'b')]);
  expect(representationOf('big', 'x'.repeat(300 - 32 - 3), encoder)).toBe('incremental');
  expect(representationOf('big', 'y'.repeat(300 - 32 - 2), encoder)).toBe('without');
  expect(encoder.tableLength).toBe(2);
});

// HPE-06
describe('sensitive fields', () => {
  test('are literals that are never indexed, also when a table holds the field', () => {
    const encoder = new Encoder();
    encodeOne(encoder, 'x-token', 'abc');
    const lines = decodeLines(new Decoder(), encoder.encode([field(':method', 'GET', true), field('new', 'v', true)]));
    expect(lines).toEqual([
      [':method', 'GET', true, 0],
      ['new', 'v', true, 0],
    ]);
    expect(encodeOne(encoder, 'x-token', 'abc', true)[0]! & 0xf0).toBe(0x10);
    expect(encoder.tableLength).toBe(1);
  });
});

// HPE-07 HPE-08
describe('default indexing policy', () => {
  test.each([
    ['authorization', 'Bearer abcdefghijklmnopqrstuvwxyz', 'never'],
    ['proxy-authorization', 'Basic x', 'never'],
    ['authorization', '', 'never'],
    ['cookie', 'a=1', 'never'],
    ['cookie', 'x'.repeat(19), 'never'],
    ['cookie', 'x'.repeat(20), 'incremental'],
    ['content-length', '1234', 'without'],
    ['content-range', 'bytes 0-1/2', 'without'],
    [':path', '/some/path', 'without'],
    ['age', '17', 'without'],
    ['etag', '"abc"', 'without'],
    ['if-modified-since', 'Mon, 21 Oct 2013 20:13:21 GMT', 'without'],
    ['if-none-match', '"abc"', 'without'],
    ['last-modified', 'Mon, 21 Oct 2013 20:13:21 GMT', 'without'],
    ['location', '/elsewhere', 'without'],
    ['set-cookie', 'a=b', 'without'],
    [':path', '/', 'indexed'],
    [':authority', 'example.com', 'incremental'],
    [':status', '418', 'incremental'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT', 'incremental'],
    ['x-anything', 'else', 'incremental'],
  ])('%s: %s is %s', (name, value, representation) => {
    expect(representationOf(name, value)).toBe(representation);
  });
});

// HPE-15
describe('a policy of the caller', () => {
  test('is asked for each field that is not sensitive, and obeyed', () => {
    const asked: [string, string][] = [];
    const encoder = new Encoder({
      indexing: (name, value) => {
        asked.push([name, value]);
        if (name === 'secret') return Representation.NEVER_INDEXED;
        return name === 'once' ? Representation.WITHOUT_INDEXING : Representation.INCREMENTAL;
      },
    });
    const fields = [field('secret', 's'), field('once', 'o'), field('authorization', 'a'), field('x', 'y', true)];
    const encoded = encoder.encode(fields);
    expect(asked).toEqual([
      ['secret', 's'],
      ['once', 'o'],
      ['authorization', 'a'],
    ]);
    expect(decodeLines(new Decoder(), encoded).map(line => line[2])).toEqual([true, false, false, true]);
    expect(tableOf(encoder)).toEqual([['authorization', 'a']]);
  });
});

// HPE-09
describe('table size 0', () => {
  test('ours: announced in the first block, static entries and literals only', () => {
    const encoder = new Encoder({ maxTableSize: 0 });
    expect(hex(encodeOne(encoder, ':method', 'GET'))).toBe(hex(block(update(0), indexed(2))));
    const fields = [field('x', '\0'), field('x', '\0'), field('accept', '\0')];
    const expected = block(withoutIndexing('x', '\0'), withoutIndexing('x', '\0'), [0x0f, 0x04, 0x01, 0x00]);
    expect(hex(encoder.encode(fields))).toBe(hex(expected));
    expect([encoder.tableLength, encoder.tableSize]).toEqual([0, 0]);
  });

  test("the peer's", () => {
    const encoder = new Encoder();
    encodeOne(encoder, 'x', 'y');
    encoder.setPeerMaxTableSize(0);
    expect(hex(encodeOne(encoder, ':method', 'GET'))).toBe(hex(block(update(0), indexed(2))));
    expect(encoder.tableLength).toBe(0);
  });
});

// HPE-10 HPE-14
describe('size updates', () => {
  const updatesAfter = (change: (encoder: Encoder) => void, own = 4096): string => {
    const encoder = new Encoder({ maxTableSize: own });
    encodeOne(encoder, 'x', 'y');
    change(encoder);
    return hex(encoder.encode([]));
  };

  test('none without a change, none for a change to what is in use', () => {
    expect(updatesAfter(() => {})).toBe('');
    expect(updatesAfter(encoder => encoder.setPeerMaxTableSize(4096))).toBe('');
    expect(updatesAfter(encoder => encoder.setPeerMaxTableSize(65_536))).toBe('');
  });

  test('one for one change, written once', () => {
    expect(updatesAfter(encoder => encoder.setPeerMaxTableSize(1000))).toBe(hex(block(update(1000))));
    const encoder = new Encoder();
    encoder.setPeerMaxTableSize(1000);
    encoder.encode([]);
    expect(hex(encoder.encode([]))).toBe('');
  });

  test('the smallest and then the last when it changed more than once', () => {
    const sizes =
      (...all: number[]) =>
      (encoder: Encoder) => {
        for (const size of all) encoder.setPeerMaxTableSize(size);
      };
    expect(updatesAfter(sizes(0, 4096))).toBe(hex(block(update(0), update(4096))));
    expect(updatesAfter(sizes(3000, 100, 2000))).toBe(hex(block(update(100), update(2000))));
    expect(updatesAfter(sizes(3000, 100))).toBe(hex(block(update(100))));
    expect(updatesAfter(sizes(100, 100_000))).toBe(hex(block(update(100), update(4096))));
    expect(updatesAfter(sizes(8192, 16_384), 65_536)).toBe(hex(block(update(16_384))));
    expect(updatesAfter(sizes(8192, 6000), 65_536)).toBe(hex(block(update(6000))));
  });

  test('a huge table of the peer is used up to our own cap only', () => {
    expect(updatesAfter(encoder => encoder.setPeerMaxTableSize(2 ** 32 - 1), 10_000)).toBe(hex(block(update(10_000))));
    expect(updatesAfter(encoder => encoder.setPeerMaxTableSize(2 ** 32 - 1))).toBe('');
  });

  test('a decrease that the content fits evicts nothing, one that it does not evicts the oldest', () => {
    const encoder = new Encoder();
    encoder.encode([field('a', '1'), field('b', '2'), field('c', '3')]);
    encoder.setPeerMaxTableSize(3 * 34);
    encoder.encode([]);
    expect(encoder.tableLength).toBe(3);
    encoder.setPeerMaxTableSize(3 * 34 - 1);
    encoder.encode([]);
    expect(tableOf(encoder).map(([name]) => name)).toEqual(['c', 'b']);
  });

  test('a cap of our own below 4096 is announced in the first block even if the peer says 4096', () => {
    const encoder = new Encoder({ maxTableSize: 200 });
    encoder.setPeerMaxTableSize(4096);
    expect(hex(encoder.encode([]))).toBe(hex(block(update(200))));
  });
});

// HPE-11
test('a field takes at most its octets and 2 lengths and an index', () => {
  const encoder = new Encoder();
  for (let length = 0; length < 300; length++) {
    for (const octet of ['\0', 'a', '\xff']) {
      const name = `${octet.repeat(length)}${length}`;
      const encoded = encodeOne(encoder, name, octet.repeat(length));
      expect(encoded.length).toBeLessThanOrEqual(1 + 2 * 6 + name.length + length);
    }
  }
});

// HPE-16
describe('many names and values', () => {
  test('a large table full of distinct names stays in step with the decoder', () => {
    const encoder = new Encoder({ maxTableSize: 1_000_000 });
    const decoder = new Decoder({ maxTableSize: 1_000_000 });
    encoder.setPeerMaxTableSize(1_000_000);
    for (let i = 0; i < 40_000; i++) {
      const name = `name-${(i * 7919) % 15_013}`;
      const value = `v${i % 3}`;
      const lines = decodePairs(decoder, encodeOne(encoder, name, value));
      if (lines.length !== 1 || lines[0]![0] !== name || lines[0]![1] !== value) expect(lines).toEqual([[name, value]]);
    }
    expect(encoder.tableSize).toBe(decoder.tableSize);
    expect(encoder.tableLength).toBeGreaterThan(10_000);
  });

  test('one name with more values than are compared is still encoded rightly', () => {
    const encoder = new Encoder({ maxTableSize: 65_536 });
    const decoder = new Decoder({ maxTableSize: 65_536 });
    encoder.setPeerMaxTableSize(65_536);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 500; i++) {
        expect(decodePairs(decoder, encodeOne(encoder, 'same', `${i}`))).toEqual([['same', `${i}`]]);
      }
    }
    expect(tableOf(encoder)).toEqual(tableOf(decoder));
  });
});

describe('usage errors', () => {
  test('encode leaves the encoder as it was', () => {
    const encoder = new Encoder();
    encoder.setPeerMaxTableSize(1000);
    for (const bad of [field('x', '\u0100'), field('\u20ac', 'v'), field('x', 'a'.repeat(200).concat('\u0100'))]) {
      expect(() => encoder.encode([field('good', 'v'), bad])).toThrow(HpackUsageError);
    }
    expect(encoder.tableLength).toBe(0);
    expect(hex(encoder.encode([]))).toBe(hex(block(update(1000))));
  });

  test('field leaves the encoder and the block as they were', () => {
    const encoder = new Encoder();
    const out = new Octets();
    encoder.begin(out);
    encoder.field(out, 'x', 'y', false);
    const before = hex(out.view());
    for (const value of ['\u0100', 'a'.repeat(200).concat('\u0100')]) {
      for (const [name, text] of [
        ['x', value],
        ['z', value],
        [value, 'v'],
      ] as const) {
        expect(() => encoder.field(out, name, text, false)).toThrow(HpackUsageError);
      }
    }
    expect(hex(out.view())).toBe(before);
    expect(encoder.tableLength).toBe(1);
  });

  test('options and sizes', () => {
    expect(() => new Encoder({ maxTableSize: -1 })).toThrow('maxTableSize is -1');
    expect(() => new Encoder().setPeerMaxTableSize(2 ** 32)).toThrow(HpackUsageError);
    expect(() => new Encoder().entryAt(0)).toThrow(HpackUsageError);
  });
});

test('blocks are appended to what the output holds already', () => {
  const out = new Octets(0);
  out.append(Uint8Array.of(1, 2, 3));
  const encoder = new Encoder({ maxTableSize: 0 });
  encoder.begin(out);
  encoder.field(out, ':method', 'GET', false);
  encoder.field(out, 'x', '\0', true);
  expect(hex(out.view())).toBe(`010203${hex(block(update(0), indexed(2), neverIndexed('x', '\0')))}`);
});

test('the revision tells whether octets written before still mean the same: insertions and resizes change it, nothing else', () => {
  const encoder = new Encoder();
  const known = [{ name: ':status', value: '200' }];
  const added = [{ name: 'x-a', value: 'a value' }];
  const before = encoder.revision;
  encoder.encode(known);
  encoder.encode([{ name: 'authorization', value: 'never indexed' }]);
  encoder.encode([{ name: 'content-length', value: '7' }]);
  expect(encoder.revision).toBe(before);
  encoder.encode(added);
  const inserted = encoder.revision;
  expect(inserted).not.toBe(before);
  encoder.encode(added);
  expect(encoder.revision).toBe(inserted);
  encoder.setPeerMaxTableSize(0);
  encoder.setPeerMaxTableSize(4096);
  encoder.encode(known);
  expect(encoder.revision).not.toBe(inserted);
});

test.each([
  ['a number', 5],
  ['nothing', undefined],
  ['null', null],
])('%s in place of a name or value is refused, and the encoder goes on', (_, wrong) => {
  const encoder = new Encoder();
  const bad = wrong as unknown as string;
  for (const field of [
    { name: 'x-a', value: bad },
    { name: bad, value: 'x' },
  ]) {
    expect(() => encoder.encode([field])).toThrow(HpackUsageError);
    expect(() => encoder.field(new Octets(), field.name, field.value, false)).toThrow(HpackUsageError);
  }
  expect(encoder.encode([{ name: ':status', value: '200' }])).toEqual(Uint8Array.of(0x88));
});
