/** What is said of gRPC: status, deadline, messages read without a schema. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  grpcMessage,
  grpcStatusMeaning,
  grpcStatusName,
  grpcTimeout,
  readProtobuf,
  type WireField,
} from '../src/index.ts';

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const brief = (fields: readonly WireField[]): unknown[] =>
  fields.map(({ number, value, fields: inner }) => [number, inner === null ? value : brief(inner)]);

describe('words', () => {
  it('status codes have names and meanings, unknown ones their number', () => {
    expect([grpcStatusName(0), grpcStatusName(14), grpcStatusName(99)]).toEqual(['OK', 'UNAVAILABLE', '99']);
    for (let code = 0; code <= 16; code++) expect(grpcStatusMeaning(code)).not.toBe('');
    expect(grpcStatusMeaning(17)).toBe('');
  });

  it('timeouts in every unit, and what is none', () => {
    expect(['2H', '3M', '10S', '1500m', '7u', '9n'].map(value => grpcTimeout(value)?.text)).toEqual([
      '2 h',
      '3 min',
      '10 s',
      '1500 ms',
      '7 µs',
      '9 ns',
    ]);
    expect(grpcTimeout('1500m')?.ms).toBe(1500);
    expect(['', 'S', '10', '10x', '123456789S', '-1S', '1.5S'].map(grpcTimeout)).toEqual(Array(7).fill(null));
  });

  it('messages are percent-decoded where they can be', () => {
    expect(grpcMessage('caf%C3%A9 100%25')).toBe('café 100%');
    expect(grpcMessage('%ff %zz %')).toBe('%ff %zz %');
  });
});

describe('Protocol Buffers without a schema', () => {
  it('the examples of the format: varint, text, a message inside, fixed numbers', () => {
    expect(brief(readProtobuf(octets('08 96 01'), true).fields)).toEqual([[1, '150']]);
    expect(brief(readProtobuf(octets('12 07 74 65 73 74 69 6e 67'), true).fields)).toEqual([[2, '"testing"']]);
    expect(brief(readProtobuf(octets('1a 03 08 96 01'), true).fields)).toEqual([[3, [[1, '150']]]]);
    const fixed = readProtobuf(octets('0d 00 00 80 3f 11 00 00 00 00 00 00 f0 3f'), true);
    expect(fixed.fields.map(({ value, note }) => [value, note])).toEqual([
      ['1065353216', 'as float 1'],
      ['4607182418800017408', 'as float 1'],
    ]);
    expect(readProtobuf(octets('08 ff ff ff ff ff ff ff ff ff 01'), true).fields[0]).toMatchObject({
      value: '-1',
      note: 'or 18446744073709551615',
    });
  });

  it('octets that are neither text nor a message are shown as octets', () => {
    expect(readProtobuf(octets('0a 02 ff fe'), true).fields[0]).toMatchObject({ value: 'ff fe', fields: null });
    expect(readProtobuf(octets('0a 00'), true).fields[0]).toMatchObject({ value: '""' });
  });

  it('what is cut off says so: as broken, or as not kept', () => {
    const cut = octets('08 01 12 07 74 65');
    expect(readProtobuf(cut, true)).toMatchObject({ read: 2, problem: 'it ends in the middle of a field' });
    expect(readProtobuf(cut, false)).toMatchObject({ read: 2, problem: 'the rest was not kept' });
    expect(brief(readProtobuf(cut, false).fields)).toEqual([[1, '1']]);
  });

  it('refuses groups, field 0, wire types that are none, and numbers without an end', () => {
    expect(readProtobuf(octets('0b 0c'), true).problem).toBe('groups are not read');
    expect(readProtobuf(octets('00 00'), true).problem).toBe('a field number is out of range');
    expect(readProtobuf(octets('0f'), true).problem).toBe('wire type 7 is none');
    expect(readProtobuf(octets(`08${'ff'.repeat(20)}`), true).problem).toBe('a number is longer than 10 octets');
  });

  it('goes no deeper and shows no more than its limits', () => {
    let nested = octets('08 01');
    for (let i = 0; i < 60; i++) nested = Uint8Array.from([0x0a, nested.length, ...nested]);
    let depth = 0;
    for (let fields: readonly WireField[] | null = readProtobuf(nested, true).fields; fields !== null; depth++) {
      fields = fields[0]?.fields ?? null;
    }
    expect(depth).toBe(8);
    const many = readProtobuf(new Uint8Array(5000).fill(8), true);
    expect(many.fields).toHaveLength(500);
    expect(many.problem).toBe('there are more fields than are shown');
  });

  it('whatever the octets are, it ends, within its limits, and fields follow each other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (input, whole) => {
        const message = readProtobuf(input, whole);
        let at = 0;
        for (const field of message.fields) {
          expect(field.from).toBe(at);
          at = field.to;
        }
        expect(message.read).toBe(at);
        expect(at === input.length || message.problem !== '').toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
