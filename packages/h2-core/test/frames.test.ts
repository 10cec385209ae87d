import { describe, expect, test } from 'vitest';
import { errorCodeName, frameTypeName, settingName } from '../src/index.ts';
import { client, get, server } from './support/endpoint.ts';
import {
  block,
  bytes,
  concat,
  data,
  F,
  frame,
  GET,
  goAway,
  headers,
  POST,
  ping,
  rst,
  settings,
  T,
  u32,
} from './support/frames.ts';

const EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];

describe('RFC 9113 4 frames', () => {
  test('a session cut at every size is the same session', () => {
    // FRM-06
    const input = concat(
      headers(1, POST, F.END_HEADERS),
      data(1, 'hello'),
      frame(T.DATA, F.PADDED | F.END_STREAM, 1, concat([3], bytes('tail'), [0, 0, 0])),
      ping(EIGHT),
      headers(3, GET),
      rst(3, 8),
      frame(0x55, 0xff, 9, bytes('unknown')),
    );
    const whole = server();
    whole.receive(input);
    const sent = whole.sent();
    const merge = (events: string[]): string => {
      const text = events.filter(e => !e.startsWith('data')).join('|');
      const total = events.filter(e => e.startsWith('data')).reduce((sum, e) => sum + Number(e.split(' ')[2]), 0);
      return `${text}|${total}`;
    };
    const events = merge(whole.heard());
    for (let size = 1; size < 40; size++) {
      const t = server();
      for (let at = 0; at < input.length; at += size) t.connection.receive(input.slice(at, at + size), 0);
      expect(merge(t.heard())).toBe(events);
      expect(t.sent()).toEqual(sent);
    }
  });

  test('the reserved bit of the stream identifier is ignored', () => {
    // FRM-02
    const t = server();
    const input = headers(1, GET);
    input[5] = 0x80;
    t.receive(input);
    expect(t.heard()).toEqual(['request 1 GET / end']);
  });

  test('MAX_FRAME_SIZE: at the limit, one above, before its payload is there', () => {
    // FRM-03, FRM-04
    const at = server();
    at.receive(headers(1, POST, F.END_HEADERS), data(1, new Uint8Array(16_384)));
    expect(at.heard()).toEqual(['request 1 POST /', 'data 1 16384']);
    const above = server();
    above.receive(headers(1, POST, F.END_HEADERS), frame(T.DATA, 0, 1, new Uint8Array(16_385)).slice(0, 9));
    expect(above.sent()).toEqual(['GOAWAY 1 6 frame.too-large']);
  });

  test.each([
    ['DATA', frame(T.DATA, 0, 0)],
    ['HEADERS', frame(T.HEADERS, 4, 0, block(GET))],
    ['PRIORITY', frame(T.PRIORITY, 0, 0, [0, 0, 0, 1, 0])],
    ['RST_STREAM', rst(0, 0)],
    ['CONTINUATION', frame(T.CONTINUATION, 4, 0)],
    ['PUSH_PROMISE', frame(T.PUSH_PROMISE, 4, 0, u32(2))],
  ])('%s on stream 0 is PROTOCOL_ERROR', (_, input) => {
    // FRM-09
    const t = server();
    t.receive(input);
    expect(t.sent()).toEqual(['GOAWAY 0 1 frame.stream-zero']);
  });

  test.each([
    ['PING', frame(T.PING, 0, 1, EIGHT)],
    ['GOAWAY', frame(T.GOAWAY, 0, 1, concat(u32(0), u32(0)))],
  ])('%s on a stream is PROTOCOL_ERROR', (_, input) => {
    // FRM-10
    const t = server();
    t.receive(input);
    expect(t.sent()).toEqual(['GOAWAY 0 1 frame.stream-nonzero']);
  });

  test.each([
    ['RST_STREAM 3', frame(T.RST_STREAM, 0, 1, [0, 0, 0]), 'rst.length'],
    ['RST_STREAM 5', frame(T.RST_STREAM, 0, 1, [0, 0, 0, 0, 0]), 'rst.length'],
    ['PING 7', ping(EIGHT.slice(1)), 'ping.length'],
    ['PING 9', ping([...EIGHT, 9]), 'ping.length'],
    ['WINDOW_UPDATE 3', frame(T.WINDOW_UPDATE, 0, 0, [0, 0, 1]), 'window.length'],
    ['GOAWAY 7', frame(T.GOAWAY, 0, 0, EIGHT.slice(1)), 'goaway.length'],
  ])('%s octets is FRAME_SIZE_ERROR', (_, input, rule) => {
    // FRM-11, PNG-06
    const t = server();
    t.receive(headers(1, GET, F.END_HEADERS), input);
    expect(t.sent()).toEqual([`GOAWAY 1 6 ${rule}`]);
  });

  test('PRIORITY that is not 5 octets long is a stream error', () => {
    // FRM-11, PRI-09
    const t = server();
    t.receive(headers(1, GET, F.END_HEADERS), frame(T.PRIORITY, 0, 1, [0, 0, 0, 0]));
    expect(t.sent()).toEqual(['RST_STREAM 1 6']);
  });

  test('a stream that depends on itself is a stream error', () => {
    // PRI-09
    const t = server();
    t.receive(headers(1, GET, F.END_HEADERS), frame(T.PRIORITY, 0, 1, [0, 0, 0, 1, 0]));
    t.receive(frame(T.HEADERS, F.END_HEADERS | F.PRIORITY, 3, concat([0, 0, 0, 3, 0], block(GET))));
    expect(t.sent()).toEqual(['RST_STREAM 1 1', 'RST_STREAM 3 1']);
  });

  test.each([
    ['none', [0], 'abc', []],
    ['255', [255], 'abc', new Array(255).fill(0)],
  ])('padding %s on DATA and HEADERS', (_, length, body, padding) => {
    // FRM-07, FRM-08
    const t = server();
    t.receive(
      frame(T.HEADERS, F.END_HEADERS | F.PADDED, 1, concat(length, block(POST), padding)),
      frame(T.DATA, F.PADDED | F.END_STREAM, 1, concat(length, bytes(body), padding)),
    );
    expect(t.heard()).toEqual(['request 1 POST /', 'data 1 3 end']);
  });

  test.each([
    ['DATA, padding as long as the payload', frame(T.DATA, F.PADDED, 1, [3, 0, 0]), 1, 'frame.padding'],
    ['DATA, no pad length', frame(T.DATA, F.PADDED, 1), 6, 'frame.length'],
    ['HEADERS, padding longer than the payload', frame(T.HEADERS, F.PADDED | 4, 3, [9, 0x82]), 1, 'frame.padding'],
    ['HEADERS, no pad length', frame(T.HEADERS, F.PADDED | 4, 3), 6, 'frame.length'],
    ['HEADERS, no room for priority', frame(T.HEADERS, F.PRIORITY | 4, 3, [0, 0, 0, 0]), 6, 'frame.length'],
  ])('%s', (_, input, code, rule) => {
    // FRM-07
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS), input);
    expect(t.sent()).toEqual([`GOAWAY 1 ${code} ${rule}`]);
  });

  test('padding that fills the frame up to its pad length leaves empty data', () => {
    // FRM-07
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS), frame(T.DATA, F.PADDED | F.END_STREAM, 1, [2, 0, 0]));
    expect(t.heard()).toEqual(['request 1 POST /', 'data 1 0 end']);
  });

  test('unknown frame types and flags are ignored', () => {
    // FRM-13, FRM-14
    const t = server();
    t.receive(frame(0xee, 0xff, 0, [1]), frame(0xee, 0xff, 77, [1]), ping(EIGHT, 0xfe));
    expect(t.sent()).toEqual(['PING ACK']);
  });

  test('names of frames, codes and settings', () => {
    expect([frameTypeName(0), frameTypeName(0x10), frameTypeName(0x99)]).toEqual([
      'DATA',
      'PRIORITY_UPDATE',
      'UNKNOWN(0x99)',
    ]);
    expect([errorCodeName(8), errorCodeName(0xff)]).toEqual(['CANCEL', 'UNKNOWN(0xff)']);
    expect([settingName(4), settingName(0x99)]).toEqual(['INITIAL_WINDOW_SIZE', 'UNKNOWN(0x99)']);
  });
});

describe('RFC 9113 6.10 CONTINUATION', () => {
  const whole = block([...GET, ['x-long', 'v'.repeat(300)]]);

  test('a block split at every octet', () => {
    // CON-01, CON-02
    for (let at = 0; at <= whole.length; at++) {
      const t = server();
      t.receive(
        frame(T.HEADERS, F.END_STREAM, 1, whole.slice(0, at)),
        frame(T.CONTINUATION, F.END_HEADERS, 1, whole.slice(at)),
      );
      expect(t.heard()).toEqual(['request 1 GET / end']);
      expect(t.heads[0]?.fields).toEqual(['x-long', 'v'.repeat(300)]);
    }
  });

  test.each([
    ['DATA', data(1, 'x'), 'frame.interleaved'],
    ['HEADERS', headers(3, GET), 'frame.interleaved'],
    ['PING', ping(EIGHT), 'frame.interleaved'],
    ['SETTINGS', settings(), 'frame.interleaved'],
    ['an unknown type', frame(0xee, 0, 1), 'frame.interleaved'],
    ['CONTINUATION of another stream', frame(T.CONTINUATION, 4, 3), 'continuation.unexpected'],
  ])('%s in the middle is PROTOCOL_ERROR', (_, input, rule) => {
    // CON-03, CON-04
    const t = server();
    t.receive(frame(T.HEADERS, 0, 1, block(GET)), input);
    expect(t.sent()).toEqual([`GOAWAY 0 1 ${rule}`]);
  });

  test('without HEADERS, and after END_HEADERS', () => {
    // CON-05, CON-06, CON-07
    const alone = server();
    alone.receive(frame(T.CONTINUATION, 4, 1));
    expect(alone.sent()).toEqual(['GOAWAY 0 1 continuation.unexpected']);
    const after = server();
    after.receive(headers(1, GET), frame(T.CONTINUATION, 4, 1));
    expect(after.sent()).toEqual(['GOAWAY 1 1 continuation.unexpected']);
  });

  test('how many: at the limit, above it, counted anew for each block', () => {
    // CON-08, CON-09, CON-14, LIM-15
    const empty = (n: number, id: number): Uint8Array =>
      concat(
        frame(T.HEADERS, F.END_STREAM, id, block(GET)),
        ...Array.from({ length: n - 1 }, () => frame(T.CONTINUATION, 0, id)),
        frame(T.CONTINUATION, F.END_HEADERS, id),
      );
    const at = server();
    at.receive(empty(16, 1), empty(16, 3));
    expect(at.heard()).toEqual(['request 1 GET / end', 'request 3 GET / end']);
    const above = server();
    above.receive(empty(17, 1));
    expect(above.sent()).toEqual(['GOAWAY 0 11 continuation.too-many']);
  });

  test('the compressed block is bounded before it is decoded', () => {
    // LIM-15
    const t = server();
    t.receive(frame(T.HEADERS, 0, 1, block(GET)));
    const piece = new Uint8Array(16_384);
    for (let i = 0; i < 3; i++) t.receive(frame(T.CONTINUATION, 0, 1, piece));
    expect(t.connection.isClosed).toBe(false);
    t.receive(frame(T.CONTINUATION, 0, 1, piece));
    expect(t.sent()).toEqual(['GOAWAY 0 11 headers.too-large']);
  });

  test('begun and not finished in time', () => {
    // LIM-37
    const t = server();
    t.now = 100;
    t.receive(frame(T.HEADERS, 0, 1, block(GET)));
    expect(t.connection.nextTimeout()).toBe(10_100);
    t.connection.handleTimeout(10_100);
    expect(t.sent()).toEqual(['GOAWAY 0 11 continuation.timeout']);
  });

  test('a block longer than the peer takes in a frame leaves in pieces', () => {
    // CON-10
    const a = client();
    const b = server();
    const long = 'x'.repeat(50_000);
    a.connection.request({ ...get(), fields: ['x-long', long, 'x-end', '1'] }, true);
    const frames = a.frames();
    expect(frames.map(f => f.type)[0]).toBe(T.HEADERS);
    expect(frames.slice(1).every(f => f.type === T.CONTINUATION && f.payload.length <= 16_384)).toBe(true);
    expect(frames.length).toBeGreaterThan(2);
    b.receive(...frames.map(f => frame(f.type, f.flags, f.streamId, f.payload)));
    expect(b.heads[0]?.fields).toEqual(['x-long', long, 'x-end', '1']);
  });

  test('a malformed message keeps the table right for the next one', () => {
    // CON-13, HDR-22, RST-06
    const t = server();
    const indexed = (name: string, value: string): Uint8Array =>
      concat([0x40, name.length], bytes(name), [value.length], bytes(value));
    t.receive(frame(T.HEADERS, 5, 1, concat(block(GET), indexed('x-first', '1'), block([['Bad', 'x']]))));
    t.receive(frame(T.HEADERS, 5, 3, concat(block(GET), [0x80 | 62])));
    expect(t.sent()).toEqual(['RST_STREAM 1 1']);
    expect(t.heads[0]?.fields).toEqual(['x-first', '1']);
  });
});

describe('RFC 9113 6.7 PING and 6.8 GOAWAY', () => {
  test('PING is acknowledged with its payload, before queued data', () => {
    // PNG-01, PNG-02, SCH-09
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.sent();
    t.connection.write(t.stream(1), new Uint8Array(10_000), false);
    t.receive(ping(EIGHT));
    const frames = t.frames();
    expect(frames.map(f => f.type)).toEqual([T.PING, T.DATA]);
    expect([...(frames[0]?.payload ?? [])]).toEqual(EIGHT);
  });

  test('an acknowledgement nobody waits for is ignored, and never acknowledged', () => {
    // PNG-01, PNG-04
    const t = server();
    t.receive(ping(EIGHT, F.ACK));
    expect(t.sent()).toEqual([]);
    expect(t.heard()).toEqual(['pong 1,2,3,4,5,6,7,8']);
  });

  test('a flood of PINGs asks to pause, then ends the connection', () => {
    // LIM-21, PNG-07
    const t = server({ maxQueuedReplies: 10 });
    for (let i = 0; i < 9; i++) t.receive(ping(EIGHT));
    expect(t.connection.wantsPause).toBe(false);
    t.receive(ping(EIGHT));
    expect(t.connection.wantsPause).toBe(true);
    t.sent();
    expect(t.connection.wantsPause).toBe(false);
    for (let i = 0; i < 101; i++) t.receive(ping(EIGHT));
    expect(t.heard()).toEqual(['end ENHANCE_YOUR_CALM flood.replies']);
  });

  test('a client whose peer goes away: streams above the last one are retryable, those below go on', () => {
    // GOA-07, GOA-13, GOA-14, RTY-01
    const t = client();
    t.connection.request(get('/a'), true);
    t.connection.request(get('/b'), true);
    t.receive(goAway(1, 0, 'bye'));
    expect(t.heard()).toEqual(['goaway 1 0', 'reset 3 REFUSED_STREAM remote goaway.unprocessed', 'closed 3']);
    expect(t.connection.canOpen).toBe(false);
    t.receive(headers(1, [[':status', '200']]));
    expect(t.heard()).toEqual(['response 1 200 end', 'closed 1', 'end clean']);
  });

  test('GOAWAY may lower the last stream later but not raise it', () => {
    // GOA-09, GOA-10, RTY-04, RTY-05
    const t = client();
    t.connection.request(get('/a'), true);
    t.connection.request(get('/b'), true);
    t.receive(goAway(2 ** 31 - 1, 0));
    expect(t.heard()).toEqual(['goaway 2147483647 0']);
    t.receive(goAway(1, 0));
    expect(t.heard()).toContain('reset 3 REFUSED_STREAM remote goaway.unprocessed');
    t.receive(goAway(3, 0));
    expect(t.heard()).toContain('end PROTOCOL_ERROR goaway.last-id-increased');
  });

  test('graceful shutdown of a server: GOAWAY(2^31-1) and PING, GOAWAY(last), the end', () => {
    // GOA-01, GOA-02, GOA-03
    const t = server();
    t.receive(headers(1, GET));
    t.connection.shutdown();
    const first = t.frames();
    expect(first.map(f => f.type)).toEqual([T.GOAWAY, T.PING]);
    t.receive(headers(3, GET));
    t.receive(frame(T.PING, F.ACK, 0, first[1]?.payload ?? []));
    expect(t.sent()).toEqual(['GOAWAY 3 0']);
    t.receive(headers(5, GET));
    expect(t.sent()).toEqual(['RST_STREAM 5 7']);
    t.connection.respond(t.stream(1), 200, [], true);
    t.connection.respond(t.stream(3), 200, [], true);
    expect(t.heard().at(-1)).toBe('end clean');
    expect(t.sent()).toEqual(['HEADERS 1 END_STREAM', 'HEADERS 3 END_STREAM']);
  });

  test('a peer that does not answer the PING does not hold up the shutdown', () => {
    // GOA-20
    const t = server();
    t.now = 5;
    t.receive(headers(1, GET));
    t.connection.shutdown();
    t.sent();
    expect(t.connection.nextTimeout()).toBe(1005);
    t.connection.handleTimeout(1005);
    expect(t.sent()).toEqual(['GOAWAY 1 0']);
  });

  test('abrupt end: GOAWAY with code and debug data, every stream told once', () => {
    // GOA-05, GOA-16, GOA-22
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS), headers(3, GET));
    t.heard();
    t.connection.destroy(0xb, 'too much');
    t.connection.destroy(0xb, 'again');
    t.connection.shutdown();
    expect(t.sent()).toEqual(['GOAWAY 3 11 too much']);
    expect(t.heard()).toEqual([
      'reset 1 ENHANCE_YOUR_CALM user connection.destroyed',
      'closed 1',
      'reset 3 ENHANCE_YOUR_CALM user connection.destroyed',
      'closed 3',
      'end ENHANCE_YOUR_CALM connection.destroyed',
    ]);
  });

  test('after a fatal error input is ignored', () => {
    // FRM-19, LIM-39
    const t = server();
    t.receive(rst(0, 0), headers(1, GET), data(1, 'x'));
    t.receive(headers(3, GET));
    t.connection.handleTimeout(1e9);
    t.connection.receiveEnd(1e9);
    expect(t.heard()).toEqual(['end PROTOCOL_ERROR frame.stream-zero']);
    expect(t.sent()).toEqual(['GOAWAY 0 1 frame.stream-zero']);
  });

  test('idle for too long: NO_ERROR, a clean end', () => {
    // GOA-20, LIM-37
    const t = server({ idleTimeoutMs: 1000 });
    t.connection.handleTimeout(1000);
    expect(t.sent()).toEqual(['GOAWAY 0 0 idle.timeout']);
    expect(t.heard()).toEqual(['end clean']);
  });

  test('keepalive: PING after silence, the end without an answer', () => {
    // PNG-08, PNG-09
    const t = server({ keepaliveIntervalMs: 100, keepaliveTimeoutMs: 50, idleTimeoutMs: 0 });
    t.receive(headers(1, POST, F.END_HEADERS));
    expect(t.connection.nextTimeout()).toBe(100);
    t.connection.handleTimeout(100);
    const [sent] = t.frames();
    t.now = 120;
    t.receive(frame(T.PING, F.ACK, 0, sent?.payload ?? []));
    expect(t.connection.nextTimeout()).toBe(220);
    t.connection.handleTimeout(220);
    t.sent();
    t.connection.handleTimeout(270);
    expect(t.sent()).toEqual(['GOAWAY 1 0 keepalive.timeout']);
  });

  test('the end of the transport with streams open is an error for each', () => {
    // GOA-18, RTY-12
    const t = client();
    t.connection.request(get(), true);
    t.connection.receiveEnd(1);
    expect(t.heard()).toEqual([
      'reset 1 INTERNAL_ERROR remote transport.closed',
      'closed 1',
      'end INTERNAL_ERROR transport.closed',
    ]);
  });
});
