import { expect, test } from 'vitest';
import { GET, headers, S, windowUpdate } from '../support/frames.ts';
import { GREATEST, limit, server, times, type Watched } from '../support/limit.ts';

/** A server with `streams` responses begun towards a client whose stream windows are `window`. */
function responding(options: Parameters<typeof server>[0], streams: number, window = 0): Watched {
  const t = server({ idleTimeoutMs: 0, ...options }, S.INITIAL_WINDOW_SIZE, window);
  for (const id of times(streams, i => 1 + i * 2)) {
    t.receive(headers(id, GET));
    t.connection.respond(t.stream(id), 200, [], false);
  }
  t.sent();
  t.heard();
  return t;
}

const octets = (count: number): Uint8Array => new Uint8Array(count);
const write = (t: Watched, id: number, count: number): boolean =>
  t.connection.write(t.stream(id), octets(count), false);

// SWN-18, SWN-19, LIM-34: CVE-2019-9517. Back-pressure for the program, not an error.
limit('maxSendBufferSize', {
  below() {
    const t = responding({ maxSendBufferSize: 1000 }, 1);
    expect(write(t, 1, 999)).toBe(true);
  },
  at() {
    const t = responding({ maxSendBufferSize: 1000 }, 1);
    expect(write(t, 1, 1000)).toBe(false);
    t.untouched();
  },
  above() {
    const t = responding({ maxSendBufferSize: 1000 }, 1);
    expect(write(t, 1, 999)).toBe(true);
    expect(write(t, 1, 2)).toBe(false);
    expect(t.stream(1).bufferedBytes).toBe(1001);
    // Told once it is half empty.
    t.receive(windowUpdate(1, 500));
    expect([t.sent(), t.heard()]).toEqual([['DATA 1 500'], []]);
    t.receive(windowUpdate(1, 1));
    expect([t.sent(), t.heard()]).toEqual([['DATA 1 1'], ['writable 1']]);
    t.untouched();
  },
  burst() {
    const t = responding({ maxSendBufferSize: 10_000 }, 1, GREATEST);
    t.receive(windowUpdate(0, GREATEST - 65_535));
    for (let i = 0; i < 2000; i++) {
      expect(write(t, 1, 9999)).toBe(true);
      t.sent();
    }
  },
  off() {
    const t = responding({ maxSendBufferSize: GREATEST, maxConnectionSendBufferSize: GREATEST }, 1);
    for (let i = 0; i < 100; i++) expect(write(t, 1, 1_000_000)).toBe(true);
  },
});

// LIM-34: CVE-2019-9511
limit('maxConnectionSendBufferSize', {
  below() {
    const t = responding({ maxConnectionSendBufferSize: 100_000 }, 3);
    expect([write(t, 1, 50_000), write(t, 3, 49_999)]).toEqual([true, true]);
  },
  at() {
    const t = responding({ maxConnectionSendBufferSize: 100_000 }, 3);
    expect([write(t, 1, 50_000), write(t, 3, 50_000)]).toEqual([true, true]);
  },
  above() {
    const t = responding({ maxConnectionSendBufferSize: 100_000 }, 3);
    expect([write(t, 1, 50_000), write(t, 3, 50_001)]).toEqual([true, false]);
    // Streams that hold little may go on: those that stall must not stop those that do not.
    expect(write(t, 5, 16_383)).toBe(true);
    expect(write(t, 5, 1)).toBe(false);
    // Half of what each may have at least has left.
    t.receive(windowUpdate(5, 8192));
    expect([t.sent(), t.heard()]).toEqual([['DATA 5 8192'], ['writable 5']]);
    expect(write(t, 5, 100)).toBe(true);
    // What one gives up is room for the others.
    t.connection.reset(t.stream(1), 8);
    t.sent();
    expect(write(t, 5, 20_000)).toBe(true);
    t.untouched();
  },
  burst() {
    // Fifteen that stall with all they may hold, and one that is read: it moves on.
    const t = responding({ maxConnectionSendBufferSize: 1_000_000 }, 16);
    for (const id of times(15, i => 1 + i * 2)) write(t, id, 200_000);
    for (let i = 0; i < 200; i++) {
      write(t, 31, 16_384);
      t.receive(windowUpdate(31, 16_384));
      expect(t.sent()).toEqual(['DATA 31 16384']);
      expect(t.heard()).toEqual(['writable 31']);
      t.receive(windowUpdate(0, 16_384));
    }
    t.untouched();
  },
  off() {
    const t = responding({ maxConnectionSendBufferSize: GREATEST }, 100);
    for (const id of times(100, i => 1 + i * 2)) expect(write(t, id, 262_143)).toBe(true);
  },
});

/** Lets seconds pass as a pump would; gives the second in which the connection or the stream was ended, -1: never. */
function pass(t: Watched, seconds: number, each: (second: number) => void = () => {}): number {
  for (let second = 1; second <= seconds; second++) {
    t.now = second * 1000;
    each(second);
    t.sent();
    while (t.connection.nextTimeout() <= t.now) t.connection.handleTimeout(t.now);
    if (t.log.length !== 0) return second;
  }
  return -1;
}

/** A response of 200,000 octets to a client that has granted 10. */
function stalling(writeStallTimeoutMs: number, window = 10): Watched {
  const t = responding({ writeStallTimeoutMs }, 1, window);
  t.connection.write(t.stream(1), octets(200_000), true);
  t.sent();
  return t;
}

// LIM-19, LIM-37: a window of 0, CVE-2026-49975. Looked at six times in the timeout.
limit('writeStallTimeoutMs', {
  below() {
    const t = stalling(30_000);
    expect(pass(t, 30)).toBe(-1);
    t.untouched();
  },
  at() {
    // The first look is when the wait begins: 30 s after it.
    const t = stalling(30_000);
    expect(pass(t, 40)).toBe(35);
    t.reset(1, 'write.stalled');
  },
  above() {
    // A drip of one octet a second is no progress.
    const t = stalling(30_000);
    expect(pass(t, 40, () => t.receive(windowUpdate(1, 1)))).toBe(35);
    t.reset(1, 'write.stalled');
    // For want of the connection's window everything stands still.
    const c = stalling(30_000, 1_000_000);
    expect(pass(c, 40)).toBe(35);
    c.ended('write.stalled');
  },
  burst() {
    // Slow, and moving.
    const t = stalling(30_000);
    expect(pass(t, 300, () => t.receive(windowUpdate(1, 200)))).toBe(-1);
    expect(t.connection.openStreams).toBe(1);
    // Nothing to send is no stall.
    const idle = responding({ writeStallTimeoutMs: 30_000 }, 1);
    expect(pass(idle, 300)).toBe(-1);
  },
  off() {
    const t = stalling(0);
    expect(pass(t, 3600)).toBe(-1);
  },
});

test('requests that wait for their stream count among what is queued, and no more when they are given up', () => {
  const t = responding({ maxConnectionSendBufferSize: 50_000 }, 2);
  expect(write(t, 1, 50_001)).toBe(false);
  t.connection.reset(t.stream(1), 8);
  expect(write(t, 3, 50_000)).toBe(true);
});
