import { describe, expect, test } from 'vitest';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import {
  block,
  concat,
  data,
  F,
  type Fields,
  frame,
  GET,
  goAway,
  headers,
  rst,
  settings,
  T,
  u32,
  windowUpdate,
} from './support/frames.ts';

const promise = (parent: number, promised: number, fields: Fields = GET): Uint8Array =>
  frame(T.PUSH_PROMISE, F.END_HEADERS, parent, concat(u32(promised), block(fields)));

/** A client that takes pushes, with a request open on stream 1. */
function asking(options = {}): Endpoint {
  const t = client(options, true);
  t.connection.request(get(), true);
  t.sent();
  return t;
}

describe('RFC 9113 6.6, 8.4: what a client makes of promises', () => {
  test('a promise between pieces of the body', () => {
    // PSH-03
    const t = asking();
    t.receive(
      headers(1, [[':status', '200']], F.END_HEADERS),
      data(1, 'ab'),
      promise(1, 2),
      data(1, 'cd', F.END_STREAM),
    );
    expect(t.heard()).toEqual(['response 1 200', 'data 1 2', 'push 1 2 /', 'data 1 2 end', 'closed 1']);
  });

  test.each([
    ['on a stream that has ended', [headers(1, [[':status', '200']]), promise(1, 2)], 'push.parent'],
    ['on an idle stream', [promise(3, 2)], 'push.parent'],
    ['of an odd stream', [promise(1, 3)], 'push.id'],
    ['of stream 0', [promise(1, 0)], 'push.id'],
    ['of a stream promised before', [promise(1, 4), promise(1, 4)], 'push.id'],
    ['of a lower stream', [promise(1, 4), promise(1, 2)], 'push.id'],
    ['on a promised stream', [promise(1, 2), promise(2, 4)], 'push.parent'],
  ])('%s is a connection error PROTOCOL_ERROR', (_, input, rule) => {
    // PSH-06, PSH-07, PSH-12
    const t = asking();
    t.receive(...input);
    expect(t.heard().at(-1)).toBe(`end PROTOCOL_ERROR ${rule}`);
  });

  test.each([
    ['an unsafe method', [[':method', 'POST'], ...GET.slice(1)]],
    ['a body announced', [...GET, ['content-length', '5']]],
    ['no authority', [GET[0], GET[1], GET[3]]],
    ['a malformed field', [...GET, ['Bad', 'x']]],
  ] as [string, Fields][])('%s refuses the promised stream only', (_, fields) => {
    // PSH-10, PSH-11, HDR-25
    const t = asking();
    t.receive(promise(1, 2, fields), headers(1, [[':status', '200']]));
    expect(t.sent()).toEqual(['RST_STREAM 2 1']);
    expect(t.heard()).toEqual(['response 1 200 end', 'closed 1']);
  });

  test('a promised request that is too large refuses the promised stream only', () => {
    // PSH-09
    const t = asking({ maxHeaderListSize: 300 });
    t.receive(promise(1, 2, [...GET, ['a', 'v'.repeat(300)]]));
    expect(t.sent()).toEqual(['RST_STREAM 2 11']);
    expect(t.connection.isClosed).toBe(false);
  });

  test('skipped numbers are fine', () => {
    // PSH-12
    const t = asking();
    t.receive(promise(1, 2), promise(1, 10));
    expect(t.heard()).toEqual(['push 1 2 /', 'push 1 10 /']);
  });

  test('WINDOW_UPDATE and DATA on a reserved stream are connection errors, PRIORITY and RST_STREAM are not', () => {
    // PSH-16
    for (const input of [windowUpdate(2, 1), data(2, 'x')]) {
      const t = asking();
      t.receive(promise(1, 2), input);
      expect(t.heard().at(-1)).toBe('end PROTOCOL_ERROR stream.state');
    }
    const t = asking();
    t.receive(promise(1, 2), frame(T.PRIORITY, 0, 2, [0, 0, 0, 0, 0]), rst(2, 8));
    expect(t.heard()).toEqual(['push 1 2 /', 'reset 2 CANCEL remote', 'closed 2']);
  });

  test('a hundred promises at once, not more', () => {
    // PSH-18, LIM-29
    const t = asking();
    for (let i = 1; i <= 101; i++) t.receive(promise(1, i * 2));
    expect(t.heard().filter(e => e.startsWith('push'))).toHaveLength(100);
    expect(t.sent()).toEqual(['RST_STREAM 202 7']);
  });

  test('a promise on a stream that we reset is refused quietly', () => {
    // PSH-06, PSH-13
    const t = asking();
    const stream = t.connection.stream(1);
    if (stream === undefined) throw new Error('no stream 1');
    t.connection.reset(stream, 8);
    t.sent();
    t.receive(promise(1, 2));
    expect(t.sent()).toEqual(['RST_STREAM 2 8']);
    t.receive(headers(2, [[':status', '200']], F.END_HEADERS), data(2, 'late', F.END_STREAM));
    expect(t.connection.isClosed).toBe(false);
  });

  test('promises do not count, responses to them do, 1xx before them change nothing', () => {
    // CNC-10, CNC-11, PSH-08
    const t = asking();
    const counted = (): number =>
      (t.connection as unknown as { core: { registry: { remoteCount: number } } }).core.registry.remoteCount;
    t.receive(promise(1, 2), promise(1, 4));
    expect(counted()).toBe(0);
    t.receive(headers(2, [[':status', '103']], F.END_HEADERS));
    t.receive(headers(2, [[':status', '200']], F.END_HEADERS));
    expect(counted()).toBe(1);
    t.receive(data(2, '', F.END_STREAM), headers(4, [[':status', '204']]));
    expect(counted()).toBe(0);
    expect(t.connection.openStreams).toBe(1);
  });

  test('the response of a reset promise and its octets are dropped and refunded', () => {
    // PSH-13, PSH-14
    const t = asking({ initialConnectionWindowSize: 65_535 });
    t.receive(promise(1, 2));
    const promised = t.connection.stream(2);
    if (promised === undefined) throw new Error('no stream 2');
    t.connection.reset(promised, 8);
    t.receive(headers(2, [[':status', '200']], F.END_HEADERS));
    for (let i = 0; i < 3; i++) t.receive(data(2, new Uint8Array(16_000)));
    expect(t.sent()).toEqual(['RST_STREAM 2 8', 'WINDOW_UPDATE 0 48000']);
    expect(t.connection.openStreams).toBe(1);
  });
});

describe('RFC 9113 8.4: what a server may push', () => {
  test('not on a pushed stream, not on one that has ended, not after GOAWAY', () => {
    // PSH-06, PSH-07, PSH-17
    const t = server();
    t.receive(headers(1, GET), headers(3, GET));
    const promised = t.connection.push(t.stream(1), get('/a'));
    expect(() => t.connection.push(promised, get('/b'))).toThrow(/cannot carry/);
    expect([t.connection.canPush(t.stream(1)), t.connection.canPush(promised)]).toEqual([true, false]);
    t.connection.respond(t.stream(1), 200, [], true);
    expect(() => t.connection.push(t.stream(1), get('/b'))).toThrow(/cannot carry/);
    t.receive(goAway(0, 0));
    expect(() => t.connection.push(t.stream(3), get('/b'))).toThrow(/ending/);
  });

  test('not more at once than the client’s SETTINGS_MAX_CONCURRENT_STREAMS', () => {
    // PSH-18, LIM-29
    const t = server({}, 3, 1);
    t.receive(headers(1, GET));
    const first = t.connection.push(t.stream(1), get('/a'));
    t.connection.respond(first, 200, [], false);
    expect(() => t.connection.push(t.stream(1), get('/b'))).toThrow(/no more pushed streams/);
    expect(t.connection.canPush(t.stream(1))).toBe(false);
    t.connection.write(first, new Uint8Array(), true);
    expect(t.connection.canPush(t.stream(1))).toBe(true);
    t.connection.push(t.stream(1), get('/b'));
  });

  test('the client’s windows hold for pushed streams too, and its reset reaches us', () => {
    // PSH-15, PSH-16
    const t = server({}, 4, 5);
    t.receive(headers(1, GET));
    const promised = t.connection.push(t.stream(1), get('/a'));
    t.connection.respond(promised, 200, [], false);
    t.connection.write(promised, new Uint8Array(8), true);
    expect(t.sent()).toEqual(['PUSH_PROMISE 1', 'HEADERS 2', 'DATA 2 5']);
    t.receive(windowUpdate(2, 1));
    expect(t.sent()).toEqual(['DATA 2 1']);
    t.receive(rst(2, 8), settings());
    expect(t.heard()).toContain('reset 2 CANCEL remote');
  });
});
