import { expect, test } from 'vitest';
import { type H2Error, type RequestHead, UsageError } from '../src/index.ts';
import { Endpoint } from './support/endpoint.ts';
import { settings, settingsAck } from './support/frames.ts';

const GET: RequestHead = {
  method: 'GET',
  scheme: 'http',
  authority: 'a.example',
  path: '/',
  protocol: '',
  fields: [],
  sensitive: null,
};

test('6.5.2: before the server named a limit a client opens 100 streams, after SETTINGS without one any number', () => {
  // CNC-05, PRE-09
  const client = new Endpoint({ role: 'client' });
  for (let i = 0; i < 150; i++) client.connection.request(GET, true);
  expect(client.connection.openStreams).toBe(100);
  client.receive(settings());
  expect(client.connection.openStreams).toBe(150);
});

test('6.8: a client that shuts down gives up requests that wait for a slot, as safe to retry', () => {
  const errors: H2Error[] = [];
  const client = new Endpoint({ role: 'client', handler: { onReset: (_, error) => errors.push(error) } });
  client.receive(settings(3, 0));
  client.connection.request(GET, true);
  client.connection.shutdown();
  expect(errors.map(error => [error.rule, error.retryable])).toEqual([['request.unsent', true]]);
  expect(client.connection.isClosed).toBe(true);
});

test('5.4.1: a connection error gives up requests that wait for a slot', () => {
  const errors: H2Error[] = [];
  const client = new Endpoint({ role: 'client', handler: { onReset: (_, error) => errors.push(error) } });
  client.receive(settings(3, 0));
  client.connection.request(GET, true);
  client.receive(settingsAck, settingsAck);
  expect(client.connection.error?.rule).toBe('settings.ack-unexpected');
  expect(errors.map(error => error.retryable)).toEqual([true]);
});

test('5.1.2: at the limit requests wait in order, 10,000 of them; a pool can tell before and go elsewhere', () => {
  // CNC-08, CNC-13
  const client = new Endpoint({ role: 'client' });
  client.receive(settings(3, 2));
  expect(client.connection.canOpen).toBe(true);
  const streams = Array.from({ length: 10_002 }, () => client.connection.request(GET, true));
  expect(client.connection.canOpen).toBe(false);
  expect(streams.map(stream => stream.id).filter(id => id !== 0)).toEqual([1, 3]);
  expect(() => client.connection.request(GET, true)).toThrow(UsageError);
  expect(() => client.connection.request(GET, true)).toThrow(/too many requests are waiting/);
  client.receive(settings(3, 4));
  expect(streams.slice(0, 5).map(stream => stream.id)).toEqual([1, 3, 5, 7, 0]);
});
