import { expect, test } from 'vitest';
import type { ConnectionOptions, Stream } from '../src/index.ts';
import { client, type Endpoint, get } from './support/endpoint.ts';
import { data, F, headers, ping, type RawFrame, S, T } from './support/frames.ts';

const OK = [[':status', '200']] as const;
const RST_AND_PING = ['RST_STREAM', 'PING'];

/** A client that may have four requests open. */
function four(options: Partial<ConnectionOptions> = {}): Endpoint {
  return client(options, false, S.MAX_CONCURRENT_STREAMS, 4);
}

const ask = (t: Endpoint): Stream => t.connection.request(get(), true);

/** Cancels a request; gives what leaves, by name. */
function cancel(t: Endpoint, stream: Stream): string[] {
  t.sent();
  t.connection.reset(stream, 8);
  return t.sent().map(line => line.split(' ')[0] ?? '');
}

/** The answer to the PING that has just left. */
function answer(frames: readonly RawFrame[]): Uint8Array {
  const asked = frames.find(f => f.type === T.PING);
  if (asked === undefined) throw new Error('no PING was sent');
  return ping([...asked.payload], F.ACK);
}

test('a server that says nothing: cancelled requests keep their places, and a pool sees it', () => {
  // RTY-09
  const t = four();
  for (let i = 0; i < 4; i++) {
    expect(t.connection.canOpen).toBe(true);
    cancel(t, ask(t));
  }
  expect(t.connection.openStreams).toBe(0);
  expect(t.connection.canOpen).toBe(false);
  // A fifth one waits, and goes when the server says something: whatever it is.
  const fifth = ask(t);
  expect([fifth.id, t.sent()]).toEqual([0, []]);
  t.receive(ping([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(fifth.id).toBe(9);
  expect(t.sent()).toEqual(['PING ACK', 'HEADERS 9 END_STREAM']);
  expect(t.connection.canOpen).toBe(true);
});

test('the PING goes with the first of several, its answer is for nobody', () => {
  // PNG-11, RTY-09
  const t = four();
  const [first, second] = [ask(t), ask(t)];
  t.sent();
  t.connection.reset(first, 8);
  t.connection.reset(second, 8);
  const frames = t.frames();
  expect(frames.map(f => f.type)).toEqual([T.RST_STREAM, T.PING, T.RST_STREAM]);
  t.heard();
  t.receive(answer(frames));
  expect(t.heard()).toEqual([]);
  expect(t.connection.canOpen).toBe(true);
});

test('no more than one PING for each HEADERS or DATA received', () => {
  // PNG-11
  const t = four();
  const one = ask(t);
  t.sent();
  t.connection.reset(one, 8);
  t.receive(answer(t.frames()));
  // The answer was no HEADERS: nothing is asked, and so nothing kept.
  for (let i = 0; i < 20; i++) expect(cancel(t, ask(t))).toEqual(['RST_STREAM']);
  expect(t.connection.canOpen).toBe(true);
  const answered = ask(t);
  t.receive(headers(answered.id, OK));
  expect(cancel(t, ask(t))).toEqual(RST_AND_PING);
  t.receive(ping([0, 0, 0, 0, 0, 0, 0, 0]));
  const streaming = ask(t);
  t.receive(headers(streaming.id, OK, F.END_HEADERS), data(streaming.id, 'x'));
  expect(cancel(t, ask(t))).toEqual(RST_AND_PING);
});

test('a server that has said something since the request was made is asked nothing', () => {
  // RTY-09
  const t = four();
  const stream = ask(t);
  t.receive(ping([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(cancel(t, stream)).toEqual(['RST_STREAM']);
  expect(t.connection.canOpen).toBe(true);
});

test('resets by the server, and requests that have not left, keep nothing', () => {
  const t = four();
  const streams = [ask(t), ask(t), ask(t), ask(t), ask(t)];
  t.sent();
  t.connection.reset(streams[4] as Stream, 8);
  expect(t.sent()).toEqual([]);
});

test('a connection that drains ends with its last request, cancelled or not', () => {
  const t = four();
  const stream = ask(t);
  t.sent();
  t.connection.shutdown();
  t.connection.reset(stream, 8);
  expect(t.connection.isClosed).toBe(true);
  expect(t.sent()).toEqual(['GOAWAY 0 0', 'RST_STREAM 1 8']);
});

test('the option turns it off', () => {
  const t = four({ holdCancelledSlots: false });
  for (let i = 0; i < 10; i++) expect(cancel(t, ask(t))).toEqual(['RST_STREAM']);
  expect(t.connection.canOpen).toBe(true);
});
