import { describe, expect, test } from 'vitest';
import { ODDITIES, type OddityId } from '../../src/index.ts';
import { get } from '../support/endpoint.ts';
import {
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
  S,
  settings,
  T,
  u32,
  windowUpdate,
} from '../support/frames.ts';
import { client, GREATEST, limit, server, times, type Watched } from '../support/limit.ts';

const unknown = frame(0xbb, 0, 0, [1, 2, 3]);
const few = { oddityBurst: 5, oddityRefillPerSecond: 0 };

/** Frames of an unknown type. */
function received(count: number, options: Parameters<typeof server>[0]): Watched {
  const t = server(options);
  t.receive(...times(count, () => unknown));
  return t;
}

/** What was odd was told to the tap, and the connection goes on. */
function goesOn(t: Watched, oddities: number): void {
  expect(t.log).toHaveLength(oddities);
  expect(t.connection.isClosed).toBe(false);
}

// LIM-27
limit('oddityBurst', {
  below: () => goesOn(received(4, few), 4),
  at: () => goesOn(received(5, few), 5),
  above() {
    const t = received(6, few);
    expect(t.log.slice(0, 6)).toEqual(times(6, () => 'odd.frame-type'));
    t.ended('flood.oddities');
  },
  burst() {
    // A browser that greases and prioritises: two odd frames with each stream, for ever.
    const t = server();
    for (const id of times(3000, i => 1 + i * 2)) {
      t.receive(frame(T.PRIORITY, 0, id, [0, 0, 0, 0, 0]), headers(id, GET), unknown);
      t.connection.respond(t.stream(id), 200, [], true);
      t.sent();
    }
    expect(t.connection.isClosed).toBe(false);
  },
  off: () => goesOn(received(20_000, { oddityBurst: 0 }), 20_000),
});

test('a client that resets all it has open as the responses leave may do so, also with thousands of streams', () => {
  const t = server({ maxConcurrentStreams: 2000 });
  const ids = times(2000, i => 1 + i * 2);
  t.receive(...ids.map(id => headers(id, GET)));
  for (const id of ids) t.connection.respond(t.stream(id), 204, [], true);
  t.receive(...ids.map(id => frame(T.RST_STREAM, 0, id, [0, 0, 0, 8])));
  expect(t.connection.isClosed).toBe(false);
});

function afterASecond(count: number, perSecond: number): Watched {
  const t = received(5, { oddityBurst: 5, oddityRefillPerSecond: perSecond });
  t.now = 1000;
  t.receive(...times(count, () => unknown));
  return t;
}

// LIM-27
limit('oddityRefillPerSecond', {
  below: () => goesOn(afterASecond(2, 3), 7),
  at: () => goesOn(afterASecond(3, 3), 8),
  above: () => afterASecond(4, 3).ended('flood.oddities'),
  burst() {
    const t = server();
    for (const at of times(5000, i => i)) {
      t.now = at * 10;
      t.receive(unknown);
    }
    expect(t.connection.isClosed).toBe(false);
  },
  off() {
    const t = server({ oddityBurst: 5, oddityRefillPerSecond: GREATEST });
    for (const at of times(1000, i => i)) {
      t.now = at + 1;
      t.receive(...times(5, () => unknown));
    }
    expect(t.connection.isClosed).toBe(false);
  },
});

const OPEN = F.END_HEADERS;

/** A server with an open stream 1 and with stream 3 ended. */
function used(): Watched {
  const t = server(few);
  t.receive(headers(1, POST, OPEN), headers(3, GET));
  t.connection.respond(t.stream(3), 200, [], true);
  t.sent();
  return t;
}

/** The same, where the program has reset stream 5 and what can have been on its way has come. */
function lateUsed(): Watched {
  const t = used();
  t.receive(headers(5, POST, OPEN));
  t.connection.reset(t.stream(5), 8);
  t.receive(...times(4, () => rst(5, 8)));
  t.sent();
  return t;
}

/** A client with a request that the program has reset. */
function reset(): Watched {
  const t = client(few, true);
  const stream = t.connection.request(get(), true);
  t.connection.request(get(), true);
  t.connection.reset(stream, 8);
  t.sent();
  return t;
}

/** A server whose client has one stream open, which is all it may. */
function full(options: Parameters<typeof server>[0]): Watched {
  const t = server({ ...few, ...options });
  t.receive(headers(1, POST, OPEN));
  return t;
}

const priorityUpdate = (id: number): Uint8Array => frame(0x10, 0, 0, concat(u32(id), bytes('u=1')));
const promise = (id: number): Uint8Array =>
  frame(T.PUSH_PROMISE, F.END_HEADERS, 1, concat(u32(id), headers(0, GET).slice(9)));

/** Each oddity: where it happens, the frame by its number, how often it is free. */
const KINDS: readonly [string, OddityId, () => Watched, (at: number) => Uint8Array][] = [
  ['an unknown type', 'odd.frame-type', used, () => unknown],
  ['ALTSVC at a server', 'odd.frame-type', used, () => frame(0xa, 0, 1, [0, 0])],
  ['unknown flags of DATA', 'odd.flags', used, () => data(1, 'x', 0x40)],
  ['unknown flags of PING', 'odd.flags', used, () => ping([0, 0, 0, 0, 0, 0, 0, 0], 0x80)],
  ['unknown flags of SETTINGS', 'odd.flags', used, () => frame(T.SETTINGS, 0x80, 0)],
  ['unknown settings', 'odd.setting', used, at => settings(0xf000, at)],
  ['PRIORITY, idle stream', 'odd.priority', used, () => frame(T.PRIORITY, 0, 101, [0, 0, 0, 0, 0])],
  ['PRIORITY, open stream', 'odd.priority', used, () => frame(T.PRIORITY, 0, 1, [0, 0, 0, 0, 0])],
  ['PRIORITY, closed stream', 'odd.priority', used, () => frame(T.PRIORITY, 0, 3, [0, 0, 0, 0, 0])],
  ['PRIORITY_UPDATE, idle stream', 'odd.priority', used, () => priorityUpdate(101)],
  ['PRIORITY_UPDATE, open stream', 'odd.priority', used, () => priorityUpdate(1)],
  ['PRIORITY_UPDATE, closed stream', 'odd.priority', used, () => priorityUpdate(3)],
  ['WINDOW_UPDATE, connection', 'odd.grant', used, () => windowUpdate(0, 1)],
  ['WINDOW_UPDATE, open stream', 'odd.grant', used, () => windowUpdate(1, 1)],
  ['WINDOW_UPDATE, closed stream', 'odd.grant', used, () => windowUpdate(3, 1)],
  ['RST_STREAM, closed stream', 'odd.reset', used, () => rst(3, 8)],
  ['late frames', 'odd.late', lateUsed, () => rst(5, 8)],
  ['requests above the limit', 'odd.refused', () => full({ maxConcurrentStreams: 1 }), at => headers(3 + at * 2, GET)],
  ['no header memory', 'odd.refused', () => full({ maxHeaderMemory: 200 }), at => headers(3 + at * 2, GET)],
  ['promises on a stream that was reset', 'odd.push', reset, at => promise(2 + at * 2)],
];

describe('each kind of oddity is charged: five of them, not six', () => {
  test.each(KINDS)('%s: %s', (_, kind, make, frameOf) => {
    // LIM-26, LIM-27, LIM-28
    const t = make();
    // Work that ended well has given some back: all is taken.
    while (t.log.length < 2) t.receive(unknown);
    const before = t.log.length;
    for (let at = 0; at < 3; at++) t.receive(frameOf(at));
    expect(t.connection.isClosed).toBe(false);
    expect(t.log.slice(before).filter(entry => !entry.startsWith('RST'))).toContain(kind);
    for (let at = 3; at < 8 && !t.connection.isClosed; at++) t.receive(frameOf(at));
    t.ended('flood.oddities');
    expect(t.connection.error?.message).toContain(kind);
  });

  test('GOAWAY again, within five of them', () => {
    const t = client(few);
    t.connection.request(get(), true);
    t.receive(...times(6, () => goAway(1, 0)));
    expect(t.log).toEqual(times(5, () => 'odd.goaway'));
    t.receive(goAway(1, 0));
    t.ended('flood.oddities');
  });

  test('they are counted, and so are errors and pauses', () => {
    // TRC-07
    const t = used();
    t.receive(unknown, unknown, windowUpdate(1, 0));
    expect(t.connection.counters).toMatchObject({ oddities: 2, peerErrors: 1, readPauses: 0 });
    const paused = server({ maxQueuedReplies: 2 });
    for (let batch = 0; batch < 2; batch++) {
      paused.receive(...times(2, () => ping([0, 0, 0, 0, 0, 0, 0, 0])));
      paused.sent();
    }
    expect(paused.connection.counters.readPauses).toBe(2);
  });

  test('every oddity has a test here', () => {
    const named = new Set<string>([...KINDS.map(([, kind]) => kind), 'odd.goaway']);
    expect([...named].sort()).toEqual(Object.keys(ODDITIES).sort());
  });
});

test('WINDOW_UPDATE that answers DATA of ours is not odd, on the connection, on open streams and on those that ended', () => {
  // LIM-20, LIM-28
  const t = server({ oddityBurst: 1, oddityRefillPerSecond: 0 });
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  for (let i = 0; i < 500; i++) {
    t.connection.write(t.stream(1), new Uint8Array(100), false);
    t.sent();
    t.receive(windowUpdate(1, 100), windowUpdate(0, 100));
  }
  t.connection.write(t.stream(1), new Uint8Array(100), true);
  t.sent();
  t.receive(windowUpdate(1, 100), windowUpdate(0, 100));
  expect(t.log).toEqual([]);
});

test('a client that gives the windows back by the little that it reads at a time is not odd', () => {
  // LIM-20, LIM-28
  const t = server({ oddityBurst: 1, oddityRefillPerSecond: 0 });
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  for (let i = 0; i < 50; i++) {
    t.connection.write(t.stream(1), new Uint8Array(16_384), false);
    t.sent();
    for (let at = 0; at < 16_384; at += 256) t.receive(windowUpdate(1, 256), windowUpdate(0, 256));
  }
  expect(t.log).toEqual([]);
});

test('grants of one octet that come together let out one frame', () => {
  // LIM-20
  const t = server({}, S.INITIAL_WINDOW_SIZE, 0);
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  t.connection.write(t.stream(1), new Uint8Array(10_000), true);
  t.sent();
  t.receive(...times(500, () => windowUpdate(1, 1)));
  expect(t.sent()).toEqual(['DATA 1 500']);
});
