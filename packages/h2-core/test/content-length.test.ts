// RFC 9113 8.1.1 for what a program sends: the length it announces binds it, and no peer sees another.
import { beforeEach, describe, expect, test } from 'vitest';
import { type Connection, ErrorCode, type FieldList, type Stream, UsageError } from '../src/index.ts';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import { concat, F, GET, headers, settings, settingsAck, windowUpdate } from './support/frames.ts';
import { inMemory, next } from './support/session.ts';

const octets = (count: number): Uint8Array => new Uint8Array(count);
const LENGTH: FieldList = ['content-length', '10'];
const HEAD = GET.map(([name, value]) => [name, name === ':method' ? 'HEAD' : value] as const);

interface Sender {
  readonly endpoint: Endpoint;
  readonly connection: Connection;
  readonly stream: Stream;
}

function asServer(): Sender {
  const endpoint = server();
  endpoint.receive(headers(1, GET));
  endpoint.connection.respond(endpoint.stream(1), 200, LENGTH, false);
  endpoint.heard();
  return { endpoint, connection: endpoint.connection, stream: endpoint.stream(1) };
}

function asClient(): Sender {
  const endpoint = client();
  const stream = endpoint.connection.request({ ...get(), method: 'POST', fields: LENGTH }, false);
  return { endpoint, connection: endpoint.connection, stream };
}

describe.each([
  ['a server', asServer],
  ['a client', asClient],
])('%s that announces 10 octets', (_, make) => {
  let sender: Sender;
  beforeEach(() => {
    sender = make();
    sender.endpoint.sent();
  });

  // API-01, API-02, SWN-24
  test('may send 10, in any pieces', () => {
    const { endpoint, connection, stream } = sender;
    for (const size of [3, 0, 7]) connection.write(stream, octets(size), false);
    connection.write(stream, octets(0), true);
    expect(endpoint.sent().at(-1)).toBe('DATA 1 0 END_STREAM');
  });

  test('cannot send more: the write is refused and changes nothing', () => {
    const { endpoint, connection, stream } = sender;
    connection.write(stream, octets(8), false);
    expect(() => connection.write(stream, octets(3), true)).toThrow(/content-length is 10/);
    expect(() => connection.write(stream, octets(100_000), false)).toThrow(UsageError);
    connection.write(stream, octets(2), true);
    expect(endpoint.sent()).toEqual(['DATA 1 8', 'DATA 1 2 END_STREAM']);
    expect(endpoint.heard()).not.toContain('reset 1');
  });

  test.each([
    ['an end', (c: Connection, s: Stream) => c.write(s, octets(1), true)],
    ['trailers', (c: Connection, s: Stream) => c.trailers(s, ['x-sum', '1'])],
  ])('cannot send less: %s too early resets the stream', (_what, end) => {
    const { endpoint, connection, stream } = sender;
    connection.write(stream, octets(8), false);
    expect(() => end(connection, stream)).toThrow(UsageError);
    expect(endpoint.sent()).toEqual(['DATA 1 8', `RST_STREAM 1 ${ErrorCode.INTERNAL_ERROR}`]);
    expect(endpoint.heard()).toEqual(['reset 1 INTERNAL_ERROR user content-length.unmet', 'closed 1']);
    // It is over: nothing more happens.
    connection.write(stream, octets(50), true);
    expect(endpoint.sent()).toEqual([]);
  });
});

test('a length that is none, or stands twice, or goes with no body at all, is refused before anything is sent', () => {
  const t = server();
  t.receive(headers(1, GET));
  const { connection } = t;
  for (const [fields, end] of [
    [['content-length', 'x'], false],
    [['content-length', ''], false],
    [['content-length', '+1'], false],
    [['content-length', '1', 'content-length', '2'], false],
    [['content-length', '1'], true],
  ] as const) {
    expect(() => connection.respond(t.stream(1), 200, fields, end)).toThrow(UsageError);
  }
  connection.respond(t.stream(1), 200, ['content-length', '1', 'content-length', '1'], false);
  connection.write(t.stream(1), octets(1), true);
  expect(t.sent()).toEqual(['HEADERS 1', 'DATA 1 1 END_STREAM']);
});

test('9110 6.4.1: the length of a response to HEAD, of 304 and of a tunnel is not about octets that follow', () => {
  const t = server({ enableConnectProtocol: true });
  t.receive(headers(1, HEAD), headers(3, GET));
  t.connection.respond(t.stream(1), 200, LENGTH, true);
  t.connection.respond(t.stream(3), 304, LENGTH, true);
  t.receive(
    headers(
      5,
      [
        [':method', 'CONNECT'],
        [':authority', 'a.example:1'],
      ],
      F.END_HEADERS,
    ),
  );
  t.connection.respond(t.stream(5), 200, LENGTH, false);
  t.connection.write(t.stream(5), octets(30), false);
  expect(t.sent()).toEqual(['HEADERS 1 END_STREAM', 'HEADERS 3 END_STREAM', 'HEADERS 5', 'DATA 5 30']);
});

test('a request that waits for a slot and ends too early never leaves', () => {
  const t = client({}, false, 3, 0);
  const stream = t.connection.request({ ...get(), method: 'POST', fields: LENGTH }, false);
  t.connection.write(stream, octets(4), false);
  expect(() => t.connection.write(stream, octets(4), true)).toThrow(UsageError);
  expect(t.heard()).toEqual(['reset 0 INTERNAL_ERROR user content-length.unmet', 'closed 0']);
  t.receive(settings(3, 10));
  expect(t.sent()).toEqual(['SETTINGS ACK']);
});

test('octets that wait for a window count when they are written, not when they leave', () => {
  const t = server({}, 4, 5);
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, LENGTH, false);
  t.connection.write(t.stream(1), octets(10), true);
  expect(t.sent()).toEqual(['HEADERS 1', 'DATA 1 5']);
  t.receive(concat(windowUpdate(1, 5), settingsAck.slice(0, 0)));
  expect(t.sent()).toEqual(['DATA 1 5 END_STREAM']);
});

test('sessions: over is refused, under fails whoever waits, a source of the wrong length too', async () => {
  const { server: near, client: far } = await inMemory();
  const exchange = far.request({ path: '/', method: 'POST', headers: { 'content-length': 4 }, endStream: false });
  const { respond, request } = await next(near);
  expect(() => exchange.body.end('five!')).toThrow(UsageError);
  expect(exchange.body.isEnded).toBe(false);
  exchange.body.write('thr');
  expect(() => exchange.body.end()).toThrow(/the stream was reset/);
  await expect(exchange.response).rejects.toMatchObject({ rule: 'content-length.unmet', initiator: 'user' });
  await expect(exchange.body.finished).rejects.toMatchObject({ rule: 'content-length.unmet' });
  await expect(request.body.text()).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR', initiator: 'remote' });
  expect(respond.isReset).toBe(true);

  for (const [path, body] of [
    ['/short', 'abc'],
    ['/long', 'abcde'],
  ] as const) {
    const answered = far.request({ path }).response;
    const out = (await next(near)).respond.send({ headers: { 'content-length': 4 } });
    await expect(out.pipeFrom([body])).rejects.toThrow(/content-length is 4/);
    const response = await answered.catch(() => null);
    if (response !== null) await expect(response.body.text()).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR' });
  }
});
