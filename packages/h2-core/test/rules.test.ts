/** Every rule of the registry is broken once: the table below does not compile without one, and says which scope it has. */
import { expect, test } from 'vitest';
import { type ConnectionOptions, RULES, type RuleId, type Tap } from '../src/index.ts';
import { client as clientOf, Endpoint, get, server as serverOf } from './support/endpoint.ts';
import {
  block,
  bytes,
  concat,
  continuation,
  data,
  F,
  type Fields,
  frame,
  GET,
  goAway,
  headers,
  POST,
  ping,
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
const CONNECT: Fields = [
  [':method', 'CONNECT'],
  [':authority', 'example.com:443'],
];
const promise = (parent: number, promised: number, fields: Fields = GET): Uint8Array =>
  frame(T.PUSH_PROMISE, F.END_HEADERS, parent, concat(u32(promised), block(fields)));
const update = (target: number, on = 0): Uint8Array => frame(0x10, 0, on, concat(u32(target), bytes('u=1')));
const big = (octets: number): Fields => [...GET, ['x', 'y'.repeat(octets)]];

/** What the tap was told of broken rules. */
let told: string[] = [];
const tap = new Proxy({} as Tap, {
  get: (_, name) => (name === 'onViolation' ? (rule: string, rfc: string) => told.push(`${rule} ${rfc}`) : () => {}),
});

const server = (options: Partial<ConnectionOptions> = {}, ...pairs: number[]): Endpoint =>
  serverOf({ tap, ...options }, ...pairs);
const client = (options: Partial<ConnectionOptions> = {}, ...pairs: number[]): Endpoint =>
  clientOf({ tap, ...options }, true, ...pairs);

/** A server that takes these octets. */
const serves = (...input: Uint8Array[]): Endpoint => server().receive(...input);
/** A client with a GET on stream 1 that takes these. */
function asks(...input: Uint8Array[]): Endpoint {
  const t = client();
  t.connection.request(get(), true);
  return t.receive(...input);
}
/** A server of which stream 1 wants to send `octets`. */
function sends(octets: number, ...pairs: number[]): Endpoint {
  const t = server({}, ...pairs).receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  t.connection.write(t.stream(1), new Uint8Array(octets), true);
  t.sent();
  return t;
}
/** The connection at a later time. */
function later(t: Endpoint, ...times: number[]): Endpoint {
  for (const at of times) {
    t.now = at;
    t.connection.takeOutput(0, at);
    t.connection.handleTimeout(at);
  }
  return t;
}
function repeat(t: Endpoint, count: number, ...input: Uint8Array[]): Endpoint {
  for (let i = 0; i < count; i++) t.receive(...input);
  return t;
}
/** Requests on new streams, each followed by what breaks it. */
function manyStreams(t: Endpoint, count: number, after: (id: number) => Uint8Array): Endpoint {
  for (let i = 0; i < count; i++) {
    t.receive(headers(i * 2 + 1, POST, OPEN), after(i * 2 + 1));
    if (i % 50 === 0 && !t.connection.isClosed) t.connection.takeOutput();
  }
  return t;
}
const request = (name: string, value: string): Endpoint => serves(headers(1, [...GET, [name, value]]));
const without = (name: string): Fields => GET.filter(([other]) => other !== name);
const posts = (length: string, ...body: Uint8Array[]): Endpoint =>
  serves(headers(1, [...POST, ['content-length', length]], OPEN), ...body);

/** C: ends the connection; S: ends a stream. */
const BROKEN: Readonly<Record<RuleId, readonly ['C' | 'S' | 'elsewhere', () => Endpoint]>> = {
  'preface.client': ['C', () => new Endpoint({ role: 'server', tap }).receive(bytes('GET / HTTP/1.1\r\n\r\n'))],
  'preface.http1': ['C', () => new Endpoint({ role: 'client', tap }).receive(bytes('HTTP/1.1 400 Bad\r\n'))],
  'preface.settings': ['C', () => new Endpoint({ role: 'server', tap }).receive(preface, ping(new Array(8).fill(0)))],
  'preface.timeout': ['C', () => later(new Endpoint({ role: 'server', tap, settingsAckTimeoutMs: 0 }), 10_000)],
  'frame.too-large': ['C', () => serves(frame(T.DATA, 0, 1, new Uint8Array(16_385)))],
  'frame.length': ['C', () => serves(frame(T.HEADERS, F.PADDED, 1))],
  'frame.padding': ['C', () => serves(headers(1, POST, OPEN), frame(T.DATA, F.PADDED, 1, [1]))],
  'frame.stream-zero': ['C', () => serves(data(0, 'x'))],
  'frame.stream-nonzero': ['C', () => serves(frame(T.PING, 0, 1, new Uint8Array(8)))],
  'frame.idle-stream': ['C', () => serves(data(1, 'x'))],
  'frame.interleaved': ['C', () => serves(frame(T.HEADERS, 0, 1, block(GET)), ping(new Array(8).fill(0)))],
  'continuation.unexpected': ['C', () => serves(continuation(1, []))],
  'continuation.too-many': ['C', () => repeat(serves(frame(T.HEADERS, 0, 1, block(GET))), 17, continuation(1, []))],
  'continuation.timeout': ['C', () => later(serves(frame(T.HEADERS, 0, 1, block(GET))), 10_000)],
  'hpack.block': ['C', () => serves(frame(T.HEADERS, OPEN, 1, [0x80]))],
  'headers.too-large': [
    'C',
    () => repeat(serves(frame(T.HEADERS, 0, 1, block(GET))), 5, continuation(1, new Uint8Array(16_000))),
  ],
  'headers.list-size': ['S', () => server({ maxHeaderListSize: 500 }).receive(headers(1, big(500)))],
  'headers.informational': [
    'S',
    () => {
      const t = client({ maxHeaderListSize: 1000 });
      t.connection.request(get(), true);
      return repeat(
        t,
        3,
        headers(
          1,
          [
            [':status', '103'],
            ['link', 'x'.repeat(400)],
          ],
          OPEN,
        ),
      );
    },
  ],
  'headers.memory': ['S', () => server({ maxHeaderMemory: 1000 }).receive(headers(1, big(500)), headers(3, big(500)))],
  'stream.id-parity': ['C', () => serves(headers(2, GET))],
  'stream.id-reused': ['C', () => serves(headers(3, POST, OPEN), headers(1, GET))],
  'stream.closed': ['S', () => serves(headers(1, POST, OPEN), rst(1, 8), data(1, 'x'))],
  'stream.half-closed': ['S', () => serves(headers(1, GET), data(1, 'x'))],
  'stream.state': ['C', () => asks(promise(1, 2), data(2, 'x'))],
  'stream.refused': ['S', () => server({ maxConcurrentStreams: 0 }).receive(headers(1, GET))],
  'stream.going-away': [
    'S',
    () => {
      const t = serves(headers(1, POST, OPEN));
      t.connection.shutdown();
      later(t, 0, 2000);
      return t.receive(headers(3, GET));
    },
  ],
  'priority.self': ['S', () => serves(headers(1, POST, OPEN), frame(T.PRIORITY, 0, 1, [0, 0, 0, 1, 0]))],
  'priority.length': ['S', () => serves(headers(1, POST, OPEN), frame(T.PRIORITY, 0, 1, [0]))],
  'priority-update.length': ['C', () => serves(frame(0x10, 0, 0, [0]))],
  'priority-update.stream': ['C', () => serves(update(0))],
  'priority-update.limit': ['C', () => server({ maxConcurrentStreams: 1 }).receive(update(1), update(3))],
  'rst.length': ['C', () => serves(headers(1, GET), frame(T.RST_STREAM, 0, 1, [0]))],
  'settings.length': ['C', () => serves(frame(T.SETTINGS, 0, 0, [0]))],
  'settings.ack-length': ['C', () => serves(frame(T.SETTINGS, F.ACK, 0, new Uint8Array(6)))],
  'settings.ack-unexpected': ['C', () => serves(settingsAck)],
  'settings.too-many': ['C', () => serves(frame(T.SETTINGS, 0, 0, new Uint8Array(6 * 33)))],
  'settings.timeout': ['C', () => later(new Endpoint({ role: 'server', tap }).receive(preface, settings()), 0, 10_000)],
  'settings.enable-push': ['C', () => serves(settings(S.ENABLE_PUSH, 2))],
  'settings.enable-push-server': ['C', () => asks(settings(S.ENABLE_PUSH, 1))],
  'settings.initial-window-size': ['C', () => serves(settings(S.INITIAL_WINDOW_SIZE, 2 ** 31))],
  'settings.window-overflow': [
    'C',
    () => serves(headers(1, POST, OPEN), windowUpdate(1, 1), settings(S.INITIAL_WINDOW_SIZE, 2 ** 31 - 1)),
  ],
  'settings.frame-size': ['C', () => serves(settings(S.MAX_FRAME_SIZE, 0))],
  'settings.connect-protocol': ['C', () => asks(settings(8, 2))],
  'settings.connect-protocol-revoked': ['C', () => asks(settings(8, 1), settings(8, 0))],
  'settings.no-rfc7540': ['C', () => serves(settings(9, 2))],
  'settings.no-rfc7540-changed': ['C', () => serves(settings(9, 1))],
  'push.disabled': [
    'C',
    () => {
      const t = clientOf({ tap });
      t.connection.request(get(), true);
      return t.receive(promise(1, 2));
    },
  ],
  'push.from-client': ['C', () => serves(headers(1, GET), promise(1, 2))],
  'push.parent': ['C', () => asks(promise(3, 2))],
  'push.id': ['C', () => asks(promise(1, 3))],
  'push.request': ['S', () => asks(promise(1, 2, POST))],
  'push.too-many': ['S', () => asks(...Array.from({ length: 101 }, (_, i) => promise(1, i * 2 + 2)))],
  'ping.length': ['C', () => serves(ping([0]))],
  'goaway.length': ['C', () => serves(frame(T.GOAWAY, 0, 0, [0]))],
  'goaway.last-id-increased': ['C', () => asks(goAway(1, 0), goAway(3, 0))],
  'window.length': ['C', () => serves(frame(T.WINDOW_UPDATE, 0, 0, [0]))],
  'window.zero': ['S', () => serves(headers(1, POST, OPEN), windowUpdate(1, 0))],
  'window.overflow': ['S', () => serves(headers(1, POST, OPEN), windowUpdate(1, 2 ** 31 - 1))],
  'window.exceeded': ['S', () => server({ initialWindowSize: 1 }).receive(headers(1, POST, OPEN), data(1, 'two'))],
  'field.name': ['S', () => request('Upper', 'x')],
  'field.value': ['S', () => request('x', 'a\nb')],
  'field.connection-specific': ['S', () => request('connection', 'close')],
  'field.te': ['S', () => request('te', 'gzip')],
  'pseudo.value': ['S', () => serves(headers(1, [...without(':path'), [':path', 'x']]))],
  'pseudo.unknown': ['S', () => serves(headers(1, [...GET, [':status', '200']]))],
  'pseudo.late': ['S', () => serves(headers(1, [['x', 'y'], ...GET]))],
  'pseudo.duplicate': ['S', () => serves(headers(1, [...GET, [':path', '/']]))],
  'pseudo.missing': ['S', () => serves(headers(1, without(':path')))],
  'pseudo.trailers': ['S', () => serves(headers(1, POST, OPEN), headers(1, [[':path', '/']]))],
  'connect.fields': ['S', () => serves(headers(1, [[':method', 'CONNECT'], ...without(':method')]))],
  'connect.trailers': ['S', () => serves(headers(1, CONNECT, OPEN), headers(1, [['x', 'y']]))],
  'connect.protocol': ['S', () => serves(headers(1, [...GET, [':protocol', 'websocket']]))],
  'host.mismatch': ['S', () => request('host', 'elsewhere.example')],
  'content-length.value': ['S', () => posts('many')],
  'content-length.mismatch': ['S', () => posts('2', data(1, 'x', F.END_STREAM))],
  'trailers.end-stream': ['S', () => serves(headers(1, POST, OPEN), headers(1, [['x', 'y']], OPEN))],
  'status.informational-end': ['S', () => asks(headers(1, [[':status', '103']]))],
  'status.switching': ['S', () => asks(headers(1, [[':status', '101']], OPEN))],
  'data.before-headers': ['S', () => asks(data(1, 'x'))],
  'data.head': ['S', () => asks(headers(1, [[':status', '204']], OPEN), data(1, 'x'))],
  'flood.resets': ['C', () => manyStreams(server(), 4000, id => rst(id, 8))],
  'flood.stream-errors': ['C', () => manyStreams(server({ earlyResetPauseMs: 0 }), 2000, id => windowUpdate(id, 0))],
  // It takes requests that wait for `accept`, which the async API has: session-server.test.ts.
  'accept.resets': ['elsewhere', () => server()],
  'flood.oddities': ['C', () => repeat(serves(headers(1, POST, OPEN)), 1001, frame(0xbb, 0, 1))],
  'flood.empty-data': ['C', () => repeat(serves(headers(1, POST, OPEN)), 101, data(1, ''))],
  'flood.small-data': ['C', () => repeat(serves(headers(1, POST, OPEN)), 3000, data(1, 'x'))],
  'flood.settings': ['C', () => repeat(server({ settingsWorkBurst: 10 }), 11, settings())],
  'write.stalled': ['S', () => later(sends(10_000, S.INITIAL_WINDOW_SIZE, 0), 5000, 10_000, 40_000)],
  'flood.replies': ['C', () => repeat(server({ maxQueuedReplies: 1 }), 11, ping(new Array(8).fill(0)))],
  'keepalive.timeout': [
    'C',
    () =>
      later(
        server({ keepaliveIntervalMs: 1000, keepaliveTimeoutMs: 1000, writeStallTimeoutMs: 0 }).receive(
          headers(1, GET),
        ),
        1000,
        1001,
        3000,
      ),
  ],
  // A clean end: below.
  'idle.timeout': ['elsewhere', () => server()],
  // There is nobody left to send anything to: below.
  'transport.closed': ['elsewhere', () => serves(headers(1, GET))],
};

test.each(Object.entries(BROKEN))('%s', (rule, [scope, breakIt]) => {
  // TRC-04
  told = [];
  const t = breakIt();
  const { code, rfc } = RULES[rule as RuleId];
  const sent = t.sent();
  if (scope === 'elsewhere') {
    expect(told).toEqual([]);
    return;
  }
  expect(told.at(-1)).toBe(`${rule} ${rfc}`);
  if (scope === 'C') {
    expect(sent.at(-1)).toMatch(new RegExp(`^GOAWAY \\d+ ${code} ${rule}$`));
    expect(t.connection.isClosed).toBe(true);
    expect(t.connection.error?.rule).toBe(rule);
    expect(t.connection.error?.scope).toBe('connection');
  } else {
    expect(sent.at(-1)).toMatch(new RegExp(`^RST_STREAM \\d+ ${code}$`));
    expect(t.connection.error).toBe(null);
  }
});

test('the rules that are broken elsewhere are', () => {
  const idle = later(serverOf(), 0, 180_000);
  expect(idle.sent()).toEqual(['GOAWAY 0 0 idle.timeout']);
  const lost = serverOf().receive(headers(1, GET));
  lost.connection.receiveEnd(1);
  expect(lost.connection.error?.rule).toBe('transport.closed');
});
