import { describe, expect, test } from 'vitest';
import { Decoder, type DecoderOptions, HpackError, HpackUsageError, STATIC_TABLE } from '../src/index.ts';
import { brokenRule, Collector, decodeLines, decodePairs, tableOf } from './support/decode.ts';
import {
  block,
  huffmanBits,
  huffmanOctets,
  incremental,
  indexed,
  int,
  neverIndexed,
  raw,
  update,
  withoutIndexing,
} from './support/wire.ts';

const ruleOf = (octets: Uint8Array, options?: DecoderOptions) =>
  brokenRule(() => decodeLines(new Decoder(options), octets));

// HPD-03
describe('RFC 7541 2.3 index address space', () => {
  test('all 61 static entries', () => {
    const all = Array.from({ length: 61 }, (_, i) => indexed(i + 1));
    const lines = decodePairs(new Decoder(), block(...all));
    expect(lines).toEqual(STATIC_TABLE.slice(1).map(({ name, value }) => [name, value]));
    expect(lines[0]).toEqual([':authority', '']);
    expect(lines[15]).toEqual(['accept-encoding', 'gzip, deflate']);
    expect(lines[60]).toEqual(['www-authenticate', '']);
  });

  test('62 is the newest dynamic entry, the oldest has the highest index', () => {
    const decoder = new Decoder();
    decodeLines(decoder, block(incremental('a', '1'), incremental('b', '2'), incremental('c', '3')));
    expect(decodePairs(decoder, block(indexed(62), indexed(63), indexed(64)))).toEqual([
      ['c', '3'],
      ['b', '2'],
      ['a', '1'],
    ]);
  });

  test('an index of more than one octet', () => {
    const decoder = new Decoder({ maxTableSize: 65_536 });
    const many = Array.from({ length: 200 }, (_, i) => incremental(`n${i}`, `${i}`));
    decodeLines(decoder, block(...many));
    expect(decodePairs(decoder, block(indexed(61 + 200), indexed(62)))).toEqual([
      ['n0', '0'],
      ['n199', '199'],
    ]);
  });

  test('index 0 is an error', () => {
    expect(ruleOf(block(indexed(0)))).toBe('hpack.index');
  });

  test('an index beyond both tables is an error, in each representation', () => {
    expect(ruleOf(block(indexed(62)))).toBe('hpack.index');
    for (const literal of [incremental, withoutIndexing, neverIndexed]) {
      expect(ruleOf(block(literal(62, 'v')))).toBe('hpack.index');
      expect(ruleOf(block(literal(100_000, 'v')))).toBe('hpack.index');
      expect(ruleOf(block(incremental('a', '1'), literal(62, 'v')))).toBe('none');
      expect(ruleOf(block(incremental('a', '1'), literal(63, 'v')))).toBe('hpack.index');
    }
    expect(ruleOf(block(incremental('a', '1'), indexed(63)))).toBe('hpack.index');
  });
});

// HPD-04 HPD-13
describe('RFC 7541 6.2 literals', () => {
  test.each([
    ['with incremental indexing', incremental, true, false],
    ['without indexing', withoutIndexing, false, false],
    ['never indexed', neverIndexed, false, true],
  ])('%s: new name, static name, dynamic name', (_title, literal, enters, sensitive) => {
    const decoder = new Decoder();
    decodeLines(decoder, block(incremental('dynamic', 'x')));
    const lines = decodeLines(decoder, block(literal('new', '1'), literal(32, '2'), literal(enters ? 64 : 62, '3')));
    expect(lines).toEqual([
      ['new', '1', sensitive, 0],
      ['cookie', '2', sensitive, 0],
      ['dynamic', '3', sensitive, 0],
    ]);
    expect(decoder.tableLength).toBe(enters ? 4 : 1);
  });

  test('names are not judged and octets above 0x7f are kept', () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    expect(decodePairs(new Decoder(), block(withoutIndexing('Upper Case\0', all)))).toEqual([['Upper Case\0', all]]);
  });
});

// HPD-05
describe('empty strings', () => {
  test('name, value and both, in each representation', () => {
    for (const literal of [incremental, withoutIndexing, neverIndexed]) {
      const lines = decodePairs(new Decoder(), block(literal('', 'v'), literal('n', ''), literal('', '')));
      expect(lines).toEqual([
        ['', 'v'],
        ['n', ''],
        ['', ''],
      ]);
    }
  });

  test('a Huffman string without octets', () => {
    const octets = block([0x00], huffmanOctets(), huffmanOctets());
    expect(decodePairs(new Decoder(), octets)).toEqual([['', '']]);
  });

  test('an empty block has no fields', () => {
    const decoder = new Decoder();
    expect(decodeLines(decoder, block())).toEqual([]);
    expect([decoder.fieldCount, decoder.sectionSize, decoder.truncated]).toEqual([0, 0, false]);
  });
});

// HPD-06
describe('RFC 7541 4.4 eviction', () => {
  const small = () => new Decoder({ maxTableSize: 3 * 34 });

  test('the oldest entries leave first', () => {
    const decoder = small();
    decodeLines(decoder, block(incremental('a', '1'), incremental('b', '2'), incremental('c', '3')));
    expect(tableOf(decoder).map(([name]) => name)).toEqual(['c', 'b', 'a']);
    decodeLines(decoder, block(incremental('d', '4')));
    expect(tableOf(decoder).map(([name]) => name)).toEqual(['d', 'c', 'b']);
    decodeLines(decoder, block(incremental('eeee', 'ffff')));
    expect(tableOf(decoder).map(([name]) => name)).toEqual(['eeee', 'd']);
    expect(decoder.tableSize).toBe(40 + 34);
  });

  test('an entry larger than the table empties it and is no error', () => {
    const decoder = small();
    decodeLines(decoder, block(incremental('a', '1'), incremental('b', '2')));
    expect(decodePairs(decoder, block(incremental('big', 'x'.repeat(100))))).toEqual([['big', 'x'.repeat(100)]]);
    expect([decoder.tableLength, decoder.tableSize]).toEqual([0, 0]);
  });

  test('an entry of just the table size stays, one octet more does not', () => {
    const decoder = small();
    decodeLines(decoder, block(incremental('n', 'x'.repeat(69))));
    expect(decoder.tableSize).toBe(102);
    decodeLines(decoder, block(incremental('n', 'x'.repeat(70))));
    expect(decoder.tableSize).toBe(0);
  });

  test('a new entry may evict the entry that its name refers to', () => {
    const decoder = small();
    decodeLines(decoder, block(incremental('a', '1'), incremental('b', '2'), incremental('c', '3')));
    expect(decodePairs(decoder, block(incremental(64, 'y'.repeat(60))))).toEqual([['a', 'y'.repeat(60)]]);
    expect(tableOf(decoder)).toEqual([['a', 'y'.repeat(60)]]);
  });

  test('duplicate entries are allowed', () => {
    const decoder = small();
    decodeLines(decoder, block(incremental('a', '1'), incremental('a', '1')));
    expect(decoder.tableLength).toBe(2);
  });

  test('a table of size 0 takes no entry', () => {
    const decoder = new Decoder({ maxTableSize: 0 });
    expect(decodePairs(decoder, block(incremental('a', '1'), incremental(32, '2')))).toEqual([
      ['a', '1'],
      ['cookie', '2'],
    ]);
    expect(decoder.tableLength).toBe(0);
  });

  test('a long history keeps the ring right', () => {
    const decoder = new Decoder({ maxTableSize: 1000 });
    let model: [string, string][] = [];
    for (let i = 0; i < 3000; i++) {
      const entry: [string, string] = [`n${i}`, 'v'.repeat((i * 7) % 90)];
      decodeLines(decoder, block(incremental(...entry)));
      model = [entry, ...model];
      const sizeOf = () => model.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
      while (sizeOf() > 1000) model.pop();
      expect(tableOf(decoder)).toEqual(model);
    }
  });
});

// HPD-07
describe('integers in a block', () => {
  test('a string length, an index and a size that overflow', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff];
    expect(ruleOf(Uint8Array.of(0xff, ...huge, 0x7f))).toBe('hpack.integer-overflow');
    expect(ruleOf(Uint8Array.of(0x3f, ...huge, 0x7f))).toBe('hpack.integer-overflow');
    expect(ruleOf(Uint8Array.of(0x00, 0x7f, ...huge, 0x7f))).toBe('hpack.integer-overflow');
    expect(ruleOf(Uint8Array.of(0x0f, ...huge, 0x7f))).toBe('hpack.integer-overflow');
  });

  test('the block ends within an integer or a string', () => {
    const whole = block(withoutIndexing('name', 'v'.repeat(200)));
    for (let length = 1; length < whole.length; length++) {
      expect(ruleOf(whole.subarray(0, length))).toBe('hpack.incomplete');
    }
    expect(ruleOf(Uint8Array.of(0xff))).toBe('hpack.incomplete');
    expect(ruleOf(Uint8Array.of(0x3f, 0x80))).toBe('hpack.incomplete');
  });

  test('a block within a larger buffer ends where it ends', () => {
    const octets = block(indexed(2), withoutIndexing('n', 'v'), indexed(3));
    const sink = new Collector();
    new Decoder().decodeRange(octets, 1, octets.length - 1, sink);
    expect(sink.lines).toEqual([['n', 'v', false, 0]]);
    expect(brokenRule(() => new Decoder().decodeRange(octets, 1, octets.length - 2, sink))).toBe('hpack.incomplete');
  });
});

// HPD-08
describe('Huffman strings in a block', () => {
  test('in the name and in the value', () => {
    const bad = huffmanBits('00101000');
    expect(ruleOf(block([0x00], bad, raw('v')))).toBe('hpack.huffman-padding');
    expect(ruleOf(block([0x00], raw('n'), bad))).toBe('hpack.huffman-padding');
    expect(ruleOf(block([0x00], raw('n'), huffmanBits('1'.repeat(32))))).toBe('hpack.huffman-eos');
    expect(ruleOf(block([0x00], raw('n'), huffmanBits('00101 111')))).toBe('none');
  });

  test('are checked in fields that are not handed out as well', () => {
    const options = { maxFields: 1 };
    expect(ruleOf(block(indexed(2), [0x00], raw('n'), huffmanBits('00101000')), options)).toBe('hpack.huffman-padding');
  });
});

// HPD-09
describe('RFC 7541 4.2 and 6.3 table size updates', () => {
  test('at the block start, one, two or more', () => {
    const decoder = new Decoder();
    decodeLines(decoder, block(update(100), indexed(2)));
    expect(decoder.maxTableSize).toBe(100);
    decodeLines(decoder, block(update(0), update(4096), indexed(2)));
    expect(decoder.maxTableSize).toBe(4096);
    decodeLines(decoder, block(update(1), update(2), update(3)));
    expect(decoder.maxTableSize).toBe(3);
  });

  test('behind a field line it is an error', () => {
    expect(ruleOf(block(indexed(2), update(100)))).toBe('hpack.update-position');
    expect(ruleOf(block(update(100), incremental('a', 'b'), update(100)))).toBe('hpack.update-position');
  });

  test('up to the advertised size, not above', () => {
    expect(ruleOf(block(update(4096)))).toBe('none');
    expect(ruleOf(block(update(4097)))).toBe('hpack.update-too-large');
    expect(ruleOf(block(update(8192)), { maxTableSize: 8192 })).toBe('none');
    expect(ruleOf(block(update(1)), { maxTableSize: 0 })).toBe('hpack.update-too-large');
  });

  test('evicts down to the new size; zero and back empties the table', () => {
    const decoder = new Decoder();
    decodeLines(decoder, block(incremental('a', '1'), incremental('b', '2'), incremental('c', '3')));
    decodeLines(decoder, block(update(2 * 34)));
    expect(tableOf(decoder).map(([name]) => name)).toEqual(['c', 'b']);
    decodeLines(decoder, block(update(0), update(4096)));
    expect(decoder.tableLength).toBe(0);
    expect(brokenRule(() => decodeLines(decoder, block(indexed(62))))).toBe('hpack.index');
  });
});

// HPD-09 HPD-10
describe('RFC 7541 4.2 after our SETTINGS were acknowledged', () => {
  test('before the acknowledgement the old maximum is in force', () => {
    const decoder = new Decoder();
    expect(decodeLines(decoder, block(update(4096), indexed(2)))).toHaveLength(1);
    decoder.setMaxTableSize(100);
    expect(brokenRule(() => decodeLines(decoder, block(update(4096), indexed(2))))).toBe('hpack.update-too-large');
  });

  test('a shrink must be answered by an update in the next block', () => {
    const decoder = new Decoder();
    decoder.setMaxTableSize(100);
    expect(brokenRule(() => decodeLines(decoder, block(indexed(2))))).toBe('hpack.update-missing');
  });

  test('a shrink to what is already in use needs no answer', () => {
    const decoder = new Decoder();
    decodeLines(decoder, block(update(100)));
    decoder.setMaxTableSize(100);
    expect(decodeLines(decoder, block(indexed(2)))).toHaveLength(1);
  });

  test('an empty block is not the answer but no error either', () => {
    const decoder = new Decoder();
    decoder.setMaxTableSize(100);
    decodeLines(decoder, block());
    expect(brokenRule(() => decodeLines(decoder, block(indexed(2))))).toBe('hpack.update-missing');
  });

  test('of several sizes the smallest must come first, then up to the last', () => {
    const resized = () => {
      const decoder = new Decoder();
      decoder.setMaxTableSize(0);
      decoder.setMaxTableSize(8192);
      return decoder;
    };
    expect(brokenRule(() => decodeLines(resized(), block(indexed(2))))).toBe('hpack.update-missing');
    expect(brokenRule(() => decodeLines(resized(), block(update(8192))))).toBe('hpack.update-too-large');
    const decoder = resized();
    decodeLines(decoder, block(update(0), update(8192), indexed(2)));
    expect(decoder.maxTableSize).toBe(8192);
  });

  test('a later size does not make up for a smaller one before it', () => {
    const decoder = new Decoder();
    decoder.setMaxTableSize(50);
    decoder.setMaxTableSize(100);
    expect(brokenRule(() => decodeLines(decoder, block(update(51))))).toBe('hpack.update-too-large');
  });

  test('a larger maximum is only used when the peer announces it', () => {
    const decoder = new Decoder();
    decoder.setMaxTableSize(8192);
    decodeLines(decoder, block(indexed(2)));
    expect(decoder.maxTableSize).toBe(4096);
    decodeLines(decoder, block(update(8192)));
    expect(decoder.maxTableSize).toBe(8192);
  });
});

// HPD-11
describe('maxStringLength', () => {
  test('a longer string is refused before its octets are there', () => {
    const declared = (length: number) => block([0x00], raw('n'), int(length, 7));
    expect(ruleOf(declared(65_536))).toBe('hpack.incomplete');
    expect(ruleOf(declared(65_537))).toBe('hpack.string-length');
    expect(ruleOf(declared(2 ** 31 - 1))).toBe('hpack.string-length');
    expect(ruleOf(block([0x00], int(11, 7)), { maxStringLength: 10 })).toBe('hpack.string-length');
  });

  test('holds for the decoded length of a Huffman string', () => {
    const eight = huffmanBits('00101'.repeat(8));
    expect(ruleOf(block([0x00], raw('n'), eight), { maxStringLength: 8 })).toBe('none');
    expect(ruleOf(block([0x00], raw('n'), eight), { maxStringLength: 7 })).toBe('hpack.string-length');
  });

  test('a string of just the limit is decoded', () => {
    const value = 'v'.repeat(1000);
    const options = { maxStringLength: 1000 };
    expect(decodePairs(new Decoder(options), block(withoutIndexing('n', value)))).toEqual([['n', value]]);
  });
});

describe('limits of a field section', () => {
  const fields = (count: number) => Array.from({ length: count }, (_, i) => withoutIndexing('n', `${i % 10}`));

  test('size: at the limit all is handed out, one octet more truncates', () => {
    const at = new Decoder({ maxFieldSectionSize: 3 * 34 });
    expect(decodeLines(at, block(...fields(3)))).toHaveLength(3);
    expect([at.truncated, at.sectionSize, at.fieldCount]).toEqual([false, 102, 3]);
    const above = new Decoder({ maxFieldSectionSize: 3 * 34 - 1 });
    expect(decodeLines(above, block(...fields(3)))).toHaveLength(2);
    expect([above.truncated, above.sectionSize, above.fieldCount]).toEqual([true, 102, 3]);
  });

  test('count: at the limit all is handed out, one more truncates', () => {
    const decoder = new Decoder({ maxFields: 3 });
    expect(decodeLines(decoder, block(...fields(3)))).toHaveLength(3);
    expect(decoder.truncated).toBe(false);
    expect(decodeLines(decoder, block(...fields(4)))).toHaveLength(3);
    expect([decoder.truncated, decoder.fieldCount]).toEqual([true, 4]);
    expect(decodeLines(decoder, block(...fields(1)))).toHaveLength(1);
    expect([decoder.truncated, decoder.fieldCount]).toEqual([false, 1]);
  });

  test('once truncated nothing more is handed out, not even what would fit', () => {
    const decoder = new Decoder({ maxFieldSectionSize: 100 });
    const lines = decodePairs(
      decoder,
      block(withoutIndexing('a', ''), withoutIndexing('b', 'x'.repeat(80)), indexed(2)),
    );
    expect(lines).toEqual([['a', '']]);
  });

  test('the table goes on as if there were no limit', () => {
    const octets = block(
      ...fields(3),
      incremental('kept', 'beyond'),
      incremental(62, 'again'),
      incremental('x'.repeat(60), 'y'.repeat(60)),
      indexed(64),
      neverIndexed('secret', 's'),
      withoutIndexing(63, 'v'),
    );
    const limited = new Decoder({ maxFields: 3 });
    const free = new Decoder();
    expect(decodeLines(limited, octets)).toHaveLength(3);
    decodeLines(free, octets);
    expect(tableOf(limited)).toEqual(tableOf(free));
    expect([limited.sectionSize, limited.fieldCount]).toEqual([free.sectionSize, free.fieldCount]);
    expect(decodePairs(limited, block(indexed(64)))).toEqual([['kept', 'beyond']]);
  });

  test('an entry larger than the table empties it beyond the limit too', () => {
    const decoder = new Decoder({ maxFields: 1, maxTableSize: 100 });
    decodeLines(decoder, block(incremental('a', '1'), incremental('b', 'x'.repeat(100))));
    expect(decoder.tableLength).toBe(0);
  });

  test('four times the limit ends the decoding: the block is an attack, not a mistake', () => {
    expect(ruleOf(block(...fields(12)), { maxFields: 3 })).toBe('none');
    expect(ruleOf(block(...fields(13)), { maxFields: 3 })).toBe('hpack.section-too-large');
    expect(ruleOf(block(...fields(4)), { maxFieldSectionSize: 34 })).toBe('none');
    expect(ruleOf(block(...fields(5)), { maxFieldSectionSize: 34 })).toBe('hpack.section-too-large');
  });

  test('a bomb of one-octet references is cut short', () => {
    const decoder = new Decoder();
    const bomb = block(incremental('a', ''), new Array(60_000).fill(0xbe));
    const sink = new Collector();
    expect(brokenRule(() => decoder.decode(bomb, sink))).toBe('hpack.section-too-large');
    expect(sink.lines).toHaveLength(256);
    expect(decoder.fieldCount).toBe(1025);
  });
});

describe('classify', () => {
  test('is asked once per entry, and its answer comes with each reference', () => {
    const asked: string[] = [];
    const classify = (name: string) => {
      asked.push(name);
      return name.length;
    };
    const decoder = new Decoder({ classify });
    expect(asked).toHaveLength(62);
    asked.length = 0;
    expect(decodeLines(new Decoder({ classify }), block(indexed(2), indexed(15)))).toEqual([
      [':method', 'GET', false, 7],
      ['accept-charset', '', false, 14],
    ]);
    expect(asked).toEqual([]);
    const octets = block(incremental('abc', 'v'), indexed(62), indexed(62), withoutIndexing('de', ''), indexed(62));
    expect(decodeLines(decoder, octets).map(line => line[3])).toEqual([3, 3, 3, 2, 3]);
    expect(asked).toEqual(['abc', 'de']);
  });

  test('entries that came in beyond the limits carry their class as well', () => {
    const decoder = new Decoder({ maxFields: 1, classify: name => name.length });
    decodeLines(decoder, block(indexed(2), incremental('abc', 'v')));
    expect(decodeLines(decoder, block(indexed(62)))).toEqual([['abc', 'v', false, 3]]);
  });
});

describe('a lost decoding context', () => {
  test('after an error each further call is refused', () => {
    const decoder = new Decoder();
    expect(() => decodeLines(decoder, block(indexed(0)))).toThrow(HpackError);
    expect(brokenRule(() => decodeLines(decoder, block(indexed(2))))).toBe('hpack.context-lost');
    expect(brokenRule(() => decoder.push(block(indexed(2)), new Collector(), true))).toBe('hpack.context-lost');
  });

  test('after a sink that threw as well', () => {
    const decoder = new Decoder();
    const sink = {
      onField: () => {
        throw new Error('sink');
      },
    };
    expect(() => decoder.decode(block(indexed(2), incremental('a', 'b')), sink)).toThrow('sink');
    expect(() => decodeLines(decoder, block(indexed(2)))).toThrow(HpackError);
  });

  test('a sink that calls back is refused', () => {
    const decoder = new Decoder();
    const sink = { onField: () => decodeLines(decoder, block(indexed(2))) };
    expect(() => decoder.decode(block(indexed(2)), sink)).toThrow(HpackError);
  });

  test('the error names its rule and section', () => {
    const error = (() => {
      try {
        decodeLines(new Decoder(), block(indexed(70)));
      } catch (thrown) {
        return thrown as HpackError;
      }
      throw new Error('nothing thrown');
    })();
    expect(error).toBeInstanceOf(HpackError);
    expect([error.name, error.rule, error.rfc]).toEqual(['HpackError', 'hpack.index', 'RFC 7541 2.3.3']);
    expect(error.message).toBe('index 70 is in neither the static nor the dynamic table (hpack.index, RFC 7541 2.3.3)');
  });
});

describe('options', () => {
  test.each([
    [{ maxTableSize: -1 }, 'maxTableSize is -1; it must be an integer from 0 to 2147483647'],
    [{ maxFields: 0 }, 'maxFields is 0'],
    [{ maxFieldSectionSize: 1.5 }, 'maxFieldSectionSize is 1.5'],
    [{ maxStringLength: Number.NaN }, 'maxStringLength is NaN'],
  ])('%o is a usage error', (options, message) => {
    expect(() => new Decoder(options)).toThrow(HpackUsageError);
    expect(() => new Decoder(options)).toThrow(message);
    expect(() => new Decoder().setMaxTableSize(-1)).toThrow(HpackUsageError);
    expect(() => new Decoder().entryAt(0)).toThrow(HpackUsageError);
  });
});
