import { describe, expect, test } from 'vitest';
import { get } from '../support/endpoint.ts';
import {
  block,
  concat,
  data,
  F,
  type Fields,
  frame,
  GET,
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
} from '../support/frames.ts';
import { client, limit, server, times, Watched } from '../support/limit.ts';

const open = (id: number): Uint8Array => headers(id, POST, F.END_HEADERS);

const promise = (id: number): Uint8Array => frame(T.PUSH_PROMISE, F.END_HEADERS, 1, concat(u32(id), block(GET)));
const OK: Fields = [[':status', '200']];

/** Requests reset by the client before a response began. */
function cancelled(t: Watched, from: number, count: number): number {
  for (const id of times(count, i => from + i * 2)) t.receive(headers(id, GET), rst(id, 8));
  t.sent();
  return from + count * 2;
}

// LIM-10, RST-08: CVE-2023-44487. A share of the last 400, not a count.
limit('earlyResetPauseMs', {
  below() {
    const t = server();
    cancelled(t, 1, 399);
    t.untouched();
    expect(t.connection.wantsPause).toBe(false);
  },
  at() {
    const t = server();
    t.now = 1000;
    cancelled(t, 1, 400);
    expect(t.log).toEqual(['violation flood.resets']);
    expect(t.connection.wantsPause).toBe(true);
    expect(t.connection.nextTimeout()).toBe(1100);
    t.connection.handleTimeout(1100);
    expect(t.connection.wantsPause).toBe(false);
    expect(t.connection.isClosed).toBe(false);
  },
  above() {
    const t = server();
    let next = 1;
    for (const pause of times(10, i => i)) {
      t.now = pause * 900;
      expect(t.connection.isClosed).toBe(false);
      // The one that goes too far is answered by GOAWAY, which stays for the check below.
      for (const id of times(400, i => next + i * 2)) t.receive(headers(id, GET), rst(id, 8));
      next += 800;
    }
    t.ended('flood.resets');
  },
  burst() {
    // A page that is loaded anew five times in ten seconds, each time with 300 requests under way.
    const t = server();
    let next = 1;
    for (const reload of times(5, i => i)) {
      t.now = 1000 + reload * 2000;
      for (let rest = 300; rest > 0; rest -= 100) {
        const ids = times(100, i => next + i * 2);
        t.receive(...ids.map(id => headers(id, GET)));
        t.receive(...ids.map(id => rst(id, 8)));
        next += 200;
      }
    }
    expect(t.connection.isClosed).toBe(false);
    expect(t.log.filter(entry => entry.startsWith('GOAWAY'))).toEqual([]);
  },
  off() {
    const t = server({ earlyResetPauseMs: 0 });
    cancelled(t, 1, 2000);
    t.untouched();
    expect(t.connection.wantsPause).toBe(false);
  },
});

// CNC-01, LIM-14
limit('maxConcurrentStreams', {
  below() {
    const t = server({ maxConcurrentStreams: 3 });
    t.receive(...times(2, i => open(1 + i * 2)));
    t.untouched();
  },
  at() {
    const t = server({ maxConcurrentStreams: 3 });
    t.receive(...times(3, i => open(1 + i * 2)));
    t.untouched();
    expect(t.connection.openStreams).toBe(3);
  },
  above() {
    const t = server({ maxConcurrentStreams: 3 });
    t.receive(...times(4, i => open(1 + i * 2)));
    t.reset(7, 'stream.refused');
    // Work that goes on after a reset counts until it is done.
    t.connection.hold(t.stream(1));
    t.receive(rst(1, 8), open(9));
    t.reset(9, 'stream.refused');
    t.connection.done(t.stream(1));
    t.receive(open(11));
    t.untouched();
  },
  burst() {
    const t = server();
    for (const round of times(20, i => i)) {
      const ids = times(128, i => 1 + (round * 128 + i) * 2);
      t.receive(...ids.map(id => headers(id, GET)));
      for (const id of ids) t.connection.respond(t.stream(id), 200, [], true);
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ maxConcurrentStreams: 2 ** 32 - 1 });
    t.receive(...times(1000, i => open(1 + i * 2)));
    t.untouched();
    expect(t.connection.openStreams).toBe(1000);
  },
});

/** A server with all the streams its client may have, and `count` requests above that from stream `from` on. */
function refused(t: Watched, from: number, count: number): Watched {
  for (const id of times(count, i => from + i * 2)) {
    t.receive(headers(id, GET));
    // The peer reads: replies do not wait.
    if (!t.connection.isClosed) t.sent();
  }
  return t;
}

const crowded = (options: Parameters<typeof server>[0] = {}): Watched =>
  server({ maxConcurrentStreams: 1, ...options }).receive(open(1));

describe('requests above the limit that the peer has acknowledged are charged, a burst of 1000 and 100 each second', () => {
  // CNC-01, LIM-14, LIM-27
  test('just below', () => {
    const t = refused(crowded(), 3, 999);
    expect(t.connection.isClosed).toBe(false);
    expect(t.connection.counters).toMatchObject({ oddities: 999, peerErrors: 0, readPauses: 0 });
  });

  test('at', () => {
    const t = refused(crowded(), 3, 1000);
    expect(t.connection.isClosed).toBe(false);
    t.now = 1000;
    expect(refused(t, 2003, 100).connection.isClosed).toBe(false);
  });

  test('above', () => {
    refused(crowded(), 3, 1001).ended('flood.oddities');
    const t = refused(crowded(), 3, 1000);
    t.now = 1000;
    refused(t, 2003, 101).ended('flood.oddities');
    // Work that is held counts as well: resetting all streams first buys nothing.
    const held = crowded();
    held.connection.hold(held.stream(1));
    held.receive(rst(1, 8));
    refused(held, 3, 1001).ended('flood.oddities');
    // Promises, by their responses.
    const c = client({ maxConcurrentStreams: 0, oddityBurst: 3, oddityRefillPerSecond: 0 }, true);
    c.connection.request(get(), true);
    for (const id of times(3, i => 2 + i * 2)) c.receive(promise(id), headers(id, OK));
    expect(c.connection.isClosed).toBe(false);
    c.receive(promise(8), headers(8, OK));
    c.ended('flood.oddities');
  });

  test('a legitimate burst', () => {
    // A client that has not seen our SETTINGS yet knows of no limit.
    const early = new Watched({ role: 'server', maxConcurrentStreams: 100 });
    early.receive(preface, settings());
    refused(early, 1, 5000);
    expect(early.connection.counters).toMatchObject({ oddities: 0, streamsOpened: 100 });
    early.receive(settingsAck);
    refused(early, 10_001, 1001).ended('flood.oddities');
    // One that races with a lower limit has the earlier one until it acknowledges.
    const t = server({ maxConcurrentStreams: 100 });
    t.connection.updateSettings([S.MAX_CONCURRENT_STREAMS, 1]);
    t.receive(...times(100, i => open(1 + i * 2)), settingsAck);
    t.untouched();
    expect(t.connection.counters.oddities).toBe(0);
    // A page that is loaded anew five times in ten seconds while the work for its earlier requests goes on.
    const page = server();
    for (const reload of times(5, i => i)) {
      page.now = reload * 2000;
      const ids = times(128, i => 1 + (reload * 128 + i) * 2);
      for (const id of ids) page.receive(headers(id, GET));
      for (const id of page.streams.keys()) page.connection.hold(page.stream(id));
      for (const id of ids) page.receive(rst(id, 8));
      page.sent();
    }
    expect(page.connection.isClosed).toBe(false);
  });

  test('off', () => {
    expect(refused(crowded({ oddityBurst: 0 }), 3, 5000).connection.isClosed).toBe(false);
  });
});

/** The ways to make a server reset a stream, CVE-2025-8671. */
const PRIMITIVES: readonly [string, (id: number) => Uint8Array][] = [
  ['WINDOW_UPDATE 0', id => windowUpdate(id, 0)],
  ['WINDOW_UPDATE overflow', id => windowUpdate(id, 2 ** 31 - 1)],
  ['PRIORITY of a wrong length', id => frame(T.PRIORITY, 0, id, [0, 0, 0])],
  ['PRIORITY on itself', id => frame(T.PRIORITY, 0, id, [0, 0, id >> 8, id & 255, 0])],
  ['DATA after END_STREAM', id => data(id, 'x')],
  ['HEADERS after END_STREAM', id => headers(id, [['x', 'y']])],
];

const provoked = (t: Watched, from: number, count: number, provoke = PRIMITIVES[0]?.[1]): void => {
  for (const id of times(count, i => from + i * 2)) t.receive(headers(id, GET), provoke?.(id) ?? new Uint8Array());
};

// LIM-12
limit('maxLocalErrorResetStreams', {
  below() {
    const t = server({ maxLocalErrorResetStreams: 10 });
    provoked(t, 1, 9);
    expect(t.connection.isClosed).toBe(false);
  },
  at() {
    const t = server({ maxLocalErrorResetStreams: 10 });
    provoked(t, 1, 10);
    expect(t.connection.isClosed).toBe(false);
    expect(t.sent()).toHaveLength(10);
  },
  above() {
    const t = server({ maxLocalErrorResetStreams: 10 });
    provoked(t, 1, 11);
    t.ended('flood.stream-errors');
  },
  burst() {
    // Now and then one goes wrong among many that end well, and time passes: never too many.
    const t = server({ maxLocalErrorResetStreams: 10 });
    for (const id of times(1000, i => 1 + i * 6)) {
      provoked(t, id, 1);
      t.receive(headers(id + 2, GET), headers(id + 4, GET));
      t.connection.respond(t.stream(id + 2), 200, [], true);
      t.connection.respond(t.stream(id + 4), 200, [], true);
      t.sent();
    }
    expect(t.connection.isClosed).toBe(false);
    provoked(t, 7001, 10);
    t.now = 1000;
    provoked(t, 7021, 10);
    expect(t.connection.isClosed).toBe(false);
  },
  off() {
    const t = server({ maxLocalErrorResetStreams: 0, earlyResetPauseMs: 0 });
    for (const from of times(50, i => 1 + i * 200)) {
      provoked(t, from, 100);
      t.sent();
    }
    expect(t.connection.isClosed).toBe(false);
  },
});

describe('MadeYouReset: each primitive is charged like a reset by the peer, once', () => {
  test.each(PRIMITIVES)('%s', (_, provoke) => {
    // LIM-12
    const t = server({ maxLocalErrorResetStreams: 0 });
    provoked(t, 1, 399, provoke);
    expect(t.connection.wantsPause).toBe(false);
    provoked(t, 799, 1, provoke);
    expect(t.connection.wantsPause).toBe(true);
    const u = server({ maxLocalErrorResetStreams: 1 });
    provoked(u, 1, 1, provoke);
    expect(u.connection.isClosed).toBe(false);
    provoked(u, 3, 1, provoke);
    u.ended('flood.stream-errors');
  });
});

/** Opens and resets `count` streams from 1 on, as a program does that gives requests up. */
function givenUp(t: Watched, count: number): void {
  for (const id of times(count, i => 1 + i * 2)) {
    t.receive(open(id));
    t.connection.reset(t.stream(id), 8);
  }
  t.sent();
}

// STA-05, STA-11, LIM-13, LIM-33
limit('maxConcurrentResetStreams', {
  below() {
    const t = server({ maxConcurrentResetStreams: 4 });
    givenUp(t, 3);
    t.receive(data(1, 'late'));
    t.untouched();
  },
  at() {
    const t = server({ maxConcurrentResetStreams: 4 });
    givenUp(t, 4);
    t.receive(data(1, 'late'));
    t.untouched();
  },
  above() {
    const t = server({ maxConcurrentResetStreams: 4 });
    givenUp(t, 5);
    t.receive(data(3, 'late'));
    t.untouched();
    t.receive(data(1, 'late'));
    t.reset(1, 'stream.closed');
  },
  burst() {
    // All the streams a client may have, given up at once, with as much under way as the windows allow; and their ends.
    const t = server();
    const ids = times(128, i => 1 + i * 2);
    t.receive(...ids.map(open));
    for (const id of ids) t.connection.reset(t.stream(id), 8);
    const body = new Uint8Array(16_384);
    for (const id of ids) {
      t.receive(data(id, body), data(id, body), windowUpdate(id, 10), data(id, 'x', F.END_STREAM));
      t.sent();
    }
    t.untouched();
    // What came late went back to the window.
    expect(t.connection.unreleasedBytes).toBe(0);
    expect(t.connection.receiveWindow).toBeGreaterThan(2 ** 21);
  },
  off() {
    const t = server({ maxConcurrentResetStreams: 16_384 });
    givenUp(t, 3000);
    t.receive(data(1, 'late'));
    t.untouched();
  },
});

// STA-12, LIM-33
limit('resetStreamDurationMs', {
  below() {
    const t = server({ resetStreamDurationMs: 5000 });
    givenUp(t, 1);
    t.now = 4999;
    t.receive(data(1, 'late'));
    t.untouched();
  },
  at() {
    const t = server({ resetStreamDurationMs: 5000 });
    givenUp(t, 1);
    t.now = 5000;
    t.receive(data(1, 'late'));
    t.reset(1, 'stream.closed');
  },
  above() {
    const t = server({ resetStreamDurationMs: 5000 });
    t.now = 7000;
    givenUp(t, 1);
    t.now = 12_001;
    t.receive(data(1, 'late'));
    t.reset(1, 'stream.closed');
  },
  burst() {
    const t = server({ resetStreamDurationMs: 5000 });
    givenUp(t, 100);
    for (const at of times(100, i => i)) {
      t.now = at * 40;
      t.receive(data(1 + at * 2, 'late', F.END_STREAM));
    }
    t.untouched();
  },
  off() {
    const t = server({ resetStreamDurationMs: 0 });
    givenUp(t, 1);
    t.now = 86_400_000;
    t.receive(data(1, 'late'));
    t.untouched();
  },
});

test('a flood of late HEADERS is charged: only so many can have been on their way', () => {
  // LIM-13
  const t = server({ oddityBurst: 10 });
  givenUp(t, 1);
  for (let i = 0; i < 4; i++) t.receive(headers(1, [['x', 'y']]));
  expect(t.log).toEqual([]);
  for (let i = 0; i < 10; i++) t.receive(headers(1, [['x', 'y']]));
  expect(t.log).toEqual(times(10, () => 'odd.late'));
  t.receive(headers(1, [['x', 'y']]));
  t.ended('flood.oddities');
});
