import { expect, test } from 'vitest';
import { concat, data, F, frame, header, headers, POST, T } from '../support/frames.ts';
import { GREATEST, limit, server, times, type Watched } from '../support/limit.ts';

const open = (id: number): Uint8Array => headers(id, POST, F.END_HEADERS);

/** A server with stream 1 open, whose program reads at once what comes. */
function reading(options: Parameters<typeof server>[0] = {}): Watched {
  const t = server(options);
  t.on.onData = (stream, chunk) => t.connection.release(stream, chunk.length);
  t.receive(open(1));
  return t;
}

const empties = (count: number): Uint8Array[] => times(count, () => data(1, ''));

// LIM-24: CVE-2019-9518
limit('emptyDataBurst', {
  below() {
    const t = server({ emptyDataBurst: 5, emptyDataRefillPerSecond: 0 });
    t.receive(open(1), ...empties(4));
    t.untouched();
  },
  at() {
    const t = server({ emptyDataBurst: 5, emptyDataRefillPerSecond: 0 });
    t.receive(open(1), ...empties(5));
    t.untouched();
  },
  above() {
    const t = server({ emptyDataBurst: 5, emptyDataRefillPerSecond: 0 });
    // Padding is no content.
    t.receive(open(1), ...empties(5), frame(T.DATA, F.PADDED, 1, [1, 0]));
    t.ended('flood.empty-data');
  },
  burst() {
    // Those that end a stream are as many as there are streams.
    const t = server();
    for (const id of times(1000, i => 1 + i * 2)) {
      t.receive(open(id), data(id, '', F.END_STREAM));
      t.connection.respond(t.stream(id), 200, [], true);
    }
    t.untouched();
  },
  off() {
    const t = server({ emptyDataBurst: 0 });
    t.receive(open(1), ...empties(20_000));
    t.untouched();
  },
});

function emptiesAfterASecond(count: number): Watched {
  const t = server({ emptyDataBurst: 5, emptyDataRefillPerSecond: 3 });
  t.receive(open(1), ...empties(5));
  t.now = 1000;
  t.receive(...empties(count));
  return t;
}

// LIM-24
limit('emptyDataRefillPerSecond', {
  below: () => emptiesAfterASecond(2).untouched(),
  at: () => emptiesAfterASecond(3).untouched(),
  above: () => emptiesAfterASecond(4).ended('flood.empty-data'),
  burst() {
    // A peer that flushes now and then without having anything.
    const t = server();
    t.receive(open(1));
    for (const at of times(1000, i => i)) {
      t.now = at * 100;
      t.receive(data(1, ''));
    }
    t.untouched();
  },
  off() {
    const t = server({ emptyDataBurst: 5, emptyDataRefillPerSecond: GREATEST });
    t.receive(open(1));
    for (const at of times(1000, i => i)) {
      t.now = at + 1;
      t.receive(...empties(5));
    }
    t.untouched();
  },
});

/** `count` frames of one octet, 255 each, that nobody reads; then one more chunk, before which the program had its turn. */
function unread(count: number, dataFrameBudget: number): Watched {
  const t = server({ dataFrameBudget });
  t.receive(open(1), ...times(count, () => data(1, 'x')));
  expect(t.connection.isClosed).toBe(false);
  t.receive(data(1, 'y'.repeat(256)));
  return t;
}

// LIM-25
limit('dataFrameBudget', {
  below: () => unread(9, 2550).untouched(),
  at: () => unread(10, 2550).untouched(),
  above: () => unread(11, 2550).ended('flood.small-data'),
  burst() {
    // The messages of a chatty stream, read as they come; what ends a stream costs nothing.
    const t = reading();
    const messages = concat(...times(1000, () => data(1, 'x')));
    for (const at of times(100, i => i)) {
      t.connection.receive(messages, at);
      t.sent();
    }
    for (const id of times(1000, i => 3 + i * 2)) {
      t.receive(open(id), data(id, 'x', F.END_STREAM));
      t.connection.respond(t.stream(id), 200, [], true);
      t.sent();
    }
    t.untouched();
  },
  off: () => unread(10_000, 0).untouched(),
});

test('the budget is half the stream window: a window twice as large bears twice as much', () => {
  // LIM-25
  const bears = (initialWindowSize: number, frames: number): boolean => {
    const t = server({ initialWindowSize });
    t.receive(open(1), ...times(frames, () => data(1, 'x')));
    t.receive(data(1, 'x'));
    return !t.connection.isClosed;
  };
  const most = (window: number): number => Math.floor(window / 2 / 255);
  for (const window of [262_144, 524_288]) {
    expect(bears(window, most(window))).toBe(true);
    expect(bears(window, most(window) + 1)).toBe(false);
  }
});

// FRM-03, FRM-04
limit('maxFrameSize', {
  below() {
    const t = reading();
    t.receive(data(1, new Uint8Array(16_383)));
    t.untouched();
  },
  at() {
    const t = reading();
    t.receive(data(1, new Uint8Array(16_384)));
    t.untouched();
  },
  above() {
    // Its header is enough: nothing of it is kept.
    const t = reading();
    t.receive(header(16_385, T.DATA, 0, 1));
    t.ended('frame.too-large');
  },
  burst() {
    const t = reading();
    for (let i = 0; i < 200; i++) {
      t.receive(data(1, new Uint8Array(16_384)));
      t.sent();
    }
    t.untouched();
  },
  off() {
    const most = { maxFrameSize: 2 ** 24 - 1, initialWindowSize: GREATEST, initialConnectionWindowSize: GREATEST };
    const t = reading(most);
    t.receive(data(1, new Uint8Array(2 ** 24 - 1)));
    t.untouched();
  },
});

test('the tap hears of the frame that was too large, and of one whose padding is wrong', () => {
  // FRM-03, FRM-07, TRC-01
  const frames: string[] = [];
  const tap = new Proxy(
    {
      onFrame: (direction: number, type: number, flags: number, id: number, length: number) =>
        void frames.push([direction, type, flags, id, length].join(' ')),
    },
    { get: (of, name) => (name === 'onFrame' ? of.onFrame : () => {}) },
  ) as never;
  for (const bad of [
    header(16_385, T.HEADERS, 5, 3),
    frame(T.DATA, F.PADDED, 1, [9, 0]),
    header(0, T.DATA, F.PADDED, 1),
  ]) {
    const t = server({ tap });
    t.receive(open(1));
    frames.length = 0;
    t.receive(bad);
    expect(t.connection.isClosed).toBe(true);
    expect(frames[0]).toBe(bad[3] === T.HEADERS ? `0 ${T.HEADERS} 5 3 16385` : `0 ${T.DATA} ${F.PADDED} 1 ${bad[2]}`);
  }
});

// RWN-02
limit('initialWindowSize', {
  below() {
    const t = server({ initialWindowSize: 1000 });
    t.receive(open(1), data(1, new Uint8Array(999)));
    t.untouched();
  },
  at() {
    const t = server({ initialWindowSize: 1000 });
    t.receive(open(1), data(1, new Uint8Array(1000)));
    t.untouched();
  },
  above() {
    const t = server({ initialWindowSize: 1000 });
    t.receive(open(1), data(1, new Uint8Array(1001)));
    t.reset(1, 'window.exceeded');
  },
  burst() {
    const t = reading({ initialWindowSize: 1000 });
    for (let i = 0; i < 1000; i++) {
      t.receive(data(1, new Uint8Array(1000)));
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ initialWindowSize: GREATEST, initialConnectionWindowSize: GREATEST });
    const body = data(1, new Uint8Array(16_384));
    t.receive(open(1), ...times(1000, () => body));
    t.untouched();
  },
});

/** DATA of `octets` octets in all, over two streams. */
function both(t: Watched, octets: number): Watched {
  t.receive(open(1), open(3));
  for (let left = octets, id = 1; left > 0; left -= 16_384, id = 4 - id) {
    if (!t.connection.isClosed) t.receive(data(id, new Uint8Array(Math.min(left, 16_384))));
  }
  return t;
}

// RWN-02
limit('initialConnectionWindowSize', {
  below: () => both(server({ initialConnectionWindowSize: 65_535 }), 65_534).untouched(),
  at: () => both(server({ initialConnectionWindowSize: 65_535 }), 65_535).untouched(),
  above: () => both(server({ initialConnectionWindowSize: 65_535 }), 65_536).ended('window.exceeded'),
  burst() {
    const t = reading({ initialConnectionWindowSize: 65_535 });
    for (let i = 0; i < 200; i++) {
      t.receive(data(1, new Uint8Array(16_384)));
      t.sent();
    }
    t.untouched();
  },
  off: () =>
    both(server({ initialWindowSize: GREATEST, initialConnectionWindowSize: GREATEST }), 8_000_000).untouched(),
});
