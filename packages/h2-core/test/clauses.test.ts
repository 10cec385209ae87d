/** Clauses of RFC 9113 that a server seen from outside does not show: the client's side, tunnels, promises, guards. */
import { describe, expect, test } from 'vitest';
import { Connection, Direction, type Stream, StreamState, type Tap } from '../src/index.ts';
import { auditConnection } from '../src/testing/index.ts';
import { client, Endpoint, get, server } from './support/endpoint.ts';
import {
  block,
  concat,
  data,
  E,
  F,
  type Fields,
  frame,
  GET,
  goAway,
  headers,
  POST,
  preface,
  rst,
  S,
  settings,
  settingsAck,
  T,
  u32,
  windowUpdate,
} from './support/frames.ts';

const OPEN = F.END_HEADERS;
const OK: Fields = [[':status', '200']];
const promise = (parent: number, promised: number, fields: Fields = GET): Uint8Array =>
  frame(T.PUSH_PROMISE, F.END_HEADERS, parent, concat(u32(promised), block(fields)));

describe('RFC 9113 8.5 tunnels', () => {
  const CONNECT: Fields = [
    [':method', 'CONNECT'],
    [':authority', 'example.com:443'],
  ];

  test('a field section on a tunnel is a stream error, for a server', () => {
    const t = server();
    t.receive(headers(1, CONNECT, OPEN));
    t.connection.respond(t.stream(1), 200, [], false);
    t.sent();
    t.receive(headers(1, [['x', 'y']]));
    expect(t.sent()).toEqual(['RST_STREAM 1 1']);
    expect(t.heard()).toContain('reset 1 PROTOCOL_ERROR library connect.trailers');
  });

  test('... and for a client, but not when the tunnel was refused', () => {
    const t = client();
    const head = { ...get(), method: 'CONNECT', scheme: '', path: '', authority: 'example.com:443' };
    t.connection.request(head, false);
    t.connection.request(head, false);
    t.sent();
    t.receive(headers(1, OK, OPEN), headers(1, [['x', 'y']]));
    t.receive(headers(3, [[':status', '403']], OPEN), headers(3, [['x', 'y']]));
    expect(t.sent()).toEqual(['RST_STREAM 1 1']);
    expect(t.heard()).toContain('trailers 3 x=y');
  });

  test('content-length of CONNECT says nothing about the octets of the tunnel', () => {
    const t = server();
    t.receive(headers(1, [...CONNECT, ['content-length', '0']], OPEN), data(1, 'hello'));
    expect(t.sent()).toEqual([]);
    expect(t.heard()).toContain('data 1 5');
  });
});

describe('RFC 9113 6.6, 8.4 promises', () => {
  function pushClient(options = {}): Endpoint {
    const t = client(options, true);
    t.connection.request(get(), true);
    t.sent();
    return t;
  }

  test('a promise on a promised stream is PROTOCOL_ERROR', () => {
    const t = pushClient();
    t.receive(promise(1, 2), headers(2, OK, OPEN), promise(2, 4));
    expect(t.sent()).toEqual(['GOAWAY 2 1 push.parent']);
  });

  test('a server makes none there either, nor unsafe ones', () => {
    const t = server();
    t.receive(headers(1, GET));
    const promised = t.connection.push(t.stream(1), get('/a'));
    t.connection.respond(promised, 200, [], false);
    expect(() => t.connection.push(promised, get('/b'))).toThrow(/cannot carry a promise/);
    expect(() => t.connection.push(t.stream(1), { ...get(), method: 'POST' })).toThrow(/not pushed/);
    expect(() => t.connection.push(t.stream(1), { ...get(), authority: '' })).toThrow(/authority/);
    auditConnection(t.connection);
  });

  test('5.1.2: responses to promises above our MAX_CONCURRENT_STREAMS are refused', () => {
    const t = pushClient({ maxConcurrentStreams: 1 });
    t.receive(promise(1, 2), promise(1, 4), headers(2, OK, OPEN), headers(4, OK, OPEN));
    expect(t.sent()).toEqual(['RST_STREAM 4 7']);
    t.receive(promise(1, 6), data(2, 'x', F.END_STREAM), headers(6, OK));
    expect(t.sent()).toEqual([]);
    auditConnection(t.connection);
  });

  test('5.1.2: no more promises than the client takes responses to them at once', () => {
    const t = server({}, S.MAX_CONCURRENT_STREAMS, 2);
    t.receive(headers(1, GET), headers(3, GET));
    const promised = [0, 1].map(() => t.connection.push(t.stream(1), get('/a')));
    expect(() => t.connection.push(t.stream(1), get('/b'))).toThrow(/no more pushed streams/);
    for (const stream of promised) t.connection.respond(stream, 200, [], false);
    expect(() => t.connection.push(t.stream(1), get('/b'))).toThrow(/no more pushed streams/);
    t.connection.reset(promised[0] as Stream, 8);
    t.connection.push(t.stream(1), get('/b'));
    auditConnection(t.connection);
  });

  test('6.8: after our GOAWAY promises are refused', () => {
    const t = pushClient();
    t.connection.shutdown();
    t.receive(promise(1, 2));
    expect(t.sent()).toEqual(['GOAWAY 0 0', 'RST_STREAM 2 7']);
    expect(t.heard()).not.toContain('push 1 2 /');
    t.receive(headers(1, OK));
    expect(t.connection.isClosed).toBe(true);
  });

  test('5.1: an informational response already makes the promised stream half-closed', () => {
    const t = pushClient();
    t.receive(promise(1, 2), headers(2, [[':status', '103']], OPEN));
    expect(t.connection.stream(2)?.state).toBe(StreamState.HALF_CLOSED_LOCAL);
    auditConnection(t.connection);
    t.receive(headers(2, OK));
    auditConnection(t.connection);

    const s = server();
    s.receive(headers(1, GET));
    const promised = s.connection.push(s.stream(1), get('/a'));
    s.connection.inform(promised, 103, []);
    expect(promised.state).toBe(StreamState.HALF_CLOSED_REMOTE);
    s.connection.respond(promised, 200, [], true);
    auditConnection(s.connection);
  });

  test('a client does not respond, not even to what was promised', () => {
    const t = pushClient();
    t.receive(promise(1, 2));
    const promised = t.connection.stream(2) as Stream;
    expect(() => t.connection.respond(promised, 200, [], true)).toThrow(/does not respond/);
    expect(() => t.connection.inform(promised, 103, [])).toThrow(/does not respond/);
  });
});

test('7540 3.2.1: a stream limit in HTTP2-Settings holds on when the client’s SETTINGS do not name it', () => {
  const t = new Endpoint({ role: 'server' });
  t.connection.acceptUpgrade(Uint8Array.from([0, 3, 0, 0, 0, 5]), get());
  t.receive(preface, settings(S.INITIAL_WINDOW_SIZE, 1000));
  expect(t.connection.remoteSettings.maxConcurrentStreams).toBe(5);
});

test('7540 3.2.1: HTTP2-Settings that break a rule end the connection, and whoever moves the octets hears of it', () => {
  const t = new Endpoint({ role: 'server' });
  t.sent();
  let woken = 0;
  t.connection.wake = () => woken++;
  t.connection.acceptUpgrade(Uint8Array.from([0, 5, 0, 0, 0, 5]), get());
  expect(woken).toBe(1);
  expect(t.sent()).toEqual(['GOAWAY 0 1 settings.frame-size']);
});

test('8.3.1: Host and :authority are compared with the default port of the scheme left out', () => {
  const request = (scheme: string, host: string): Fields => [
    [':method', 'GET'],
    [':scheme', scheme],
    [':authority', 'Example.com'],
    [':path', '/'],
    ['host', host],
  ];
  const t = server();
  t.receive(headers(1, request('http', 'example.com:80')), headers(3, request('https', 'example.com:443')));
  expect(t.sent()).toEqual([]);
  t.receive(headers(5, request('http', 'example.com:443')), headers(7, request('https', 'example.com:80')));
  expect(t.sent()).toEqual(['RST_STREAM 5 1', 'RST_STREAM 7 1']);
});

test('6.5.2: SETTINGS that a peer would have to refuse are the mistake of the caller', () => {
  const t = server();
  const bad = [
    [S.INITIAL_WINDOW_SIZE, 2 ** 31],
    [S.MAX_FRAME_SIZE, 16_383],
    [S.ENABLE_PUSH, 1],
    [S.MAX_CONCURRENT_STREAMS, -1],
    [S.MAX_CONCURRENT_STREAMS, 2 ** 32],
    [70_000, 1],
  ];
  for (const pair of bad) expect(() => t.connection.updateSettings(pair)).toThrow(/cannot be/);
  expect(t.sent()).toEqual([]);
});

test('4.2: a smaller MAX_FRAME_SIZE holds once it is acknowledged, a larger one at once', () => {
  const t = server({ maxFrameSize: 40_000 });
  t.receive(headers(1, POST, OPEN));
  t.connection.updateSettings([S.MAX_FRAME_SIZE, 20_000]);
  t.connection.updateSettings([S.MAX_FRAME_SIZE, 30_000]);
  t.receive(data(1, new Uint8Array(40_000)), settingsAck, data(1, new Uint8Array(30_000)));
  expect(t.connection.error).toBe(null);
  t.receive(settingsAck, data(1, new Uint8Array(30_001)));
  expect(t.connection.error?.rule).toBe('frame.too-large');
});

test('6.8: debug data is cut to what fits any frame', () => {
  const t = server();
  t.connection.destroy(E.INTERNAL_ERROR, 'x'.repeat(100_000));
  expect(t.frames()[0]?.payload.length).toBe(8 + 1024);
});

test('requests that wait for a slot: one may give up others when it hears of its end', () => {
  const t = client({}, false, S.MAX_CONCURRENT_STREAMS, 1);
  const waiting = [0, 1, 2, 3].map(() => t.connection.request(get(), true));
  t.sent();
  const { onReset } = t.on;
  expect(onReset).toBeUndefined();
  const closed: number[] = [];
  const handler = (t.connection as unknown as { core: { handler: Record<string, unknown> } }).core.handler;
  handler['onReset'] = () => {
    for (const stream of waiting) t.connection.reset(stream, 8);
  };
  handler['onStreamClosed'] = (stream: Stream) => closed.push(waiting.indexOf(stream));
  t.receive(goAway(1, 0));
  expect(closed.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
});

test('a request that waits for a slot and has no body takes none', () => {
  const t = client({}, false, S.MAX_CONCURRENT_STREAMS, 1);
  t.connection.request(get(), true);
  const waiting = t.connection.request(get(), true);
  t.sent();
  expect(() => t.connection.write(waiting, new Uint8Array(1), false)).toThrow(/has ended/);
  expect(() => t.connection.trailers(waiting, [])).toThrow(/has ended/);
  t.receive(headers(1, OK));
  expect(t.sent()).toEqual(['HEADERS 3 END_STREAM']);
});

test('RFC 8336 2.1, RFC 7838 4: a server ignores ORIGIN and ALTSVC, malformed or not', () => {
  const t = server();
  t.receive(frame(0x0c, 0, 0, [0, 9, 1]), frame(0x0a, 0, 0, [0]), frame(0x0a, 0, 0, [0, 9, 1]));
  expect(t.sent()).toEqual([]);
});

test('onWritable does not come for a stream that has ended in the same cut', () => {
  const t = server({ maxSendBufferSize: 1000 });
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  expect(t.connection.write(t.stream(1), new Uint8Array(8000), false)).toBe(false);
  t.connection.trailers(t.stream(1), ['x', 'y']);
  t.sent();
  expect(t.heard()).toEqual(['request 1 GET / end', 'closed 1']);
});

test('a handler that throws while output is taken ends the connection, which stays usable for its GOAWAY', () => {
  const t = server({ maxSendBufferSize: 1000 });
  t.on.onWritable = () => {
    throw new Error('a defect of the program');
  };
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  t.connection.write(t.stream(1), new Uint8Array(8000), false);
  expect(() => t.connection.takeOutput()).toThrow('a defect of the program');
  expect(t.sent().at(-1)).toBe('GOAWAY 1 2 handler failed');
  t.receive(headers(3, GET));
  expect(t.heard()).toContain('end INTERNAL_ERROR connection.destroyed');
});

describe('guards and legitimate traffic', () => {
  test('a client that grants windows for responses that have ended is no flood', () => {
    // 3000 responses of 8 KiB in no time, each answered by a grant per 4 KiB when the stream is over.
    const t = server({}, S.INITIAL_WINDOW_SIZE, 1_000_000);
    t.receive(windowUpdate(0, 100_000_000));
    for (let id = 1; id < 6000; id += 2) {
      t.receive(headers(id, GET));
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(8192), true);
      t.frames();
      t.receive(windowUpdate(id, 4096), windowUpdate(id, 4096));
    }
    expect(t.connection.error).toBe(null);
  });

  test('grants that nothing was sent for still are', () => {
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 204, [], true);
    for (let i = 0; i < 1001; i++) t.receive(windowUpdate(1, 1));
    expect(t.connection.error?.rule).toBe('flood.oddities');
  });

  test('PRIORITY or an unknown frame with each of very many requests is none', () => {
    const t = server();
    for (let id = 1; id < 8000; id += 2) {
      t.receive(frame(T.PRIORITY, 0, id, [0, 0, 0, 0, 15]), headers(id, GET), frame(0xbb, 0, id, []));
      t.connection.respond(t.stream(id), 204, [], true);
      t.frames();
    }
    expect(t.connection.error).toBe(null);
  });

  test('resets that cross the end of their streams are none, resets of what ended long ago are', () => {
    const t = server();
    for (let id = 1; id < 8000; id += 2) {
      t.receive(headers(id, GET));
      t.connection.respond(t.stream(id), 204, [], true);
      t.frames();
      t.receive(rst(id, 8));
    }
    expect(t.connection.error).toBe(null);
    for (let i = 0; i < 1001; i++) t.receive(rst(1, 8));
    expect(t.connection.error?.rule).toBe('flood.oddities');
  });

  test('GOAWAY again and again is a flood', () => {
    const t = server();
    t.receive(headers(1, POST, OPEN));
    for (let i = 0; i < 1001; i++) t.receive(goAway(0, 0));
    expect(t.connection.error).toBe(null);
    t.receive(goAway(0, 0));
    expect(t.connection.error?.rule).toBe('flood.oddities');
  });

  test('a stream that waits its turn behind others on a full transport is not stalled', () => {
    const t = server({}, S.INITIAL_WINDOW_SIZE, 10_000_000);
    t.receive(windowUpdate(0, 100_000_000));
    // Not incremental: the first one goes on until it is done (RFC 9218 4.2).
    for (const id of [1, 3]) {
      t.receive(headers(id, [...GET, ['priority', 'u=3']]));
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(4_000_000), true);
    }
    t.connection.noteTransport(false);
    for (t.now = 0; t.now < 100_000; t.now += 1000) {
      t.connection.takeOutput(16_384, t.now);
      t.connection.handleTimeout(t.now);
    }
    expect(t.connection.error).toBe(null);
    expect(t.stream(3).bufferedBytes).toBe(4_000_000);
  });

  test('a stream without window is reset alone even while the transport is full', () => {
    const t = server({}, S.INITIAL_WINDOW_SIZE, 0);
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.connection.write(t.stream(1), new Uint8Array(10), true);
    t.connection.noteTransport(false);
    for (t.now = 0; t.now < 60_000; t.now += 1000) t.connection.handleTimeout(t.now);
    expect(t.heard()).toContain('reset 1 ENHANCE_YOUR_CALM library write.stalled');
    expect(t.connection.error).toBe(null);
  });

  test('keepalive: octets of a long response are a sign of life, though the answer stands behind them', () => {
    const t = client({
      keepaliveIntervalMs: 1000,
      keepaliveTimeoutMs: 1000,
      idleTimeoutMs: 0,
      settingsAckTimeoutMs: 0,
    });
    t.connection.request(get(), true);
    t.receive(headers(1, OK, OPEN));
    for (t.now = 0; t.now < 10_000; t.now += 500) {
      t.connection.handleTimeout(t.now);
      t.connection.takeOutput(undefined, t.now);
      if (t.now >= 1500) t.receive(data(1, 'x'));
    }
    expect(t.connection.error).toBe(null);
    for (; t.now < 13_000; t.now += 500) {
      t.connection.handleTimeout(t.now);
      t.connection.takeOutput(undefined, t.now);
    }
    expect(t.connection.error?.rule).toBe('keepalive.timeout');
  });

  test('a program that resets many streams at once does not flood itself', () => {
    const t = server({ maxConcurrentStreams: 11_000 });
    for (let id = 1; id < 22_000; id += 2) t.receive(headers(id, POST, OPEN));
    for (let id = 1; id < 22_000; id += 2) t.connection.reset(t.stream(id), 8);
    expect(t.connection.wantsPause).toBe(false);
    t.receive(headers(30_001, GET));
    expect(t.connection.error).toBe(null);
  });
});

describe('the tap', () => {
  /** A tap that notes frames as `in|out type stream aux`. */
  function tapped(notes: string[]): Tap {
    const nothing = (): void => {};
    return {
      onFrame: (direction, type, _flags, streamId, _length, _connection, _stream, aux) => {
        notes.push(`${direction === Direction.IN ? 'in' : 'out'} ${type} ${streamId} ${aux}`);
      },
      onFieldSectionStart: nothing,
      onField: nothing,
      onFieldSectionEnd: nothing,
      onTableInsert: nothing,
      onTableEvict: nothing,
      onTableResize: nothing,
      onStreamState: nothing,
      onSettings: nothing,
      onSendBlocked: nothing,
      onReceiveWithheld: nothing,
      onTransport: nothing,
      onViolation: nothing,
      onReset: nothing,
      onGoAway: nothing,
    };
  }

  test('hears of a frame before it hears of what it brings about', () => {
    const notes: string[] = [];
    const t = server({ tap: tapped(notes) });
    notes.length = 0;
    t.receive(headers(1, POST, OPEN), frame(T.PRIORITY, 0, 1, [0, 0, 0, 1, 0]), rst(1, 8), windowUpdate(0, 5));
    expect(notes).toEqual(['in 1 1 0', 'in 2 1 0', 'out 3 1 1', 'in 3 1 8', 'in 8 0 5']);
  });

  test.each([
    ['a PING of 3 octets', frame(T.PING, 0, 0, [1, 2, 3]), 'in 6 0 0'],
    ['RST_STREAM on an idle stream', rst(1, 0), 'in 3 1 0'],
    ['HEADERS that do not decode', frame(T.HEADERS, OPEN, 1, [0x80]), 'in 1 1 0'],
    ['SETTINGS of 5 octets', frame(T.SETTINGS, 0, 0, [0, 1, 0, 0, 0]), 'in 4 0 1'],
    ['DATA on stream 0', data(0, 'x'), 'in 0 0 0'],
    ['DATA on an idle stream', data(1, 'x'), 'in 0 1 0'],
    ['CONTINUATION without HEADERS', frame(T.CONTINUATION, 0, 1, []), 'in 9 1 0'],
  ])('hears once of the frame that ends the connection: %s', (_, input, note) => {
    const notes: string[] = [];
    const t = server({ tap: tapped(notes) });
    notes.length = 0;
    t.receive(input);
    const code = t.connection.error?.code;
    expect(notes).toEqual([note, `out 7 0 ${code}`]);
  });

  test('is told a promised stream’s whole number', () => {
    const notes: string[] = [];
    const t = server({ tap: tapped(notes) });
    t.receive(headers(1, GET));
    const { registry } = (t.connection as unknown as { core: { registry: { nextLocalId: number } } }).core;
    registry.nextLocalId = 70_000;
    notes.length = 0;
    t.connection.push(t.stream(1), get());
    t.connection.push(t.stream(1), { ...get(), fields: ['x-long', 'y'.repeat(40_000)] });
    expect(notes).toEqual(['out 5 1 70000', 'out 5 1 70002', 'out 9 1 0', 'out 9 1 0']);
  });
});

test('a Connection of either role can be made and ended without a word', () => {
  for (const role of ['server', 'client'] as const) {
    const connection = new Connection({ role, handler: {} }, 0);
    connection.receive(concat(role === 'server' ? preface : new Uint8Array(), settings(), settingsAck), 1);
    connection.receiveEnd(2);
    expect(connection.error).toBe(null);
    auditConnection(connection);
  }
});
