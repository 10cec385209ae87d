import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decoder, type DecoderOptions, Encoder, type Field, HpackError, Representation } from '../src/index.ts';
import { field, fields, history } from './support/arbitrary.ts';
import { Collector, type Line, tableOf } from './support/decode.ts';

const asLines = (list: readonly Field[], sensitive: (one: Field) => boolean): Line[] =>
  list.map(one => [one.name, one.value, sensitive(one), 0]);

/** Cuts octets at these places, given as fractions of the length. */
function cut(octets: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const places = fractions.map(fraction => Math.floor(fraction * octets.length)).sort((a, b) => a - b);
  const edges = [0, ...places, octets.length];
  return edges.slice(1).map((end, i) => octets.slice(edges[i], end));
}

interface Outcome {
  lines: Line[];
  error: string;
  table: [string, string][];
  numbers: (number | boolean)[];
}

function outcome(decoder: Decoder, action: (sink: Collector) => void): Outcome {
  const sink = new Collector();
  let error = '';
  try {
    action(sink);
  } catch (thrown) {
    if (!(thrown instanceof HpackError)) throw thrown;
    error = thrown.message;
  }
  const numbers = [decoder.sectionSize, decoder.fieldCount, decoder.truncated, decoder.tableSize, decoder.maxTableSize];
  return { lines: sink.lines, error, table: tableOf(decoder), numbers };
}

const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

describe('encoder and decoder are inverse', () => {
  test('over any history of blocks and table sizes, the tables alike after each block', () => {
    fc.assert(
      fc.property(history, fc.constantFrom(0, 64, 300, 4096, 20_000), (steps, ownMax) => {
        const policy = () => Representation.INCREMENTAL;
        const encoder = new Encoder({ maxTableSize: ownMax, indexing: policy });
        const decoder = new Decoder();
        for (const step of steps) {
          if (step.kind === 'resize') {
            encoder.setPeerMaxTableSize(step.size);
            decoder.setMaxTableSize(step.size);
            continue;
          }
          const sink = new Collector();
          decoder.decode(encoder.encode(step.fields), sink);
          expect(sink.lines).toEqual(asLines(step.fields, one => one.sensitive === true));
          expect(tableOf(decoder)).toEqual(tableOf(encoder));
          expect(decoder.tableSize).toBe(encoder.tableSize);
          expect(encoder.tableSize).toBeLessThanOrEqual(encoder.maxTableSize);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('whatever representation the policy asks for', () => {
    const choice = fc.constantFrom(
      Representation.INCREMENTAL,
      Representation.WITHOUT_INDEXING,
      Representation.NEVER_INDEXED,
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(field, choice), { maxLength: 40 }), choices => {
        let next = 0;
        const unmarked = choices.map(([one]) => ({ name: one.name, value: one.value }));
        const encoder = new Encoder({ maxTableSize: 300, indexing: () => choices[next++]![1] });
        const sink = new Collector();
        new Decoder().decode(encoder.encode(unmarked), sink);
        const never = choices.map(([, one]) => one === Representation.NEVER_INDEXED);
        expect(sink.lines.map(line => line[2])).toEqual(never);
        expect(sink.lines.map(([name, value]) => ({ name, value }))).toEqual(unmarked);
      }),
      { numRuns: 400 },
    );
  });
});

// HPD-12
describe('push gives the same as decode', () => {
  const limits: fc.Arbitrary<DecoderOptions> = fc.record({
    maxFields: fc.constantFrom(2, 5, 256),
    maxFieldSectionSize: fc.constantFrom(100, 500, 65_536),
    maxStringLength: fc.constantFrom(30, 1000),
    maxTableSize: fc.constantFrom(4096, 60),
  });

  function compare(blocks: Uint8Array[], cuts: number[], options: DecoderOptions): void {
    const whole = new Decoder(options);
    const parts = new Decoder(options);
    for (const octets of blocks) {
      const expected = outcome(whole, sink => whole.decode(octets, sink));
      const actual = outcome(parts, sink => {
        const chunks = cut(octets, cuts);
        chunks.forEach((chunk, i) => {
          parts.push(chunk, sink, i === chunks.length - 1);
          chunk.fill(0xaa);
        });
      });
      expect(actual).toEqual(expected);
    }
  }

  test('for valid blocks in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 4 }), fractions, limits, (sections, cuts, options) => {
        const encoder = new Encoder({ maxTableSize: options.maxTableSize! });
        compare(
          sections.map(section => encoder.encode(section)),
          cuts,
          options,
        );
      }),
      { numRuns: 500 },
    );
  });

  test('for octets of chance', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fractions, limits, (octets, cuts, options) => {
        compare([octets], cuts, options);
      }),
      { numRuns: 2000 },
    );
  });

  test('for blocks with some octets changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fields, changes, fractions, limits, (section, places, cuts, options) => {
        const octets = new Encoder().encode(section);
        for (const [at, octet] of places) if (octets.length > 0) octets[at % octets.length] = octet;
        compare([octets], cuts, options);
      }),
      { numRuns: 1000 },
    );
  });

  test('octet by octet, with empty chunks between', () => {
    const encoder = new Encoder();
    const section = [
      { name: ':path', value: '/a/rather/long/path?with=a&query=string' },
      { name: 'x-long', value: 'v'.repeat(3000) },
      { name: 'y'.repeat(300), value: '\xff'.repeat(300), sensitive: true },
    ];
    const decoder = new Decoder();
    for (let round = 0; round < 2; round++) {
      const sink = new Collector();
      for (const octet of encoder.encode(section)) {
        decoder.push(Uint8Array.of(octet), sink, false);
        decoder.push(new Uint8Array(0), sink, false);
      }
      decoder.push(new Uint8Array(0), sink, true);
      expect(sink.lines).toEqual(asLines(section, one => one.sensitive === true));
      expect(tableOf(decoder)).toEqual(tableOf(encoder));
    }
  });

  test('a fault shows as soon as it is certain, not at the end of the block', () => {
    const sink = new Collector();
    const rejected = (...octets: number[]) => {
      expect(() => new Decoder().push(Uint8Array.from(octets), sink, false)).toThrow(HpackError);
    };
    rejected(0x80);
    rejected(0x00, 0x7f, 0xff, 0xff, 0xff, 0x7f);
    rejected(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    rejected(0x82, 0x20);
    expect(sink.lines).toEqual([[':method', 'GET', false, 0]]);
  });

  test('decode is refused while a pushed block is open', () => {
    const decoder = new Decoder();
    const sink = new Collector();
    decoder.push(Uint8Array.of(0x82), sink, false);
    expect(() => decoder.decode(Uint8Array.of(0x83), sink)).toThrow('has not been finished');
    decoder.push(Uint8Array.of(0x84), sink, true);
    decoder.decode(Uint8Array.of(0x83), sink);
    expect(sink.lines.map(line => line[1])).toEqual(['GET', '/', 'POST']);
  });
});

test('octets of chance never do more than raise an HpackError, and tables keep their bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 6 }), blocks => {
      const decoder = new Decoder({ maxTableSize: 200 });
      for (const octets of blocks) {
        outcome(decoder, sink => decoder.decode(octets, sink));
        expect(decoder.tableSize).toBeLessThanOrEqual(200);
        const sum = tableOf(decoder).reduce((size, [name, value]) => size + name.length + value.length + 32, 0);
        expect(decoder.tableSize).toBe(sum);
      }
    }),
    { numRuns: 2000 },
  );
});
