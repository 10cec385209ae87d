import { describe, expect, test } from 'vitest';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import { bytes, concat, frame, GET, headers, parse, text } from './support/frames.ts';

const ALTSVC = 0xa;
const ORIGIN = 0xc;
const string16 = (value: string): Uint8Array => concat([value.length >> 8, value.length & 255], bytes(value));

function listening(t: Endpoint): unknown[] {
  const heard: unknown[] = [];
  const { handler } = (t.connection as unknown as { core: { handler: Record<string, unknown> } }).core;
  handler['onAltSvc'] = (id: number, service: unknown) => heard.push(['altsvc', id, service]);
  handler['onOrigins'] = (origins: unknown) => heard.push(['origins', origins]);
  handler['onUnknownFrame'] = (type: number, flags: number, id: number, payload: Uint8Array) =>
    heard.push(['unknown', type, flags, id, text(payload)]);
  return heard;
}

describe('RFC 7838 4 ALTSVC, FRM-18', () => {
  test('goes out with its origin on stream 0 and comes in as it was', () => {
    const a = server();
    a.receive(headers(1, GET));
    a.connection.altSvc(0, { origin: 'https://example.com', value: 'h3=":443"' });
    a.connection.altSvc(1, { origin: '', value: 'clear' });
    const frames = a.frames();
    expect(frames.map(f => [f.type, f.streamId, text(f.payload)])).toEqual([
      [ALTSVC, 0, '\0\x13https://example.comh3=":443"'],
      [ALTSVC, 1, '\0\0clear'],
    ]);
    const b = client();
    const heard = listening(b);
    b.connection.request(get(), true);
    b.receive(...frames.map(f => frame(f.type, f.flags, f.streamId, f.payload)));
    expect(heard).toEqual([
      ['altsvc', 0, { origin: 'https://example.com', value: 'h3=":443"' }],
      ['altsvc', 1, { origin: '', value: 'clear' }],
    ]);
  });

  test.each([
    ['without origin on stream 0', frame(ALTSVC, 0, 0, concat(string16(''), bytes('clear')))],
    ['with origin on a stream', frame(ALTSVC, 0, 1, concat(string16('https://a'), bytes('clear')))],
  ])('%s is ignored', (_, input) => {
    const t = client();
    const heard = listening(t);
    t.connection.request(get(), true);
    t.receive(input);
    expect(heard).toEqual([]);
    expect(t.connection.isClosed).toBe(false);
  });

  test('an origin longer than the frame is FRAME_SIZE_ERROR', () => {
    const t = client();
    t.receive(frame(ALTSVC, 0, 0, [0, 9, 0x61]));
    expect(t.heard()).toEqual(['end FRAME_SIZE_ERROR frame.length']);
  });

  test('a server ignores it; a client cannot send it', () => {
    const t = server();
    const heard = listening(t);
    t.receive(frame(ALTSVC, 0, 0, concat(string16('https://a'), bytes('clear'))));
    expect(heard).toEqual([]);
    expect(() => client().connection.altSvc(0, { origin: 'https://a', value: 'x' })).toThrow(/only a server/);
    expect(() => t.connection.altSvc(0, { origin: '', value: 'x' })).toThrow(/name the origin on stream 0/);
  });
});

describe('RFC 8336 ORIGIN, FRM-18', () => {
  test('goes out and comes in', () => {
    const a = server();
    a.connection.origins(['https://a.example', 'https://b.example:8443']);
    const frames = a.frames();
    expect(frames.map(f => [f.type, f.streamId])).toEqual([[ORIGIN, 0]]);
    const b = client();
    const heard = listening(b);
    b.receive(...frames.map(f => frame(f.type, f.flags, f.streamId, f.payload)), frame(ORIGIN, 0, 0));
    expect(heard).toEqual([
      ['origins', ['https://a.example', 'https://b.example:8443']],
      ['origins', []],
    ]);
  });

  test.each([
    ['on a stream', frame(ORIGIN, 0, 1, string16('https://a'))],
    ['with a flag', frame(ORIGIN, 1, 0, string16('https://a'))],
  ])('%s is ignored', (_, input) => {
    const t = client();
    const heard = listening(t);
    t.receive(input);
    expect(heard).toEqual([]);
    expect(t.connection.isClosed).toBe(false);
  });

  test('an entry that is cut off is FRAME_SIZE_ERROR', () => {
    const t = client();
    t.receive(frame(ORIGIN, 0, 0, concat(string16('https://a'), [0])));
    expect(t.heard()).toEqual(['end FRAME_SIZE_ERROR frame.length']);
  });
});

describe('RFC 9113 5.5 unknown frames and settings', () => {
  test('an unknown frame reaches the handler and is sent as given', () => {
    // FRM-13
    const t = server();
    const heard = listening(t);
    t.receive(frame(0xbe, 0x5a, 7, bytes('payload')));
    expect(heard).toEqual([['unknown', 0xbe, 0x5a, 7, 'payload']]);
    t.connection.sendUnknownFrame(0xbe, 0x01, 3, bytes('answer'));
    expect(parse(concat(...t.connection.takeOutput()))).toEqual([
      { type: 0xbe, flags: 1, streamId: 3, reserved: false, payload: bytes('answer') },
    ]);
  });

  test.each([0, 4, 9, ALTSVC, 0x10, 256, -1, 1.5])('type %s is not unknown', type => {
    // FRM-17, FRM-21
    const t = server();
    expect(() => t.connection.sendUnknownFrame(type, 0, 0, new Uint8Array())).toThrow(/api|sent by|no octet/);
    expect(t.sent()).toEqual([]);
  });

  test('a payload above the peer’s MAX_FRAME_SIZE is refused', () => {
    // FRM-17
    const t = server();
    expect(() => t.connection.sendUnknownFrame(0xbe, 0, 0, new Uint8Array(16_385))).toThrow(/do not fit/);
    t.connection.sendUnknownFrame(0xbe, 0, 0, new Uint8Array(16_384));
    expect(t.frames()[0]?.payload.length).toBe(16_384);
  });

  test('unknown settings go out with the others', () => {
    // FRM-16
    const t = server();
    t.connection.updateSettings([0xf0f0, 7]);
    expect([...(t.frames()[0]?.payload ?? [])]).toEqual([0xf0, 0xf0, 0, 0, 0, 7]);
  });

  test('a client re-prioritises a request by PRIORITY_UPDATE', () => {
    // PRI-01
    const t = client();
    const stream = t.connection.request(get(), true);
    t.sent();
    t.connection.priorityUpdate(stream.id, 'u=1, i');
    expect(t.frames().map(f => [f.type, f.streamId, text(f.payload)])).toEqual([[0x10, 0, '\0\0\0\x01u=1, i']]);
    expect(() => server().connection.priorityUpdate(1, 'u=1')).toThrow(/only a client/);
    expect(() => t.connection.priorityUpdate(0, 'u=1')).toThrow(/no stream 0/);
  });
});
