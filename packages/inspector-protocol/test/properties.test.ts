/** Round trips of everything that has two sides. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  connectionWord,
  type Events,
  encodeLog,
  encodeMessage,
  type Field,
  type FieldSection,
  type Fields,
  FieldsEncoder,
  FRAMES_HEADER_BYTES,
  FrameColumns,
  FrameMatcher,
  type FrameSelection,
  ProtocolError,
  packSections,
  parseClientMessage,
  parseLog,
  parseServerMessage,
  RECORD_BYTES,
  RecordWriter,
  readFields,
  readFramesHeader,
  typeBucket,
  unpackSections,
  writeFramesHeader,
} from '../src/index.ts';
import { LOG_MESSAGES, SERVER_MESSAGES } from './samples.ts';

const u = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const record = fc.record({
  t: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  connection: u(30),
  leg: u(1),
  direction: u(1),
  stream: u(31),
  injected: u(1),
  length: u(24),
  type: u(8),
  flags: u(8),
  mark: u(8),
  ref: u(16),
  connectionWindow: i32,
  streamWindow: i32,
  aux: u(32),
});

describe('frame records', () => {
  it('come back as they went, at any place, across 2^32 and around the end of the columns', () => {
    const start = fc.oneof(fc.constant(0), fc.integer({ min: 2 ** 32 - 20, max: 2 ** 32 + 20 }), fc.constant(2 ** 50));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), start, u(5), (records, position, row) => {
        const bytes = new Uint8Array(FRAMES_HEADER_BYTES + records.length * RECORD_BYTES);
        writeFramesHeader(bytes, records.length, position, position + records.length);
        const writer = new RecordWriter(bytes.buffer, FRAMES_HEADER_BYTES, records.length);
        records.forEach((r, at) => {
          const word = connectionWord(r.connection, r.leg, r.direction);
          const stream = (r.stream | (r.injected << 31)) >>> 0;
          const seq = position + at;
          writer.write(
            at,
            r.t,
            seq,
            word,
            stream,
            r.length,
            r.type,
            r.flags,
            r.mark,
            r.ref,
            r.connectionWindow,
            r.streamWindow,
            r.aux,
          );
        });
        const header = readFramesHeader(bytes.buffer);
        expect(header).toEqual({ kind: 1, count: records.length, from: position, to: position + records.length });
        const columns = new FrameColumns(32);
        expect(columns.append(row, bytes.buffer, FRAMES_HEADER_BYTES, header.count, header.from)).toBe(
          (row + records.length) % 32,
        );
        records.forEach((r, at) => {
          const place = (row + at) % 32;
          expect(columns.seq[place]).toBe(position + at);
          for (const [name, value] of Object.entries(r)) {
            expect((columns[name as keyof FrameColumns] as Float64Array)[place], name).toBe(value);
          }
        });
      }),
      { verbose: 1 },
    );
  });

  it('a message that is cut off, too long, of another kind or version is refused', () => {
    const bytes = new Uint8Array(FRAMES_HEADER_BYTES + RECORD_BYTES);
    writeFramesHeader(bytes, 1, 0, 1);
    expect(readFramesHeader(bytes.buffer).count).toBe(1);
    for (const length of [0, 10, 23, 24, 63, 65]) {
      const cut = new Uint8Array(length);
      cut.set(bytes.subarray(0, length));
      expect(() => readFramesHeader(cut.buffer)).toThrow();
    }
    for (const place of [0, 1]) {
      const other = bytes.slice();
      other[place] = 9;
      expect(() => readFramesHeader(other.buffer)).toThrow();
    }
  });

  it('types above 14 share a counter', () => {
    expect([0, 9, 14, 15, 16, 255].map(typeBucket)).toEqual([0, 9, 14, 15, 15, 15]);
  });
});

describe('field sections', () => {
  const text = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
    maxLength: 20,
  });
  const field: fc.Arbitrary<Field> = fc.record({
    name: fc.oneof(text, fc.constant(':path')),
    value: text,
    representation: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const, 4 as const),
    index: u(24),
    wireBytes: u(16),
    valueBytes: u(24),
    redacted: fc.option(fc.constant('0123456789abcdef')),
  });
  const section: fc.Arbitrary<FieldSection> = fc.record({
    section: u(32),
    t: u(32),
    connection: u(30),
    stream: u(31),
    direction: fc.constantFrom(0 as const, 1 as const),
    kind: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const, 4 as const),
    wireBytes: u(24),
    fields: fc.array(
      field.map(each => (each.redacted === null ? each : { ...each, value: '' })),
      { maxLength: 10 },
    ),
    fieldsOmitted: u(10),
  });

  it('come back as they went, every string once', () => {
    fc.assert(
      fc.property(fc.array(section, { maxLength: 5 }), sections => {
        const packed = packSections(sections);
        expect(unpackSections(JSON.parse(JSON.stringify(packed)))).toEqual(sections);
        expect(new Set(packed.strings).size).toBe(packed.strings.length);
      }),
      { verbose: 1 },
    );
  });

  it('come back out of a FIELDS message, whether they share their lists of fields or not', () => {
    const texts = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(section, { maxLength: 5 }), texts, fc.nat(1e9), (sections, text, from) => {
        const told = sections.flatMap((each, i) => {
          const fields = each.fields.map(field => (field.redacted === null ? { ...field, value: text + i } : field));
          return [
            { ...each, fields },
            { ...each, fields },
            { ...each, fields: [...fields] },
          ];
        });
        const message: Fields = { type: 'fields', from, to: from + told.length, sections: told };
        const bytes = encodeLog(message);
        expect(parseLog(bytes.buffer)).toEqual(message);
        for (const cut of [10, 30, bytes.length >> 1]) {
          if (cut < bytes.length) expect(() => parseLog(bytes.slice(0, cut).buffer)).toThrow(/cut off/);
        }
      }),
      { verbose: 1 },
    );
  });

  it('hold on to nothing of the message before, and grow', () => {
    const one: FieldSection = {
      section: 1,
      t: 1,
      connection: 1,
      stream: 1,
      direction: 0,
      kind: 0,
      wireBytes: 1,
      fieldsOmitted: 0,
      fields: [],
    };
    const encoder = new FieldsEncoder();
    const many = Array.from({ length: 1000 }, (_, i) => ({ ...one, section: i + 1 }));
    for (const each of many) encoder.add(each);
    const size = encoder.bytes;
    const message = encoder.finish(0, 1000);
    expect(message.length).toBe(size);
    expect(readFields(message.buffer).sections).toEqual(many);
    encoder.add(one);
    expect(readFields(encoder.finish(1000, 1001).buffer).sections).toEqual([one]);
  });

  it('naming what is not there, they are refused', () => {
    const bytes = encodeLog(LOG_MESSAGES[0]);
    const words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
    const spoilt = (at: number): ArrayBuffer => {
      const copy = bytes.slice().buffer;
      new Uint32Array(copy)[at] = words[at]! + 100;
      return copy;
    };
    expect(() => parseLog(spoilt(8 + 6))).toThrow(/head 100 of 1/);
    expect(() => parseLog(spoilt(8 + 2 * 10 + 1))).toThrow(/string 100 or 1 of/);
    expect(() => parseLog(spoilt(8 + 2 * 10))).toThrow(/cut off in its heads/);
    expect(() => parseLog(spoilt(7))).toThrow(/cut off in its strings/);
  });

  it('of a REPLY, cut off or naming strings that are not there, are refused', () => {
    expect(() => unpackSections({ strings: [], sections: [[1, 2, 3]] })).toThrow(/cut off/);
    expect(() => unpackSections({ strings: ['a'], sections: [[1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]] })).toThrow(
      /names string 1 of 1/,
    );
  });
});

describe('events', () => {
  it('come back out of an EVENTS message, those of numbers and those of texts', () => {
    const [, sample] = LOG_MESSAGES;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...sample.events)), fc.nat(1e9), (events, from) => {
        const message: Events = { type: 'events', from, to: from + events.length, events };
        expect(parseLog(encodeLog(message).buffer)).toEqual(message);
      }),
      { verbose: 1 },
    );
    const bytes = encodeLog(sample);
    expect(() => parseLog(bytes.slice(0, bytes.length - 16).buffer)).toThrow(/cut off in its texts/);
    expect(() => parseLog(bytes.slice(0, 60).buffer)).toThrow(/cut off/);
  });
});

describe('rows', () => {
  it('of another length than this version knows are refused', () => {
    const state = SERVER_MESSAGES.find(message => message.type === 'state')!;
    const text = encodeMessage(state);
    expect(parseServerMessage(text)).toEqual(state);
    const bag = JSON.parse(text);
    bag.rows.streamStates[0].pop();
    expect(() => parseServerMessage(JSON.stringify(bag))).toThrow(/row of 29 values, needs 30/);
  });
});

describe('a selection of frames', () => {
  const selection: fc.Arbitrary<FrameSelection> = fc.record(
    {
      types: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      connections: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      streams: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      direction: fc.constantFrom(0 as const, 1 as const),
      leg: fc.constantFrom(0 as const, 1 as const),
    },
    { requiredKeys: [] },
  );
  const small = (max: number, min = 0) => fc.integer({ min, max });

  it('chooses what its lists name, as a plain reading says', () => {
    fc.assert(
      fc.property(
        selection,
        small(4, 1),
        small(1),
        small(1),
        small(4),
        small(4),
        (wanted, connection, leg, direction, stream, type) => {
          const plain =
            (wanted.types?.includes(type) ?? true) &&
            (wanted.connections?.includes(connection) ?? true) &&
            (wanted.streams?.includes(stream) ?? true) &&
            (wanted.direction ?? direction) === direction &&
            (wanted.leg ?? leg) === leg;
          const matcher = new FrameMatcher(wanted);
          const word = connectionWord(connection, leg, direction);
          expect(matcher.matches(word, stream, type)).toBe(plain);
          expect(matcher.matches(word, (stream | 0x8000_0000) >>> 0, type)).toBe(plain);
          if (plain) expect(matcher.matchesConnection(word, type)).toBe(true);
          if (matcher.everything) expect(plain).toBe(true);
        },
      ),
      { numRuns: 2000, verbose: 1 },
    );
  });

  it('has one key however it is written', () => {
    expect(new FrameMatcher({ types: [3, 1, 1] }).key).toBe(new FrameMatcher({ types: [1, 3] }).key);
    expect(new FrameMatcher({ types: [1] }).key).not.toBe(new FrameMatcher({ streams: [1] }).key);
    expect(new FrameMatcher({ types: [] }).key).not.toBe(new FrameMatcher({}).key);
    expect(new FrameMatcher({}).everything).toBe(true);
  });

  it('goes over the wire unchanged', () => {
    fc.assert(
      fc.property(selection, fc.option(selection), fc.boolean(), u(20), (frames, fields, events, backlog) => {
        const message = { type: 'subscribe' as const, id: 1, frames, fields, events, payloads: fields, backlog };
        expect(parseClientMessage(encodeMessage(message))).toEqual(message);
      }),
      { verbose: 1 },
    );
  });
});

describe('what a client sends', () => {
  it('is a message or refused as a protocol error, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), text => {
        try {
          expect(['auth', 'subscribe', 'ack', 'get']).toContain(parseClientMessage(text).type);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1000, verbose: 1 },
    );
  });

  it.each([
    ['{"type":"auth"}', /token/],
    ['{"type":"auth","token":5}', /token/],
    ['{"type":"ack","frames":-1}', /frames/],
    ['{"type":"ack","events":1.5}', /events/],
    ['{"type":"get","id":1,"what":"all","connection":1}', /what/],
    ['{"type":"get","id":1,"what":"sections","connection":1}', /stream/],
    ['{"type":"get","id":1,"what":"tables","connection":1073741824}', /connection/],
    ['{"type":"subscribe","id":1,"fields":null,"events":true,"payloads":null,"backlog":0}', /frames/],
    ['{"type":"subscribe","id":1,"frames":[],"fields":null,"events":true,"payloads":null,"backlog":0}', /frames/],
    ['{"type":"subscribe","id":1,"frames":{"types":[256]},"fields":null,"events":true,"backlog":0}', /types/],
    ['{"type":"subscribe","id":1,"frames":{"types":"all"},"fields":null,"events":true,"backlog":0}', /types/],
    ['{"type":"subscribe","id":1,"frames":{"leg":2},"fields":null,"events":true,"backlog":0}', /leg/],
    ['{"type":"subscribe","id":1,"frames":null,"fields":null,"events":true,"payloads":1,"backlog":0}', /payloads/],
    ['{"type":"subscribe","id":1,"frames":null,"fields":null,"events":1,"backlog":0}', /events/],
    ['{"type":"subscribe","id":1,"frames":null,"fields":null,"events":true,"payloads":null,"backlog":1e9}', /backlog/],
    [`{"type":"auth","token":"${'x'.repeat(33_000)}"}`, /too long/],
  ])('%.60s is refused by name', (text, what) => {
    expect(() => parseClientMessage(text)).toThrow(what);
  });
});
