/** RFC 9113 6: which octets of a frame mean what, and what of them is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FrameFacts,
  FrameType,
  frameAnatomy,
  type PayloadPiece,
  Representation,
  SectionKind,
} from '../src/index.ts';

function facts(type: number, payload: readonly number[], more: Partial<FrameFacts> = {}): FrameFacts {
  return { type, flags: 0, stream: 5, length: payload.length, aux: 0, section: null, ...more };
}

function pieces(type: number, octets: readonly number[], offset = 0): PayloadPiece[] {
  return [{ seq: 1, connection: 7, leg: 0, direction: 0, stream: 5, type, offset, octets: Uint8Array.from(octets) }];
}

function rows(of: FrameFacts, kept: readonly PayloadPiece[]): (readonly [string, string, number, number])[] {
  return frameAnatomy(of, kept)
    .fields.slice(4)
    .map(({ name, value, from, to }) => [name, value, from, to]);
}

function whole(type: number, payload: readonly number[], more: Partial<FrameFacts> = {}) {
  return rows(facts(type, payload, more), pieces(type, payload));
}

describe('a frame octet by octet', () => {
  it('begins with its header, RFC 9113 4.1', () => {
    const { octets, fields } = frameAnatomy(facts(FrameType.PING, Array(8).fill(0), { flags: 1, stream: 0 }), []);
    expect([...octets]).toEqual([0, 0, 8, 6, 1, 0, 0, 0, 0]);
    expect(fields.slice(0, 4).map(({ name, value, from, to }) => [name, value, from, to])).toEqual([
      ['Length', '8', 0, 3],
      ['Type', 'PING', 3, 4],
      ['Flags', 'ACK', 4, 5],
      ['Stream Identifier', '0', 5, 9],
    ]);
  });

  it('6.1 DATA: pad length, data, padding; data as far as they were kept', () => {
    const of = facts(FrameType.DATA, Array(20).fill(0), { flags: 8, aux: 6 });
    expect(rows(of, pieces(FrameType.DATA, [0x68, 0x69]))).toEqual([
      ['Pad Length', '5', 9, 10],
      ['Data', '2 of 14 octets kept', 10, 24],
      ['Padding', '5 octets', 24, 29],
    ]);
    const { octets, known } = frameAnatomy(of, pieces(FrameType.DATA, [0x68, 0x69]));
    expect([...octets.subarray(9)]).toEqual([5, 0x68, 0x69]);
    expect([...known.subarray(9)]).toEqual([1, 1, 1]);
  });

  it('6.2 HEADERS: padding, priority, a table size update, and every field line', () => {
    const line = (name: string, wireBytes: number, redacted: string | null = null) => ({
      name,
      value: redacted === null ? 'v' : '',
      representation: Representation.LITERAL,
      index: 0,
      wireBytes,
      valueBytes: 1,
      redacted,
    });
    const section = {
      section: 1,
      t: 0,
      connection: 7,
      stream: 5,
      direction: 0 as const,
      kind: SectionKind.REQUEST,
      wireBytes: 9,
      fieldsOmitted: 0,
      fields: [line('a', 4), line('cookie', 4, '9f')],
    };
    // Pad length 2, dependency 3 exclusive, weight 16, update, two lines, padding.
    const payload = [2, 0x80, 0, 0, 3, 15, 0x20, 0, 1, 0x61, 1, 9, 9, 9, 9, 0, 0];
    const of = facts(FrameType.HEADERS, payload, { flags: 0x2c, section });
    const kept = pieces(FrameType.HEADERS, payload.slice(0, 11));
    expect(rows(of, kept)).toEqual([
      ['Pad Length', '2', 9, 10],
      ['Stream Dependency', '3', 10, 14],
      ['Weight', '16', 14, 15],
      ['Dynamic Table Size Update', '', 15, 16],
      ['a', 'v', 16, 20],
      ['cookie', 'redacted, 1 octets', 20, 24],
      ['Padding', '2 octets', 24, 26],
    ]);
    // What is hidden is told from what was not kept, as far as anything is known behind it.
    const both = [...kept, ...pieces(FrameType.HEADERS, [0, 0], 15)];
    expect([...frameAnatomy(of, both).known.subarray(20)]).toEqual([2, 2, 2, 2, 1, 1]);
  });

  it('6.3 to 6.9: the short ones', () => {
    expect(whole(FrameType.PRIORITY, [0, 0, 0, 3, 15]).map(([name]) => name)).toEqual(['Stream Dependency', 'Weight']);
    expect(rows(facts(FrameType.RST_STREAM, [0, 0, 0, 8], { aux: 8 }), [])).toEqual([['Error Code', 'CANCEL', 9, 13]]);
    expect(whole(FrameType.SETTINGS, [0, 4, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1])).toEqual([
      ['INITIAL_WINDOW_SIZE', '65536', 9, 15],
      ['NO_RFC7540_PRIORITIES', '1', 15, 21],
    ]);
    expect(whole(FrameType.PING, [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([['Opaque Data', '0102030405060708', 9, 17]]);
    expect(whole(FrameType.GOAWAY, [0, 0, 0, 7, 0, 0, 0, 11, 0x68, 0x69])).toEqual([
      ['Last-Stream-ID', '7', 9, 13],
      ['Error Code', 'ENHANCE_YOUR_CALM', 13, 17],
      ['Additional Debug Data', 'hi', 17, 19],
    ]);
    expect(rows(facts(FrameType.WINDOW_UPDATE, [0, 0, 1, 0], { aux: 256 }), [])).toEqual([
      ['Window Size Increment', '256', 9, 13],
    ]);
    // With the reserved bit set it was recorded as it came.
    expect(whole(FrameType.WINDOW_UPDATE, [0x80, 0, 1, 0])).toEqual([['Window Size Increment', '256', 9, 13]]);
  });

  it('extensions: RFC 9218, RFC 8336, RFC 7838, and what nobody knows', () => {
    expect(whole(FrameType.PRIORITY_UPDATE, [0, 0, 0, 1, 0x75, 0x3d, 0x31])).toEqual([
      ['Prioritized Stream ID', '1', 9, 13],
      ['Priority Field Value', 'u=1', 13, 16],
    ]);
    expect(whole(FrameType.ORIGIN, [0, 1, 0x61, 0, 1, 0x62]).map(([name, value]) => [name, value])).toEqual([
      ['Origin-Len', '1'],
      ['Origin', 'a'],
      ['Origin-Len', '1'],
      ['Origin', 'b'],
    ]);
    expect(whole(FrameType.ALTSVC, [0, 1, 0x61, 0x62]).map(([name]) => name)).toEqual([
      'Origin-Len',
      'Origin',
      'Alt-Svc-Field-Value',
    ]);
    expect(whole(200, [0x68, 0])).toEqual([['Payload', 'h·', 9, 11]]);
  });

  it('whatever the frame and whatever was kept of it: fields cover it without gap or overlap, and nothing throws', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 20 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: 60 }),
        fc.array(fc.tuple(fc.nat({ max: 70 }), fc.uint8Array({ maxLength: 70 })), { maxLength: 3 }),
        fc.nat({ max: 2 ** 32 - 1 }),
        (type, flags, length, kept, aux) => {
          const of = facts(type, Array(length).fill(0), { flags, aux });
          const result = frameAnatomy(
            of,
            kept.flatMap(([offset, octets]) => pieces(type, [...octets], offset)),
          );
          let at = 0;
          for (const field of result.fields) {
            expect(field.from).toBe(at);
            at = field.to;
          }
          expect(at).toBe(9 + length);
          expect(result.octets.length).toBeLessThanOrEqual(9 + length);
          expect(result.kept).toBeLessThanOrEqual(length);
        },
      ),
    );
  });
});
