import { describe, expect, test, vi } from 'vitest';
import { Scheduler } from '../src/flow/scheduler.ts';
import { lasting, type Tap } from '../src/index.ts';
import { client, get, server } from './support/endpoint.ts';
import {
  concat,
  data,
  F,
  frame,
  GET,
  headers,
  POST,
  S,
  settings,
  settingsAck,
  T,
  windowUpdate,
} from './support/frames.ts';

const open = headers(1, POST, F.END_HEADERS);

describe('RFC 9113 5.2, 6.9 receiving', () => {
  test('windows shrink by the padded length, padding is released by itself', () => {
    // RWN-01, RWN-16, LEN-06
    const t = server({ initialWindowSize: 100, initialConnectionWindowSize: 65_535 });
    t.receive(open, frame(T.DATA, F.PADDED, 1, concat([9], new Uint8Array(10), new Uint8Array(9))));
    expect(t.stream(1).receiveWindow).toBe(80);
    expect(t.connection.receiveWindow).toBe(65_515);
    expect(t.stream(1).unreleasedBytes).toBe(10);
  });

  test('a window is given back once half of it was released, in one frame', () => {
    // RWN-03, RWN-04, RWN-05
    const t = server({ initialWindowSize: 1000, initialConnectionWindowSize: 65_535 });
    t.receive(open, data(1, new Uint8Array(500)));
    t.connection.release(t.stream(1), 300);
    t.connection.release(t.stream(1), 199);
    expect(t.sent()).toEqual([]);
    t.connection.release(t.stream(1), 1);
    expect(t.sent()).toEqual(['WINDOW_UPDATE 1 500']);
    expect(t.stream(1).receiveWindow).toBe(1000);
  });

  test('a window of which the peer has little left is given back as soon as that doubles it', () => {
    // RWN-05
    const t = server({ initialWindowSize: 1000, initialConnectionWindowSize: 65_535 });
    t.receive(open, data(1, new Uint8Array(900)));
    t.connection.release(t.stream(1), 99);
    expect(t.sent()).toEqual([]);
    t.connection.release(t.stream(1), 1);
    expect(t.sent()).toEqual(['WINDOW_UPDATE 1 100']);
    expect(t.stream(1).receiveWindow).toBe(200);
  });

  test('streams that are not read do not keep the connection window from one that is', () => {
    // RWN-16, SWN-16
    const t = server({ initialWindowSize: 60_000, initialConnectionWindowSize: 100_000 });
    t.receive(open, headers(3, POST), data(1, new Uint8Array(16_000)), data(1, new Uint8Array(16_000)));
    t.receive(data(1, new Uint8Array(16_000)), data(1, new Uint8Array(12_000)));
    for (let i = 0; i < 20; i++) {
      // Stream 1 holds 60,000 octets; all the rest is read at once, and has to keep coming.
      t.receive(data(3, new Uint8Array(10_000)));
      t.connection.release(t.stream(3), 10_000);
      t.sent();
    }
    expect(t.connection.isClosed).toBe(false);
    expect(t.connection.receiveWindow).toBeGreaterThanOrEqual(20_000);
  });

  test('exceeding a stream window is a stream error, the connection window a connection error', () => {
    // RWN-02
    const stream = server({ initialWindowSize: 10 });
    stream.receive(open, data(1, new Uint8Array(10)), data(1, new Uint8Array(1)));
    expect(stream.sent()).toEqual(['RST_STREAM 1 3']);
    const connection = server({ initialWindowSize: 2 ** 31 - 1, initialConnectionWindowSize: 65_535 });
    connection.receive(open);
    for (let i = 0; i < 4; i++) connection.receive(data(1, new Uint8Array(16_383)));
    expect(connection.connection.isClosed).toBe(false);
    connection.receive(data(1, new Uint8Array(4)));
    expect(connection.sent()).toEqual(['GOAWAY 1 3 window.exceeded']);
  });

  test('releasing more than is held is a usage error', () => {
    // RWN-07
    const t = server();
    t.receive(open, data(1, 'abc'));
    expect(() => t.connection.release(t.stream(1), 4)).toThrow(/4 octets released, 3 held/);
    t.connection.release(t.stream(1), 3);
    expect(t.stream(1).unreleasedBytes).toBe(0);
  });

  test('a smaller initial window applies with its acknowledgement and may turn windows negative', () => {
    // RWN-09, RWN-10, RWN-11
    const t = server({ initialWindowSize: 1000 });
    t.receive(open);
    t.connection.updateSettings([4, 100]);
    t.receive(data(1, new Uint8Array(900)));
    expect(t.stream(1).receiveWindow).toBe(100);
    t.receive(settingsAck);
    expect(t.stream(1).receiveWindow).toBe(-800);
    t.connection.release(t.stream(1), 900);
    expect(t.stream(1).receiveWindow).toBe(100);
  });

  test('6.9.1: an empty DATA frame needs no window, not even one that our SETTINGS have made negative', () => {
    // RWN-09, SWN-03
    const t = server({ initialWindowSize: 1000, initialConnectionWindowSize: 65_535 });
    t.receive(open, data(1, new Uint8Array(900)));
    t.connection.updateSettings([4, 100]);
    t.receive(settingsAck);
    expect(t.stream(1).receiveWindow).toBe(-800);
    t.receive(data(1, '', F.END_STREAM));
    expect(t.sent().filter(line => line !== 'SETTINGS')).toEqual([]);
    expect(t.heard()).toContain('data 1 0 end');
  });

  test('what a stream held goes back to the connection when it is reset or ends', () => {
    // RWN-14, RWN-15
    const t = server({ initialConnectionWindowSize: 65_535 });
    t.receive(open, data(1, new Uint8Array(16_384)), data(1, new Uint8Array(16_384)));
    expect(t.connection.unreleasedBytes).toBe(32_768);
    t.connection.reset(t.stream(1), 8);
    expect(t.connection.unreleasedBytes).toBe(0);
    expect(t.sent()).toEqual(['RST_STREAM 1 8', 'WINDOW_UPDATE 0 32768']);
    t.connection.release(t.stream(1), 100);
    expect(t.connection.unreleasedBytes).toBe(0);
  });

  test('the connection’s target: up at once, down withheld', () => {
    // RWN-12, RWN-13
    const t = server({ initialConnectionWindowSize: 65_535 });
    t.connection.setTargetWindowSize(100_000);
    expect(t.sent()).toEqual(['WINDOW_UPDATE 0 34465']);
    t.connection.setTargetWindowSize(50_000);
    t.receive(open);
    for (let i = 0; i < 5; i++) {
      t.receive(data(1, new Uint8Array(10_000)));
      t.connection.release(t.stream(1), 10_000);
    }
    expect(t.sent()).toEqual([]);
    expect(t.connection.receiveWindow).toBe(50_000);
  });

  test('no window for a half that has ended', () => {
    const t = server({ initialWindowSize: 100 });
    t.receive(open, data(1, new Uint8Array(100), F.END_STREAM));
    t.connection.release(t.stream(1), 100);
    expect(t.sent()).toEqual([]);
  });
});

test('the tap hears what the program holds back, per stream and in total', () => {
  // TRC-03
  const heard: string[] = [];
  const tap = new Proxy(
    {},
    {
      get: (_target, name) => (id: number, bytes: number) => {
        if (name === 'onReceiveWithheld') heard.push(`${id}:${bytes}`);
      },
    },
  ) as unknown as Tap;
  const t = server({ tap });
  heard.length = 0;
  t.receive(open, data(1, new Uint8Array(100)), data(1, new Uint8Array(50)));
  t.connection.release(t.stream(1), 120);
  t.connection.reset(t.stream(1), 8);
  expect(heard).toEqual(['1:100', '0:100', '1:150', '0:150', '1:30', '0:30', '0:0']);
});

test('the tap hears why octets wait: windows, a full transport, others in line; once per change', () => {
  // TRC-03
  const heard: string[] = [];
  const tap = new Proxy(
    {},
    {
      get: (_target, name) => (id: number, cause: number, bytes: number) => {
        if (name === 'onSendBlocked') heard.push(`${id}:${cause}:${bytes}`);
      },
    },
  ) as unknown as Tap;
  const t = server({ tap }, 4, 1_000_000);
  t.receive(headers(1, [...GET, ['priority', 'u=0']]), headers(3, GET));
  for (const id of [1, 3]) t.connection.respond(t.stream(id), 200, [], false);
  t.connection.write(t.stream(1), new Uint8Array(40_000), false);
  t.connection.write(t.stream(3), new Uint8Array(40_000), false);
  t.sent(30_000);
  expect(heard.splice(0)).toEqual(['1:3:10000', '3:3:40000']);
  t.sent();
  expect(heard.splice(0)).toEqual(['1:0:0', '3:1:14465']);
  t.receive(windowUpdate(0, 100_000));
  t.sent(10_000);
  expect(heard.splice(0)).toEqual(['3:3:4465']);
  t.connection.noteTransport(false);
  t.connection.write(t.stream(1), new Uint8Array(100), false);
  expect(heard.splice(0)).toEqual(['1:3:100']);
  t.connection.noteTransport(true);
  t.sent();
  expect(heard.splice(0)).toEqual(['1:0:0', '3:0:0']);
});

test('the tap is told of a long line once, and then of those that were served or written to', () => {
  const streams = 300;
  let told = new Map<number, string>();
  const tap = new Proxy(
    {},
    {
      get: (_target, name) => (id: number, cause: number, bytes: number) => {
        if (name === 'onSendBlocked') told.set(id, `${cause}:${bytes}`);
      },
    },
  ) as unknown as Tap;
  const t = server({ tap, maxConcurrentStreams: streams }, 4, 100_000_000);
  t.receive(windowUpdate(0, 100_000_000));
  const whole = vi.spyOn(Scheduler.prototype, 'forEach');
  for (let i = 0; i < streams; i++) {
    t.receive(headers(2 * i + 1, GET));
    t.connection.respond(t.stream(2 * i + 1), 200, [], false);
    t.connection.write(t.stream(2 * i + 1), new Uint8Array(20_000), false);
  }
  t.sent(20_000);
  expect(told.size).toBe(streams);
  whole.mockClear();
  for (let flush = 0; flush < 50; flush++) {
    told = new Map();
    const last = t.stream(2 * streams - 1);
    t.connection.write(last, new Uint8Array(1), false);
    t.sent(1000);
    // Whoever was served, and the one that was written to; the others wait as they did.
    expect(told.size).toBeLessThanOrEqual(3);
    expect(told.get(last.id)).toBe(`3:${20_001 + flush}`);
  }
  expect(whole).not.toHaveBeenCalled();
  // More changes than are remembered: the whole line is looked at again, and nothing is missed.
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < streams; j++) t.connection.write(t.stream(2 * j + 1), new Uint8Array(1), false);
  }
  told = new Map();
  t.sent(1000);
  expect(whole).toHaveBeenCalledTimes(1);
  expect(told.size).toBeGreaterThanOrEqual(streams - 3);
  whole.mockRestore();
});

describe('RFC 9113 5.2, 6.9 sending', () => {
  /** A server that has answered stream 1 with a head, towards a peer with these windows. */
  function sending(streamWindow: number): ReturnType<typeof server> {
    const t = server({}, 4, streamWindow);
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.sent();
    return t;
  }

  test('never beyond the stream window, filled exactly, and on with WINDOW_UPDATE', () => {
    // SWN-01, SWN-02, SWN-04
    const t = sending(10);
    t.connection.write(t.stream(1), new Uint8Array(25), true);
    expect(t.sent()).toEqual(['DATA 1 10']);
    expect(t.stream(1).sendWindow).toBe(0);
    t.receive(windowUpdate(1, 14));
    expect(t.sent()).toEqual(['DATA 1 14']);
    t.receive(windowUpdate(1, 100));
    expect(t.sent()).toEqual(['DATA 1 1 END_STREAM']);
  });

  test('never beyond the connection window', () => {
    // SWN-01
    const t = sending(1_000_000);
    t.connection.write(t.stream(1), new Uint8Array(70_000), true);
    expect(t.sent()).toEqual(['DATA 1 16384', 'DATA 1 16384', 'DATA 1 16384', 'DATA 1 16383']);
    expect(t.connection.sendWindow).toBe(0);
    t.receive(windowUpdate(0, 5000));
    expect(t.sent()).toEqual(['DATA 1 4465 END_STREAM']);
  });

  test('an empty END_STREAM and trailers need no window', () => {
    // SWN-03, SWN-05, INF-08
    const t = sending(0);
    t.receive(headers(3, GET));
    t.connection.write(t.stream(1), new Uint8Array(0), true);
    t.connection.respond(t.stream(3), 200, [], false);
    t.connection.trailers(t.stream(3), ['x-end', '1']);
    expect(t.sent()).toEqual(['DATA 1 0 END_STREAM', 'HEADERS 3', 'HEADERS 3 END_STREAM']);
  });

  test('... also while the connection window is 0 and another stream has octets', () => {
    // SWN-03, SWN-16
    const t = sending(1_000_000);
    t.receive(headers(3, GET));
    t.connection.write(t.stream(1), new Uint8Array(70_000), false);
    t.sent();
    t.connection.respond(t.stream(3), 200, [], false);
    t.connection.write(t.stream(3), new Uint8Array(0), true);
    expect(t.sent()).toEqual(['HEADERS 3', 'DATA 3 0 END_STREAM']);
  });

  test('a change of the initial window moves open streams, below zero too', () => {
    // SWN-06, SWN-22
    const t = sending(10);
    t.connection.write(t.stream(1), new Uint8Array(30), false);
    t.sent();
    t.receive(settings(4, 4));
    expect(t.stream(1).sendWindow).toBe(-6);
    t.receive(windowUpdate(1, 6));
    expect(t.sent()).toEqual(['SETTINGS ACK']);
    t.receive(windowUpdate(1, 1));
    expect(t.sent()).toEqual(['DATA 1 1']);
    t.receive(settings(4, 12));
    expect(t.sent()).toEqual(['SETTINGS ACK', 'DATA 1 8']);
  });

  test('an initial window that makes a stream window overflow is FLOW_CONTROL_ERROR', () => {
    // SWN-06
    const t = sending(10);
    t.receive(windowUpdate(1, 2 ** 31 - 11), settings(4, 11));
    expect(t.sent()).toEqual(['GOAWAY 1 3 settings.window-overflow']);
  });

  test.each([
    ['0 on a stream', windowUpdate(1, 0), 'RST_STREAM 1 1'],
    ['0 on the connection', windowUpdate(0, 0), 'GOAWAY 1 1 window.zero'],
    ['overflow on a stream', windowUpdate(1, 2 ** 31 - 1), 'RST_STREAM 1 3'],
    ['overflow on the connection', windowUpdate(0, 2 ** 31 - 1), 'GOAWAY 1 3 window.overflow'],
  ])('WINDOW_UPDATE of %s', (_, input, line) => {
    // SWN-07, SWN-08
    const t = sending(10);
    t.receive(input);
    expect(t.sent()).toEqual([line]);
  });

  test('many streams on a small connection window all make progress', () => {
    // SWN-16, SCH-04, SCH-12
    const t = server({ maxConcurrentStreams: 100 }, 4, 1_000_000);
    for (let id = 1; id < 100; id += 2) {
      t.receive(headers(id, GET));
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(50_000), true);
    }
    const got = new Map<number, number>();
    for (let turn = 0; turn < 1000 && t.connection.openStreams > 0; turn++) {
      for (const f of t.frames())
        if (f.type === T.DATA) got.set(f.streamId, (got.get(f.streamId) ?? 0) + f.payload.length);
      t.receive(windowUpdate(0, 5000));
    }
    expect([...got.values()]).toEqual(new Array(50).fill(50_000));
  });

  test('equal streams take turns frame by frame', () => {
    // SCH-04, PRI-03
    const t = server({}, 4, 1_000_000);
    t.receive(headers(1, GET), headers(3, GET), windowUpdate(0, 1_000_000));
    for (const id of [1, 3]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(32_768), true);
    }
    expect(t.sent().slice(2)).toEqual([
      'DATA 1 16384',
      'DATA 3 16384',
      'DATA 1 16384 END_STREAM',
      'DATA 3 16384 END_STREAM',
    ]);
  });

  test('a blocked stream is passed over and costs the others nothing', () => {
    // PRI-05, PRI-14, SWN-13
    const t = server({}, 4, 10);
    t.receive(headers(1, GET), headers(3, GET), windowUpdate(3, 1000));
    for (const id of [1, 3]) {
      t.connection.respond(t.stream(id), 200, [], false);
      t.connection.write(t.stream(id), new Uint8Array(500), true);
    }
    expect(t.sent().slice(2)).toEqual(['DATA 3 500 END_STREAM', 'DATA 1 10'].sort());
  });

  test('write says when to wait, onWritable when to go on', () => {
    // SWN-18, SWN-19
    const t = server({ maxSendBufferSize: 1000 }, 4, 100);
    t.receive(headers(1, GET));
    const stream = t.stream(1);
    t.connection.respond(stream, 200, [], false);
    expect(t.connection.write(stream, new Uint8Array(600), false)).toBe(true);
    expect(t.connection.write(stream, new Uint8Array(500), false)).toBe(false);
    t.sent();
    t.heard();
    t.receive(windowUpdate(1, 400));
    t.sent();
    expect(t.heard()).toEqual([]);
    t.receive(windowUpdate(1, 100));
    t.sent();
    expect(t.heard()).toEqual(['writable 1']);
  });

  test('what is written inside onWritable leaves in the same turn', () => {
    const t = server({ maxSendBufferSize: 10 }, 4, 1000);
    t.receive(headers(1, GET));
    const stream = t.stream(1);
    let left = 3;
    t.on.onWritable = s => {
      t.connection.write(s, new Uint8Array(5000), --left === 0);
    };
    t.connection.respond(stream, 200, [], false);
    t.receive(windowUpdate(1, 60_000));
    t.connection.write(stream, new Uint8Array(5000), false);
    expect(t.sent()).toEqual(['HEADERS 1', 'DATA 1 5000', 'DATA 1 5000', 'DATA 1 5000', 'DATA 1 5000 END_STREAM']);
  });

  test('a budget bounds the DATA of one turn; a budget of 0 sends control frames only', () => {
    const t = sending(1_000_000);
    t.connection.write(t.stream(1), new Uint8Array(40_000), true);
    expect(t.sent(0)).toEqual([]);
    expect(t.connection.wantsWrite).toBe(true);
    expect(t.sent(20_000)).toEqual(['DATA 1 16384', 'DATA 1 3616']);
  });

  test('small pieces are joined into one frame', () => {
    // SWN-20, SWN-23
    const t = sending(10);
    for (let i = 0; i < 10; i++) t.connection.write(t.stream(1), new Uint8Array(10), i === 9);
    t.sent();
    t.receive(windowUpdate(1, 1000));
    expect(t.sent()).toEqual(['DATA 1 90 END_STREAM']);
  });

  test('a client’s upload obeys the server’s windows', () => {
    const t = client({}, false, 4, 5);
    const stream = t.connection.request({ ...get(), method: 'POST' }, false);
    t.connection.write(stream, new Uint8Array(8), true);
    expect(t.sent()).toEqual(['HEADERS 1', 'DATA 1 5']);
  });
});

test('octets that wait to be sent do not hold the memory of what they came with; large parts of it are not copied', () => {
  expect(lasting(new Uint8Array(10))).toHaveLength(10);
  const delivery = new Uint8Array(65_536).fill(7);
  const small = lasting(delivery.subarray(100, 110));
  expect([small.buffer.byteLength, ...new Set(small)]).toEqual([10, 7]);
  // On a Buffer a slice would be a view of the same memory.
  expect(lasting(Buffer.from(delivery.buffer, 0, 10)).buffer.byteLength).toBe(10);
  for (const part of [delivery, delivery.subarray(0, 40_000), delivery.subarray(0, 4096)])
    expect(lasting(part)).toBe(part);
  const t = server({}, S.INITIAL_WINDOW_SIZE, 0);
  t.receive(headers(1, GET));
  t.connection.respond(t.stream(1), 200, [], false);
  t.connection.write(t.stream(1), delivery.subarray(0, 10), true);
  delivery.fill(8);
  t.receive(windowUpdate(1, 10));
  const data = t.frames().find(({ type }) => type === T.DATA);
  expect([...(data?.payload ?? [])]).toEqual(Array(10).fill(7));
});
