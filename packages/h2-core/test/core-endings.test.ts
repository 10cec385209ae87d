import { expect, test } from 'vitest';
import { Connection, type RequestHead, UsageError } from '../src/index.ts';
import { Endpoint } from './support/endpoint.ts';
import { bytes, goAway, settings } from './support/frames.ts';

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
