import { Decoder } from '@glassway/hpack';
import { describe, expect, test } from 'vitest';
import { Connection, SettingId, type Tap } from '../src/index.ts';
import { client, Endpoint, get, server } from './support/endpoint.ts';
import {
  block,
  concat,
  data,
  F,
  frame,
  GET,
  goAway,
  headers,
  POST,
  ping,
  preface,
  rst,
  settings,
  settingsAck,
  T,
  u32,
  windowUpdate,
} from './support/frames.ts';

const core = (t: Endpoint): { registry: { lastRemoteId: number }; receiver: { window: number } } =>
  (t.connection as unknown as { core: never }).core;

describe('frames', () => {
  test('every frame type leaves octet for octet as the RFC draws it', () => {
    // FRM-01
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS), headers(3, GET), ping([1, 2, 3, 4, 5, 6, 7, 8]), settings());
    const promised = t.connection.push(t.stream(3), get('/p'));
    t.connection.respond(t.stream(3), 204, [], true);
    t.connection.reset(promised, 8);
    t.receive(data(1, new Uint8Array(10)));
    t.connection.respond(t.stream(1), 200, [], false);
    t.connection.write(t.stream(1), Uint8Array.of(1, 2, 3), true);
    t.connection.setTargetWindowSize(5_000_000);
    t.connection.updateSettings([SettingId.INITIAL_WINDOW_SIZE, 0x01020304]);
    t.connection.destroy(2, 'bye');
    const octets = concat(...t.connection.takeOutput());
    const hex = (parts: (number | number[])[]): string => Buffer.from(parts.flat()).toString('hex');
    const all = Buffer.from(octets).toString('hex');
    for (const expected of [
      hex([0, 0, 8, 6, 1, u32(0), 1, 2, 3, 4, 5, 6, 7, 8]), // PING ACK
      hex([0, 0, 0, 4, 1, u32(0)]), // SETTINGS ACK
      hex([0, 0, 4, 3, 0, u32(2), u32(8)]), // RST_STREAM
      hex([0, 0, 1, 1, 5, u32(3), 0x89]), // HEADERS with :status 204, indexed
      hex([0, 0, 1, 1, 4, u32(1), 0x88]), // HEADERS with :status 200, indexed
      hex([0, 0, 3, 0, 1, u32(1), 1, 2, 3]), // DATA
      hex([0, 0, 6, 4, 0, u32(0), 0, 4, 1, 2, 3, 4]), // SETTINGS
      hex([0, 0, 11, 7, 0, u32(0), u32(3), u32(2), 0x62, 0x79, 0x65]), // GOAWAY
    ]) {
      expect(all).toContain(expected);
    }
    expect(all).toContain(hex([5, 4, u32(3), u32(2)])); // PUSH_PROMISE, END_HEADERS, on stream 3, of stream 2
    expect(all).toContain(hex([0, 0, 4, 8, 0, u32(0)])); // WINDOW_UPDATE
  });

  test('a header alone waits for its payload; what follows is read after it', () => {
    // FRM-22
    const t = server();
    const input = concat(frame(0xbb, 0, 0, new Uint8Array(100)), headers(1, GET));
    t.connection.receive(input.slice(0, 9), 0);
    t.connection.receive(input.slice(9, 60), 0);
    expect(t.heard()).toEqual([]);
    t.connection.receive(input.slice(60), 0);
    expect(t.heard()).toEqual(['request 1 GET / end']);
  });

  test('a field larger than one frame arrives', () => {
    // CON-11
    const t = server();
    const long = block([...GET, ['x-long', 'v'.repeat(40_000)]]);
    t.receive(frame(T.HEADERS, F.END_STREAM, 1, long.slice(0, 16_384)));
    t.receive(frame(T.CONTINUATION, 0, 1, long.slice(16_384, 32_768)));
    t.receive(frame(T.CONTINUATION, F.END_HEADERS, 1, long.slice(32_768)));
    expect(t.heads[0]?.fields[1]).toHaveLength(40_000);
  });

  test('the peer’s frame size in force when a section is written cuts it', () => {
    // CON-12, SET-09
    const t = client();
    const head = { ...get(), fields: ['x-long', 'é'.repeat(30_000)] };
    t.connection.request(head, true);
    expect(Math.max(...t.frames().map(f => f.payload.length))).toBe(16_384);
    t.receive(settings(5, 100_000));
    t.connection.request({ ...head, fields: ['x-other', 'é'.repeat(30_000)] }, true);
    expect(
      t
        .frames()
        .filter(f => f.type !== T.SETTINGS)
        .map(f => f.type),
    ).toEqual([T.HEADERS]);
  });

  test('what was read is not disturbed when the caller writes over its buffer', () => {
    // ROB-06: only onData lends views; heads, GOAWAY data and PING payloads are copies
    const t = client();
    t.connection.request(get(), true);
    const heads: string[] = [];
    t.on.onResponse = (_stream, head) => heads.push(head.fields.join());
    const chunk = concat(
      headers(
        1,
        [
          [':status', '200'],
          ['a', 'kept'],
        ],
        F.END_HEADERS,
      ),
      frame(T.HEADERS, 0, 1, [0, 1, 0x62]),
    );
    t.connection.receive(chunk, 0);
    chunk.fill(0xff);
    t.connection.receive(frame(T.CONTINUATION, F.END_HEADERS, 1, [1, 0x63]), 0);
    expect(heads).toEqual(['a,kept']);
    expect(t.heard()).toContain('reset 1 PROTOCOL_ERROR library trailers.end-stream');
  });

  test('a buffer given to write is only read until it was taken', () => {
    // ROB-07
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    const small = Uint8Array.of(7, 7, 7);
    t.connection.write(t.stream(1), small, true);
    const frames = t.frames();
    small.fill(0);
    expect([...(frames.at(-1)?.payload ?? [])]).toEqual([7, 7, 7]);
    expect(t.connection.openStreams).toBe(0);
  });
});

describe('settings', () => {
  test('take effect in wire order: the window change is seen by the frame limit after it, the last value wins', () => {
    // SET-03
    const t = server();
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.receive(settings(4, 5, 5, 20_000, 4, 30));
    expect(t.stream(1).sendWindow).toBe(30);
    expect(t.connection.remoteSettings.maxFrameSize).toBe(20_000);
  });

  test('a smaller HEADER_TABLE_SIZE of the peer is announced by our encoder’s next block', () => {
    // SET-09, LIM-23
    const t = server();
    t.receive(headers(1, GET), headers(3, GET), settings(1, 0));
    t.sent();
    t.connection.respond(t.stream(1), 200, ['x-a', 'b'], true);
    const [first] = t.frames();
    expect(first?.payload[0]).toBe(0x20);
    t.receive(settings(1, 4096));
    t.sent();
    t.connection.respond(t.stream(3), 200, ['x-a', 'b'], true);
    const decoder = new Decoder();
    const fields: string[] = [];
    const sink = { onField: (name: string, value: string) => fields.push(`${name}=${value}`) };
    decoder.decode(first?.payload ?? new Uint8Array(), sink);
    decoder.decode(t.frames()[0]?.payload ?? new Uint8Array(), sink);
    expect(fields).toEqual([':status=200', 'x-a=b', ':status=200', 'x-a=b']);
  });

  test('our smaller HEADER_TABLE_SIZE binds the peer from its acknowledgement on', () => {
    // SET-09, HPD-10
    const t = new Endpoint({ role: 'server', headerTableSize: 0 });
    const insert = concat(block(GET), [0x40, 1, 0x61, 1, 0x62]);
    t.receive(preface, settings(), frame(T.HEADERS, 5, 1, insert));
    expect(t.heard()).toContain('request 1 GET / end');
    t.receive(settingsAck, frame(T.HEADERS, 5, 3, block(GET)));
    expect(t.heard().at(-1)).toBe('end COMPRESSION_ERROR hpack.block');
  });

  test('MAX_FRAME_SIZE 0 from a server ends the connection at once', () => {
    // SET-11
    const t = new Endpoint({ role: 'client' });
    t.receive(settings(5, 0));
    expect(t.heard()).toEqual(['end PROTOCOL_ERROR settings.frame-size']);
  });

  test('toggling the table size again and again is charged', () => {
    // LIM-23
    const t = server({ settingsWorkBurst: 50, settingsWorkRefillPerSecond: 1 });
    for (let i = 0; i < 25; i++) t.receive(settings(1, 0), settings(1, 4096));
    expect(t.connection.isClosed).toBe(false);
    t.receive(settings(1, 0));
    expect(t.heard().at(-1)).toBe('end ENHANCE_YOUR_CALM flood.settings');
  });
});

describe('endings', () => {
  test('GOAWAY of the peer fails only streams that we opened', () => {
    // GOA-08
    const t = client({}, true);
    t.connection.request(get(), true);
    t.receive(frame(T.PUSH_PROMISE, F.END_HEADERS, 1, concat(u32(2), block(GET))), goAway(0, 0));
    expect(t.heard()).toEqual([
      'push 1 2 /',
      'goaway 0 0',
      'reset 1 REFUSED_STREAM remote goaway.unprocessed',
      'closed 1',
    ]);
    expect(t.connection.openStreams).toBe(1);
  });

  test('GOAWAY from both sides', () => {
    // GOA-11, GOA-21
    const t = server();
    t.receive(headers(1, GET));
    t.connection.shutdown('maintenance');
    t.receive(goAway(0, 0));
    t.connection.respond(t.stream(1), 200, [], true);
    expect(t.sent()).toEqual(['GOAWAY 2147483647 0 maintenance', 'PING', 'HEADERS 1 END_STREAM']);
    expect(t.heard().at(-1)).toBe('end clean');
  });

  test('an error after GOAWAY still ends the connection', () => {
    // GOA-19
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS));
    t.connection.shutdown();
    t.receive(rst(0, 0));
    expect(t.sent().at(-1)).toBe('GOAWAY 1 1 frame.stream-zero');
    expect(t.connection.isClosed).toBe(true);
  });

  test('DATA of streams beyond our GOAWAY is refunded', () => {
    // RWN-17
    const t = server({ initialConnectionWindowSize: 65_535 });
    t.receive(headers(1, POST, F.END_HEADERS));
    t.connection.shutdown();
    const [, sent] = t.frames();
    t.receive(frame(T.PING, F.ACK, 0, sent?.payload ?? []), headers(3, POST, F.END_HEADERS));
    t.sent();
    for (let i = 0; i < 3; i++) t.receive(data(3, new Uint8Array(16_000)));
    expect(t.sent()).toEqual(['WINDOW_UPDATE 0 48000']);
  });

  test('debug data is kept up to 1 KiB', () => {
    // LIM-35, FRM-12
    const kept: number[] = [];
    const t = client();
    t.connection.request(get(), true);
    t.on.onResponse = () => {};
    (t.connection as unknown as { core: { handler: { onGoAway: unknown } } }).core.handler.onGoAway = (
      _last: number,
      _code: number,
      debug: Uint8Array,
    ) => kept.push(debug.length);
    t.receive(goAway(1, 0, 'short'), goAway(1, 0, 'd'.repeat(10_000)));
    expect(kept).toEqual([5, 1024]);
  });

  test('the last stream a client can open: the server still answers it', () => {
    // STA-14, LIM-32
    const t = server();
    t.receive(headers(2 ** 31 - 1, GET));
    t.connection.respond(t.stream(2 ** 31 - 1), 200, [], true);
    expect(t.sent()).toEqual([`HEADERS ${2 ** 31 - 1} END_STREAM`, `GOAWAY ${2 ** 31 - 1} 0 stream.ids-used-up`]);
    expect(t.heard().at(-1)).toBe('end clean');
  });

  test('streams that are still open when the highest number has ended finish first', () => {
    // LIM-32
    const t = server();
    t.receive(headers(1, GET), headers(2 ** 31 - 1, GET));
    t.connection.respond(t.stream(2 ** 31 - 1), 200, [], true);
    expect(t.connection.isClosed).toBe(false);
    t.connection.respond(t.stream(1), 200, [], true);
    expect(t.connection.isClosed).toBe(true);
  });

  test('the tap hears of the broken rule before GOAWAY is written', () => {
    // LIM-40, TRC-04
    const order: string[] = [];
    const t = server();
    (t.connection as unknown as { core: { tap: unknown } }).core.tap = new Proxy(
      {},
      {
        get:
          (_target, name) =>
          (...args: unknown[]) =>
            order.push(`${String(name)} ${String(args[0])} ${String(args[1])}`),
      },
    );
    t.receive(rst(0, 0));
    const first = order.findIndex(e => e.startsWith('onViolation frame.stream-zero'));
    const goaway = order.findIndex(e => e.startsWith('onGoAway'));
    expect(first).toBeGreaterThanOrEqual(0);
    expect(goaway).toBeGreaterThan(first);
  });
});

describe('requests that wait', () => {
  test('the peer’s frames for a request that has not left are a connection error', () => {
    // STA-18, CNC-07
    const t = client({}, false, 3, 1);
    t.connection.request(get('/1'), true);
    t.connection.request(get('/2'), true);
    t.receive(rst(3, 8));
    expect(t.heard()).toContain('end PROTOCOL_ERROR frame.idle-stream');
  });
});

describe('scheduling', () => {
  test('control frames come before the body, whatever is queued', () => {
    // PRI-06, SCH-09
    const t = server({}, 4, 1_000_000);
    t.receive(headers(1, GET), headers(3, POST, F.END_HEADERS), windowUpdate(0, 1_000_000));
    t.connection.respond(t.stream(1), 200, [], false);
    t.sent();
    t.connection.write(t.stream(1), new Uint8Array(100_000), true);
    t.connection.reset(t.stream(3), 8);
    t.receive(ping([0, 0, 0, 0, 0, 0, 0, 0]), settings());
    expect(t.sent().slice(0, 4)).toEqual(['RST_STREAM 3 8', 'PING ACK', 'SETTINGS ACK', 'DATA 1 16384']);
  });

  test('nothing of a stream goes out before its HEADERS, and streams open in order', () => {
    // SCH-01
    const t = client({}, false, 3, 2);
    const streams = Array.from({ length: 6 }, (_, i) =>
      t.connection.request({ ...get(`/${i}`), method: 'POST' }, false),
    );
    for (const stream of [...streams].reverse()) t.connection.write(stream, new Uint8Array(10), true);
    const order: string[] = [];
    for (let turn = 0; turn < 10; turn++) {
      for (const line of t.sent()) order.push(line);
      for (const stream of streams) {
        if (stream.id !== 0 && stream.state === 4) t.receive(headers(stream.id, [[':status', '200']]));
      }
    }
    expect(order.filter(line => line.startsWith('HEADERS'))).toEqual([1, 3, 5, 7, 9, 11].map(id => `HEADERS ${id}`));
    expect(order).toHaveLength(12);
    for (const id of [1, 3, 5, 7, 9, 11]) {
      expect(order.indexOf(`HEADERS ${id}`)).toBeLessThan(order.indexOf(`DATA ${id} 10 END_STREAM`));
    }
  });

  test('ten thousand idle streams do not make a frame dearer', () => {
    // SCH-11: counted, not timed: the scheduler looks at one stream per frame
    const t = server({ maxConcurrentStreams: 20_000 }, 4, 1_000_000);
    for (let i = 0; i < 10_000; i++) {
      t.receive(headers(1 + i * 2, GET));
      t.connection.respond(t.stream(1 + i * 2), 200, [], false);
    }
    t.sent();
    let looked = 0;
    const { sender } = (t.connection as unknown as { core: { sender: { scheduler: { next: () => unknown } } } }).core;
    const next = sender.scheduler.next.bind(sender.scheduler);
    sender.scheduler.next = () => {
      looked++;
      return next();
    };
    t.connection.write(t.stream(9999), new Uint8Array(60_000), true);
    expect(t.sent()).toHaveLength(4);
    expect(looked).toBeLessThanOrEqual(5);
  });

  test('if a stream has octets and window, something comes out', () => {
    // SCH-03
    const t = server({}, 4, 0);
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.connection.write(t.stream(1), new Uint8Array(50), true);
    t.sent();
    for (let i = 0; i < 50; i++) {
      t.receive(windowUpdate(1, 1));
      expect(t.connection.wantsWrite).toBe(true);
      expect(t.sent()).toHaveLength(1);
    }
    expect(t.connection.openStreams).toBe(0);
  });
});

describe('windows', () => {
  test('the largest window there is', () => {
    // RWN-20
    const t = server({ initialWindowSize: 2 ** 31 - 1, initialConnectionWindowSize: 2 ** 31 - 1 });
    t.receive(headers(1, POST, F.END_HEADERS), data(1, new Uint8Array(1000)));
    t.connection.release(t.stream(1), 1000);
    expect(core(t).receiver.window).toBe(2 ** 31 - 1 - 1000);
    expect(t.connection.isClosed).toBe(false);
  });
});

describe('messages', () => {
  test('204 may say content-length 0 or nothing; a length with no body is no error there', () => {
    // LEN-04
    const t = client();
    t.connection.request(get(), true);
    t.receive(
      headers(1, [
        [':status', '204'],
        ['content-length', '0'],
      ]),
    );
    expect(t.heard()).toEqual(['response 1 204 end', 'closed 1']);
  });

  test('a status in a request is malformed', () => {
    // HDR-19
    const t = server();
    t.receive(headers(1, [...GET, [':status', '103']]));
    expect(t.sent()).toEqual(['RST_STREAM 1 1']);
  });

  test('informational responses share the limits of any section', () => {
    // INF-06, LIM-30, LIM-31
    const t = client({ maxHeaderListSize: 200 });
    t.connection.request(get(), true);
    t.sent();
    t.receive(
      headers(
        1,
        [
          [':status', '103'],
          ['link', 'x'.repeat(200)],
        ],
        F.END_HEADERS,
      ),
    );
    expect(t.sent()).toEqual(['RST_STREAM 1 11']);
  });

  test('trailers share the limits of any section', () => {
    // LIM-31
    const t = server({ maxHeaderListSize: 300 });
    t.receive(headers(1, POST, F.END_HEADERS), headers(1, [['x', 'y'.repeat(300)]]));
    expect(t.sent()).toEqual(['RST_STREAM 1 11']);
  });
});

test('RFC 7541 Appendix A: statuses of the static table are one octet, whoever watches; others are literals', () => {
  for (const [status, octets] of [
    [200, [0x88]],
    [204, [0x89]],
    [304, [0x8b]],
    [404, [0x8d]],
    [500, [0x8e]],
    [201, [0x48, 0x82, 0x10, 0x03]],
  ] as const) {
    for (const tap of [null, new Proxy({}, { get: () => () => {} }) as Tap]) {
      const connection = new Connection({
        role: 'server',
        tap,
        handler: { onRequest: stream => connection.respond(stream, status, [], true) },
      });
      connection.receive(concat(preface, settings(), settingsAck), 0);
      connection.takeOutput();
      connection.receive(headers(1, GET), 1);
      expect([...concat(...connection.takeOutput()).subarray(9)]).toEqual([...octets]);
    }
  }
});
