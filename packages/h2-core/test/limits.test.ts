import { describe, expect, test } from 'vitest';
import { server } from './support/endpoint.ts';
import { concat, data, F, frame, GET, headers, POST, rst, settings, T, windowUpdate } from './support/frames.ts';

const open = (id: number): Uint8Array => headers(id, POST, F.END_HEADERS);
const ended = (t: ReturnType<typeof server>): string | undefined => t.heard().find(event => event.startsWith('end '));

describe('rapid reset, CVE-2023-44487', () => {
  /** Opens and resets `count` streams from `first` on, in chunks as a socket would deliver them. */
  function burst(t: ReturnType<typeof server>, first: number, count: number): number {
    for (let i = 0; i < count; i++) t.receive(headers(first + i * 2, GET), rst(first + i * 2, 8));
    return first + count * 2;
  }

  test('most of 400 streams reset before their response: reading pauses for 100 ms', () => {
    // LIM-10
    const t = server();
    t.now = 1000;
    const next = burst(t, 1, 399);
    expect(t.connection.wantsPause).toBe(false);
    burst(t, next, 1);
    expect(t.connection.wantsPause).toBe(true);
    expect(t.connection.nextTimeout()).toBe(1100);
    t.connection.handleTimeout(1100);
    expect(t.connection.wantsPause).toBe(false);
  });

  test('half of them reset is not most of them', () => {
    // LIM-10
    const t = server();
    for (let i = 0; i < 400; i++) {
      const id = 1 + i * 2;
      t.receive(headers(id, GET));
      if (i % 2 === 0) t.receive(rst(id, 8));
      else t.connection.respond(t.stream(id), 200, [], true);
    }
    expect(t.connection.wantsPause).toBe(false);
  });

  test('the tenth pause within ten seconds ends the connection', () => {
    // LIM-10, RST-08
    const t = server();
    let next = 1;
    for (let pause = 1; pause < 10; pause++) {
      t.now = pause * 900;
      next = burst(t, next, 400);
    }
    expect(t.connection.isClosed).toBe(false);
    t.now = 9000;
    burst(t, next, 400);
    expect(t.sent().at(-1)).toMatch(/^GOAWAY \d+ 11 flood.resets$/);
  });

  test('a page reload that cancels 300 requests at once, five times in ten seconds, is nothing', () => {
    const t = server();
    let next = 1;
    for (let reload = 0; reload < 5; reload++) {
      t.now = 1000 + reload * 2000;
      for (let i = 0; i < 300; i += 100) {
        const ids = Array.from({ length: 100 }, (_, k) => next + (i + k) * 2);
        t.receive(...ids.map(id => headers(id, GET)));
        t.receive(...ids.map(id => rst(id, 8)));
      }
      next += 600;
    }
    expect(t.connection.isClosed).toBe(false);
  });

  test('a reset after the response has begun does not count', () => {
    const t = server();
    for (let i = 0; i < 500; i++) {
      const id = 1 + i * 2;
      t.receive(headers(id, GET));
      t.connection.respond(t.stream(id), 200, [], false);
      t.receive(rst(id, 8));
    }
    expect(t.connection.wantsPause).toBe(false);
  });

  test.each([
    ['WINDOW_UPDATE 0', (id: number) => windowUpdate(id, 0)],
    ['WINDOW_UPDATE overflow', (id: number) => windowUpdate(id, 2 ** 31 - 1)],
    ['PRIORITY of a wrong length', (id: number) => frame(T.PRIORITY, 0, id, [0, 0, 0])],
    ['PRIORITY on itself', (id: number) => frame(T.PRIORITY, 0, id, [0, 0, id >> 8, id & 255, 0])],
    ['DATA after END_STREAM', (id: number) => data(id, 'x')],
    ['HEADERS after END_STREAM', (id: number) => headers(id, [['x', 'y']])],
  ])('a reset provoked by %s counts like the peer’s own, once', (_, provoke) => {
    // LIM-12, CVE-2025-8671
    const t = server();
    for (let i = 0; i < 399; i++) t.receive(headers(1 + i * 2, GET), provoke(1 + i * 2));
    expect(t.connection.wantsPause).toBe(false);
    t.receive(headers(799, GET), provoke(799));
    expect(t.connection.wantsPause).toBe(true);
  });

  test('late frames on streams we reset cost nothing', () => {
    // LIM-13
    const t = server();
    for (let i = 0; i < 1000; i++) {
      const id = 1 + i * 2;
      t.receive(open(id));
      t.connection.reset(t.stream(id), 8);
      t.receive(data(id, 'late'), windowUpdate(id, 10), data(id, 'late', F.END_STREAM));
      t.sent();
    }
    expect(t.connection.isClosed).toBe(false);
    expect(t.connection.wantsPause).toBe(false);
  });

  test('a stream that is held counts until its work is done', () => {
    // LIM-14
    const t = server({ maxConcurrentStreams: 2 });
    t.on.onRequest = stream => t.connection.hold(stream);
    t.receive(headers(1, GET), rst(1, 8), headers(3, GET), rst(3, 8), headers(5, GET));
    expect(t.sent()).toEqual(['RST_STREAM 5 7']);
    t.connection.done(t.stream(1));
    t.connection.done(t.stream(1));
    t.receive(headers(7, GET), headers(9, GET));
    expect(t.sent()).toEqual(['RST_STREAM 9 7']);
    t.connection.respond(t.stream(7), 200, [], true);
    t.connection.done(t.stream(7));
    t.connection.done(t.stream(3));
    t.receive(headers(11, GET), headers(13, GET));
    expect(t.sent()).toEqual(['HEADERS 7 END_STREAM']);
  });
});

describe('header memory, CVE-2026-49975', () => {
  test('many open streams with large heads: at the budget, above it, and room again when one ends', () => {
    // LIM-18
    const size = [...GET, ['x', 'v'.repeat(1000)] as const].reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
    const t = server({ maxHeaderMemory: size * 3 });
    const large = (id: number): Uint8Array => headers(id, [...GET, ['x', 'v'.repeat(1000)]]);
    t.receive(large(1), large(3), large(5), large(7), headers(9, GET));
    // REFUSED_STREAM: when others have ended the same request will be taken.
    expect(t.sent()).toEqual(['RST_STREAM 7 7', 'RST_STREAM 9 7']);
    t.connection.respond(t.stream(3), 200, [], true);
    t.receive(large(11));
    expect(t.sent()).toEqual(['HEADERS 3 END_STREAM']);
    for (const id of [1, 5, 11]) t.connection.reset(t.stream(id), 8);
    t.receive(large(13), large(15), large(17));
    expect(t.sent()).toHaveLength(3);
  });
});

describe('DATA floods, CVE-2019-9518', () => {
  test('frames without octets: below, at, above, and with time between', () => {
    // LIM-24
    const t = server();
    t.receive(open(1), ...Array.from({ length: 100 }, () => data(1, '')));
    expect(t.connection.isClosed).toBe(false);
    t.now = 1000;
    t.receive(...Array.from({ length: 10 }, () => data(1, '')));
    expect(t.connection.isClosed).toBe(false);
    t.receive(frame(T.DATA, F.PADDED, 1, [1, 0]));
    expect(ended(t)).toBe('end ENHANCE_YOUR_CALM flood.empty-data');
  });

  test('frames of one octet that nobody reads: at the budget, above it', () => {
    // LIM-25
    const t = server({ dataFrameBudget: 255 * 10 });
    t.receive(open(1), ...Array.from({ length: 10 }, () => data(1, 'x')));
    expect(t.connection.isClosed).toBe(false);
    t.receive(data(1, 'x'));
    // The program may read them before more octets come.
    expect(t.connection.isClosed).toBe(false);
    t.receive(data(1, 'x'));
    expect(ended(t)).toBe('end ENHANCE_YOUR_CALM flood.small-data');
  });

  test('a hundred thousand of them that are read at once are nothing', () => {
    // LIM-25, the messages of a chatty stream
    const t = server();
    t.on.onData = (stream, chunk) => t.connection.release(stream, chunk.length);
    t.receive(open(1));
    const messages = concat(...Array.from({ length: 1000 }, () => data(1, 'x')));
    for (let i = 0; i < 100; i++) {
      t.connection.receive(messages, i);
      t.sent();
    }
    expect(t.connection.isClosed).toBe(false);
  });

  test('what a stream cost is given back when it ends; frames with END_STREAM cost nothing', () => {
    // LIM-25
    const t = server({ dataFrameBudget: 255 * 2 });
    for (let i = 0; i < 100; i++) {
      const id = 1 + i * 2;
      t.receive(open(id), data(id, 'x'), data(id, 'x'), data(id, 'x', F.END_STREAM));
      t.connection.respond(t.stream(id), 200, [], true);
    }
    expect(t.connection.isClosed).toBe(false);
  });
});

describe('frames that are legal and useless', () => {
  test.each([
    ['PRIORITY', () => frame(T.PRIORITY, 0, 101, [0, 0, 0, 0, 0])],
    ['an unknown type', () => frame(0xbb, 0, 0, [1, 2, 3])],
  ])('%s: 1000 at once, more with time, not more', (_, make) => {
    // LIM-26, LIM-27
    const t = server();
    t.receive(...Array.from({ length: 1000 }, make));
    expect(t.connection.isClosed).toBe(false);
    t.now = 1000;
    t.receive(...Array.from({ length: 100 }, make));
    expect(t.connection.isClosed).toBe(false);
    t.receive(make());
    expect(ended(t)).toBe('end ENHANCE_YOUR_CALM flood.oddities');
  });

  test('WINDOW_UPDATE for streams that have ended', () => {
    // LIM-28
    const t = server({ oddityBurst: 10 });
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], true);
    t.receive(...Array.from({ length: 10 }, () => windowUpdate(1, 1)));
    expect(t.connection.isClosed).toBe(false);
    t.receive(windowUpdate(1, 1));
    expect(ended(t)).toBe('end ENHANCE_YOUR_CALM flood.oddities');
  });

  test('a limit of 0 is off', () => {
    const t = server({ oddityBurst: 0, emptyDataBurst: 0, earlyResetPauseMs: 0 });
    t.receive(open(1), ...Array.from({ length: 5000 }, () => data(1, '')));
    t.receive(...Array.from({ length: 5000 }, () => frame(0xbb, 0, 0)));
    expect(t.connection.isClosed).toBe(false);
  });
});

describe('SETTINGS that cost', () => {
  test('a window that is moved again and again for many streams', () => {
    // LIM-22
    const t = server({ settingsWorkBurst: 1000, settingsWorkRefillPerSecond: 10 });
    t.receive(...Array.from({ length: 99 }, (_, i) => open(1 + i * 2)));
    t.receive(...Array.from({ length: 10 }, (_, i) => settings(4, 1000 + i)));
    expect(t.connection.isClosed).toBe(false);
    t.receive(settings(4, 5));
    expect(ended(t)).toBe('end ENHANCE_YOUR_CALM flood.settings');
  });
});

describe('a peer that does not take what it asked for', () => {
  /** A server whose stream 1 has much to send to a peer with this window. */
  function sending(streamWindow: number): ReturnType<typeof server> {
    const t = server({ writeStallTimeoutMs: 30_000, idleTimeoutMs: 0 }, 4, streamWindow);
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.connection.write(t.stream(1), new Uint8Array(200_000), true);
    t.sent();
    t.heard();
    return t;
  }

  /** Lets time pass as a pump would, with what the peer does at each second. */
  function pass(t: ReturnType<typeof server>, seconds: number, each: () => void): number {
    for (let second = 1; second <= seconds; second++) {
      t.now = second * 1000;
      each();
      t.sent();
      while (t.connection.nextTimeout() <= t.now) t.connection.handleTimeout(t.now);
      if (t.heard().some(event => event.includes('write.stalled'))) return second;
    }
    return -1;
  }

  test('a stream window of 0 for 30 s: the stream ends, the connection goes on', () => {
    // LIM-19, LIM-37
    const t = sending(10);
    const second = pass(t, 60, () => {});
    expect(second).toBeGreaterThanOrEqual(30);
    expect(second).toBeLessThanOrEqual(40);
    expect(t.connection.isClosed).toBe(false);
    expect(t.connection.openStreams).toBe(0);
  });

  test('a drip of one-octet grants does not help', () => {
    // LIM-19, LIM-20
    const t = sending(10);
    expect(pass(t, 60, () => t.receive(windowUpdate(1, 1)))).toBeGreaterThan(0);
  });

  test('a slow reader that takes a little now and then is left alone', () => {
    // LIM-19
    const t = sending(10);
    expect(pass(t, 120, () => t.receive(windowUpdate(1, 200)))).toBe(-1);
    expect(t.connection.openStreams).toBe(1);
  });

  test('a connection window of 0 for 30 s ends the connection', () => {
    // LIM-19
    const t = sending(1_000_000);
    expect(pass(t, 60, () => {})).toBeGreaterThan(0);
    expect(t.connection.isClosed).toBe(true);
  });

  test('a stream that has nothing to send is not stalled', () => {
    const t = server({ writeStallTimeoutMs: 1000, idleTimeoutMs: 0 });
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    expect(pass(t, 100, () => {})).toBe(-1);
  });
});
