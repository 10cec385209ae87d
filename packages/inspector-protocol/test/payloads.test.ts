/** Octets of frames: the message, the store, and which of them leave in exports. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BinaryKind,
  EXPORT_FORMATS,
  exportRecording,
  isContent,
  loadRecording,
  type PayloadPiece,
  PayloadStore,
  type Recording,
  RecordingWriter,
  readBinaryHeader,
  readPayloads,
  saveRecording,
  utf8,
  writePayloads,
} from '../src/index.ts';
import { framesMessage, PIECES, payloadsMessage, RECORDED_EXCHANGE } from './samples.ts';

const SECRET = 'correct horse battery staple';

function pieceOf(seq: number, octets: Uint8Array, more: Partial<PayloadPiece> = {}): PayloadPiece {
  return { seq, connection: 7, leg: 0, direction: 0, stream: 5, type: 0, offset: 0, octets, ...more };
}

describe('a PAYLOADS message', () => {
  it('is told from FRAMES', () => {
    expect(readBinaryHeader(payloadsMessage().buffer).kind).toBe(BinaryKind.PAYLOADS);
    expect(readBinaryHeader(framesMessage().buffer).kind).not.toBe(BinaryKind.PAYLOADS);
    expect(() => readPayloads(framesMessage().buffer)).toThrow('no PAYLOADS message');
    expect(() => readPayloads(new ArrayBuffer(0))).toThrow('cut off');
  });

  it('gives back every piece', () => {
    const piece = fc.record({
      seq: fc.nat({ max: 2 ** 48 }),
      connection: fc.integer({ min: 1, max: 2 ** 30 - 1 }),
      leg: fc.constantFrom(0 as const, 1 as const),
      direction: fc.constantFrom(0 as const, 1 as const),
      stream: fc.nat({ max: 2 ** 31 - 1 }),
      type: fc.nat({ max: 255 }),
      offset: fc.nat({ max: 2 ** 24 - 1 }),
      octets: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(piece), pieces => {
        const message = { from: 3, to: 3 + pieces.length, pieces };
        expect(readPayloads(writePayloads(message).buffer)).toEqual(message);
      }),
    );
  });

  it('cut off anywhere, or of another version, is refused', () => {
    const whole = payloadsMessage();
    for (let cut = 0; cut < whole.length; cut++) {
      expect(() => readPayloads(whole.slice(0, cut).buffer)).toThrow(/cut off|ends at piece|unknown binary/);
    }
    const other = whole.slice();
    other[1] = 9;
    expect(() => readPayloads(other.buffer)).toThrow('version 9');
  });
});

describe('the store', () => {
  it('holds the newest octets up to its limit, and knows pieces by frame', () => {
    const store = new PayloadStore(1000);
    for (let seq = 0; seq < 100; seq++) store.add([pieceOf(seq, new Uint8Array(76))]);
    expect(store.octets).toBeLessThanOrEqual(1000);
    expect(store.of(99)).toHaveLength(1);
    expect(store.of(0)).toEqual([]);
    store.add([pieceOf(99, new Uint8Array(1)), pieceOf(99, new Uint8Array(2), { offset: 76 })]);
    expect(store.of(99).map(piece => piece.octets.length)).toEqual([76, 2]);
  });

  it('is without content what every view says anyway', () => {
    const store = new PayloadStore();
    store.add([0, 1, 4, 6, 7, 10, 12, 16, 42].map((type, seq) => pieceOf(seq, new Uint8Array(1), { type })));
    const kinds = store
      .withoutContent()
      .all()
      .map(piece => piece.type);
    expect(kinds).toEqual([1, 4, 6, 7, 10, 12, 16]);
    expect([0, 11, 200].every(isContent)).toBe(true);
  });
});

/** A request with a body that holds a secret, and a redacted field. */
function exchange(): Recording {
  const writer = new RecordingWriter();
  const { texts, log, frames } = RECORDED_EXCHANGE;
  const body = new TextEncoder().encode(`user=me&password=${SECRET}`);
  const pieces = [
    pieceOf(1, body),
    pieceOf(
      2,
      Uint8Array.from(body, octet => octet),
      { direction: 1 },
    ),
  ];
  const parts = [
    writer.begin(),
    ...texts.map(text => writer.text(utf8(text))),
    writer.log(log),
    writer.frames(frames),
    writer.payloads(writePayloads({ from: 0, to: 2, pieces })),
    writer.end(),
  ];
  return loadRecording(Uint8Array.from(parts.flatMap(part => [...part])));
}

/** Every way in which the text may stand in a file. */
function holds(file: string | Uint8Array, text: string): boolean {
  const bytes = typeof file === 'string' ? Buffer.from(file) : Buffer.from(file);
  const plain = Buffer.from(text);
  const all = bytes.toString('latin1');
  if (bytes.includes(plain) || all.includes(plain.toString('hex'))) return true;
  if (all.replace(/[^0-9a-f]/g, '').includes(plain.toString('hex'))) return true;
  // Base64 at any of the three places in a group.
  const encoded = [0, 1, 2].map(shift =>
    Buffer.concat([Buffer.alloc(shift), plain])
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return encoded.some(part => all.includes(part));
}

describe('content leaves the page only when asked for', () => {
  it.each(EXPORT_FORMATS)('%s', format => {
    const recording = exchange();
    expect(holds(exportRecording(recording, format, null, false), SECRET)).toBe(false);
    // A trace of spans and a report have no place for octets.
    if (format === 'chrome-trace' || format === 'html')
      expect(holds(exportRecording(recording, format, null, true), SECRET)).toBe(false);
    else if (format === 'text') expect(exportRecording(recording, format, null, true)).toContain('user=me&passwor');
    else expect(holds(exportRecording(recording, format, null, true), SECRET)).toBe(true);
  });

  it('a recording', () => {
    const recording = exchange();
    expect(holds(saveRecording(recording, false), SECRET)).toBe(false);
    expect(holds(saveRecording(recording, true), SECRET)).toBe(true);
    expect(loadRecording(saveRecording(recording, true)).payloads.all()).toEqual(recording.payloads.all());
    expect(loadRecording(saveRecording({ ...recording }, false)).payloads.all()).toEqual([]);
  });

  it('in HAR a body is base64, and says when it is only a beginning', () => {
    const har = JSON.parse(exportRecording(exchange(), 'har', null, true) as string) as {
      log: { entries: { request: { postData: { text: string } }; response: { content: Record<string, string> } }[] };
    };
    const [entry] = har.log.entries;
    expect(Buffer.from(entry!.request.postData.text, 'base64').toString()).toBe(`user=me&password=${SECRET}`);
    expect(entry!.response.content).toMatchObject({
      encoding: 'base64',
      comment: 'the first 45 octets; the rest was not kept',
    });
  });

  it('in text it says how much there was', () => {
    expect(exportRecording(exchange(), 'text', null, true)).toContain('; 45 of 1000 octets');
  });
});

it('pieces of the sample messages are what they were', () => {
  expect(readPayloads(payloadsMessage().buffer).pieces).toEqual(PIECES);
});
