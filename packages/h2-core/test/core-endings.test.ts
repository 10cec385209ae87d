import { expect, test } from 'vitest';
import { Connection, type RequestHead, UsageError } from '../src/index.ts';
import { client as clientOf, Endpoint, get, server } from './support/endpoint.ts';
import { bytes, data, F, GET as GET_FIELDS, goAway, headers, POST, preface, rst, settings } from './support/frames.ts';

const GET: RequestHead = {
  method: 'GET',
  scheme: 'http',
  authority: 'a.example',
  path: '/',
  protocol: '',
  fields: [],
  sensitive: null,
};

test('6.8: streams that the end of the transport cuts off after GOAWAY with an error fail with its code', () => {
  // GOA-15
  const client = new Endpoint({ role: 'client' });
  client.receive(settings());
  client.connection.request(GET, true);
  client.receive(goAway(1, 11));
  client.connection.receiveEnd(1);
  expect(client.heard().slice(-3)).toEqual([
    'reset 1 ENHANCE_YOUR_CALM remote goaway.error',
    'closed 1',
    'end ENHANCE_YOUR_CALM goaway.error',
  ]);
});

test('3.4: an HTTP/1.x answer to a client is called by its name', () => {
  // PRE-04
  const client = new Endpoint({ role: 'client' });
  client.receive(bytes('HTTP/1.1 400 Bad Request\r\n\r\n'));
  expect(client.heard()).toEqual(['end PROTOCOL_ERROR preface.http1']);
});

test('8.3.1: a request without scheme, or with a path that is none, is the mistake of the caller', () => {
  // HDR-21
  const connection = new Connection({ role: 'client', handler: {} });
  for (const wrong of [{ path: '' }, { path: 'x' }, { path: '*' }, { scheme: '' }]) {
    expect(() => connection.request({ ...GET, ...wrong }, true)).toThrow(UsageError);
  }
  connection.request({ ...GET, method: 'OPTIONS', path: '*' }, true);
  expect(connection.openStreams).toBe(1);
});

test('8.3.1: a Host that differs from :authority is the mistake of the caller', () => {
  // HDR-13
  const connection = new Connection({ role: 'client', handler: {} });
  const request = (host: string) => connection.request({ ...GET, fields: ['host', host] }, true);
  expect(() => request('b.example')).toThrow(/is not the authority "a.example"/);
  expect(() => request('a.example:443')).toThrow(UsageError);
  request('A.example:80');
  expect(connection.openStreams).toBe(1);
});

test('6.8: who received GOAWAY sends one too before it closes', () => {
  // GOA-11, GOA-14
  const s = server();
  s.receive(headers(1, GET_FIELDS), goAway(0, 0));
  expect(s.sent()).toEqual([]);
  s.connection.respond(s.stream(1), 204, [], true);
  expect(s.sent()).toEqual(['HEADERS 1 END_STREAM', 'GOAWAY 1 0']);
  expect(s.connection.isClosed).toBe(true);

  const c = clientOf();
  c.connection.request(get(), true);
  c.sent();
  c.receive(goAway(1, 0), headers(1, [[':status', '200']]));
  expect(c.sent()).toEqual(['GOAWAY 0 0']);
});

test('... but not a second one', () => {
  const c = clientOf();
  c.connection.request(get(), true);
  c.sent();
  c.connection.shutdown();
  c.receive(goAway(1, 0), headers(1, [[':status', '200']]));
  expect(c.sent()).toEqual(['GOAWAY 0 0']);
  expect(c.connection.isClosed).toBe(true);
});

test('handlers that throw when the connection ends leave the other streams and the connection their end', () => {
  // GOA-19, LIM-38
  const seen: string[] = [];
  const connection = new Connection({
    role: 'server',
    handler: {
      onReset(stream) {
        seen.push(`reset ${stream.id}`);
        throw new Error(`a defect at ${stream.id}`);
      },
      onStreamClosed: stream => seen.push(`closed ${stream.id}`),
      onClosed: error => seen.push(`end ${error?.rule}`),
    },
  });
  const open = [1, 3, 5].map(id => headers(id, POST, F.END_HEADERS));
  for (const octets of [preface, settings(), ...open]) connection.receive(octets, 0);
  expect(() => connection.receive(data(0, 'x'), 0)).toThrow('a defect at 1');
  expect(seen).toEqual([1, 3, 5].flatMap(id => [`reset ${id}`, `closed ${id}`]).concat('end frame.stream-zero'));
  expect([connection.isClosed, connection.openStreams]).toEqual([true, 0]);
  connection.receive(rst(1, 8), 0);
  expect(connection.takeOutput().length).toBeGreaterThan(0);
});

test('bodies written while the transport is full count as waiting, whatever the size of their pieces', () => {
  // SWN-19
  const t = server({}, 4, 2 ** 31 - 1);
  t.receive(headers(1, GET_FIELDS));
  t.connection.respond(t.stream(1), 200, [], false);
  let room = true;
  let written = 0;
  while (room && written < 4_000_000) {
    // Larger than what is copied behind its frame header, smaller than what is queued at once.
    room = t.connection.write(t.stream(1), new Uint8Array(3000), false);
    written += 3000;
  }
  expect(room).toBe(false);
  expect(written).toBeLessThan(65_536 + 262_144 + 3000);
});
