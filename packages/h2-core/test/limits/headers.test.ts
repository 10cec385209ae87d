import { describe, expect, test } from 'vitest';
import { get } from '../support/endpoint.ts';
import { block, concat, continuation, F, type Fields, frame, GET, headers, POST, T, u32 } from '../support/frames.ts';
import { client, GREATEST, limit, server, times, type Watched } from '../support/limit.ts';

/** Octets by RFC 9113 6.5.2. */
const sizeOf = (fields: Fields): number => fields.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
const withValue = (length: number): Fields => [...GET, ['x', 'v'.repeat(length)]];
const crumbs = (count: number): Fields => [...GET, ...times(count, (): [string, string] => ['cookie', 'a=b'])];

const LIST = sizeOf(withValue(100));

// LIM-16, LIM-31: CVE-2016-6581
limit('maxHeaderListSize', {
  below() {
    const t = server({ maxHeaderListSize: LIST });
    t.receive(headers(1, withValue(99)));
    t.untouched();
  },
  at() {
    const t = server({ maxHeaderListSize: LIST });
    t.receive(headers(1, withValue(100)));
    t.untouched();
  },
  above() {
    const t = server({ maxHeaderListSize: LIST });
    t.receive(headers(1, withValue(101)));
    t.reset(1, 'headers.list-size');
    // One field alone, that is skipped without being built.
    t.receive(headers(3, withValue(LIST * 3)));
    t.reset(3, 'headers.list-size');
    // Trailers share the limit.
    t.receive(headers(5, POST, F.END_HEADERS), headers(5, [['x', 'v'.repeat(LIST)]]));
    t.reset(5, 'headers.list-size');
    // And the table is right for who comes next.
    t.receive(headers(7, GET));
    expect(t.heads.at(-1)?.authority).toBe('example.com');
  },
  burst() {
    const t = server();
    const large = withValue(16_384 - 200);
    for (const id of times(100, i => 1 + i * 2)) {
      t.receive(headers(id, large));
      t.connection.respond(t.stream(id), 200, [], true);
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ maxHeaderListSize: 2 ** 32 - 1, maxFrameSize: 2 ** 24 - 1, maxHeaderMemory: GREATEST });
    t.receive(headers(1, withValue(1_000_000)));
    t.untouched();
    expect(t.heads[0]?.fields[1]).toHaveLength(1_000_000);
  },
});

describe('far above what we accept: the connection ends, for the reason there is and not for COMPRESSION_ERROR', () => {
  test('many fields', () => {
    // LIM-16
    const t = server({ maxHeaderListSize: LIST });
    t.receive(headers(1, [...GET, ...times(20, (): [string, string] => ['x', 'v'.repeat(50)])]));
    t.ended('headers.too-large');
  });

  test('one field', () => {
    // LIM-16, HPD-11
    const t = server({ maxHeaderListSize: LIST });
    t.receive(headers(1, withValue(LIST * 4 + 1)));
    t.ended('headers.too-large');
  });

  test('octets of CONTINUATION, before they are decoded', () => {
    // LIM-15
    const t = server({ maxHeaderListSize: 1024 });
    t.receive(headers(1, [], 0), continuation(1, new Uint8Array(1024)));
    t.untouched();
    t.receive(continuation(1, new Uint8Array(1)));
    t.ended('headers.too-large');
  });
});

// LIM-17: CVE-2026-49975
limit('maxHeaderFields', {
  below() {
    const t = server({ maxHeaderFields: 10 });
    t.receive(headers(1, crumbs(5)));
    t.untouched();
  },
  at() {
    const t = server({ maxHeaderFields: 10 });
    t.receive(headers(1, crumbs(6)));
    t.untouched();
  },
  above() {
    const t = server({ maxHeaderFields: 10 });
    t.receive(headers(1, crumbs(7)));
    t.reset(1, 'headers.list-size');
    t.receive(headers(3, crumbs(37)));
    t.ended('headers.too-large');
  },
  burst() {
    // A browser that sends each crumb by itself.
    const t = server();
    for (const id of times(100, i => 1 + i * 2)) {
      t.receive(headers(id, crumbs(200)));
      t.connection.respond(t.stream(id), 200, [], true);
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ maxHeaderFields: GREATEST, maxHeaderListSize: 2 ** 32 - 1, maxHeaderMemory: GREATEST });
    t.receive(frame(T.HEADERS, 5, 1, concat(block(GET), bomb(10_000))));
    t.untouched();
    expect(t.heads[0]?.fields).toHaveLength(20_000);
  },
});

/** An entry `a: ` put into the table, then references of one octet each: `count` fields, of almost no size on the wire. */
const bomb = (count: number): Uint8Array => concat([0x40, 1, 0x61, 0], new Uint8Array(count - 1).fill(0x80 | 62));

test('references of one octet to an almost empty entry: 256 fields, more are an error, far more the end', () => {
  // LIM-17, CVE-2026-49975
  const t = server();
  const request = (id: number, count: number): Uint8Array => frame(T.HEADERS, 5, id, concat(block(GET), bomb(count)));
  t.receive(request(1, 252));
  t.untouched();
  t.receive(request(3, 253));
  t.reset(3, 'headers.list-size');
  t.receive(request(5, 10_000));
  t.ended('headers.too-large');
});

// LIM-18: CVE-2026-47774
limit('maxHeaderMemory', {
  below() {
    const t = server({ maxHeaderMemory: LIST * 3 });
    t.receive(...times(2, i => headers(1 + i * 2, withValue(100))));
    t.untouched();
  },
  at() {
    const t = server({ maxHeaderMemory: LIST * 3 });
    t.receive(...times(3, i => headers(1 + i * 2, withValue(100))));
    t.untouched();
  },
  above() {
    const t = server({ maxHeaderMemory: LIST * 3 });
    t.receive(...times(4, i => headers(1 + i * 2, withValue(100))));
    t.reset(7, 'headers.memory');
    // Room again when one has ended.
    t.connection.respond(t.stream(1), 200, [], true);
    t.receive(headers(9, withValue(100)));
    t.untouched();
    const c = client({ maxHeaderMemory: LIST * 2 }, true);
    c.connection.request(get(), true);
    c.sent();
    const promised = (id: number): Uint8Array =>
      frame(T.PUSH_PROMISE, F.END_HEADERS, 1, concat(u32(id), block(withValue(100))));
    c.receive(promised(2), promised(4));
    c.untouched();
    c.receive(promised(6));
    c.reset(6, 'headers.memory');
  },
  burst() {
    const t = server();
    t.receive(...times(128, i => headers(1 + i * 2, withValue(8000))));
    t.untouched();
  },
  off() {
    const t = server({ maxHeaderMemory: GREATEST });
    t.receive(...times(128, i => headers(1 + i * 2, withValue(16_000), F.END_HEADERS)));
    t.receive(...times(128, i => headers(1 + i * 2, [['x', 'y']])));
    t.untouched();
    expect(t.connection.openStreams).toBe(128);
  },
});

test('8.7: a request for which there is no header memory is refused, to be sent again: no error, no early reset of its peer', () => {
  // LIM-18, RTY-02
  const t = server({ maxHeaderMemory: LIST * 2, maxHeaderListSize: LIST, maxLocalErrorResetStreams: 1 });
  t.receive(...times(402, i => headers(1 + i * 2, withValue(100))));
  expect(t.connection.isClosed).toBe(false);
  expect(t.connection.wantsPause).toBe(false);
  expect(t.connection.counters).toMatchObject({ peerErrors: 0, readPauses: 0 });
  expect(t.sent()).toEqual(times(400, i => `RST_STREAM ${5 + i * 2} 7`));
  // A section above what one may have is the peer's mistake, whatever room there is.
  t.receive(headers(2001, withValue(101)));
  expect(t.sent()).toEqual(['RST_STREAM 2001 11']);
  expect(t.connection.counters.peerErrors).toBe(1);
});

/** HEADERS and `count` CONTINUATION frames of `octets` octets each before the last, which has the fields. */
function split(t: Watched, id: number, count: number): void {
  t.receive(frame(T.HEADERS, F.END_STREAM, id), ...times(count - 1, () => continuation(id, [])));
  if (!t.connection.isClosed) t.receive(continuation(id, block(GET), F.END_HEADERS));
}

// CON-08, CON-09, CON-14, LIM-15: CVE-2024-27316
limit('maxContinuationFrames', {
  below() {
    const t = server({ maxContinuationFrames: 3 });
    split(t, 1, 2);
    t.untouched();
  },
  at() {
    const t = server({ maxContinuationFrames: 3 });
    split(t, 1, 3);
    t.untouched();
    expect(t.heads).toHaveLength(1);
  },
  above() {
    const t = server({ maxContinuationFrames: 3 });
    split(t, 1, 4);
    t.ended('continuation.too-many');
    const trailing = server({ maxContinuationFrames: 3 });
    trailing.receive(headers(1, POST, F.END_HEADERS));
    split(trailing, 1, 4);
    trailing.ended('continuation.too-many');
    const c = client({ maxContinuationFrames: 3 }, true);
    c.connection.request(get(), true);
    c.sent();
    c.receive(frame(T.PUSH_PROMISE, 0, 1, u32(2)), ...times(4, () => continuation(1, [])));
    c.ended('continuation.too-many');
  },
  burst() {
    // The count is that of one section.
    const t = server();
    for (const id of times(100, i => 1 + i * 2)) {
      split(t, id, 16);
      t.connection.respond(t.stream(id), 200, [], true);
    }
    t.untouched();
  },
  off() {
    const t = server({ maxContinuationFrames: GREATEST });
    split(t, 1, 5000);
    t.untouched();
    expect(t.heads).toHaveLength(1);
  },
});

// LIM-37: a field section that does not come to its end
limit('headerBlockTimeoutMs', {
  below() {
    const t = begun({ headerBlockTimeoutMs: 1000 });
    t.connection.handleTimeout(1499);
    t.untouched();
  },
  at() {
    const t = begun({ headerBlockTimeoutMs: 1000 });
    expect(t.connection.nextTimeout()).toBe(1500);
    t.connection.handleTimeout(1500);
    t.ended('continuation.timeout');
  },
  above() {
    const t = begun({ headerBlockTimeoutMs: 1000 });
    // Frames that come meanwhile do not put it off.
    t.now = 1400;
    t.receive(continuation(1, []));
    t.connection.handleTimeout(2000);
    t.ended('continuation.timeout');
  },
  burst() {
    const t = server({ headerBlockTimeoutMs: 1000 });
    for (const id of times(20, i => 1 + i * 2)) {
      t.receive(frame(T.HEADERS, F.END_STREAM, id));
      t.now += 999;
      t.connection.handleTimeout(t.now);
      t.receive(continuation(id, block(GET), F.END_HEADERS));
    }
    t.untouched();
    expect(t.heads).toHaveLength(20);
  },
  off() {
    const t = begun({ headerBlockTimeoutMs: 0, idleTimeoutMs: 0 });
    t.connection.handleTimeout(3_600_000);
    t.untouched();
  },
});

function begun(options: Parameters<typeof server>[0]): Watched {
  const t = server(options);
  t.now = 500;
  t.receive(frame(T.HEADERS, F.END_STREAM, 1));
  return t;
}

describe('informational responses', () => {
  const hints = (length: number): Uint8Array =>
    headers(
      1,
      [
        [':status', '103'],
        ['link', 'x'.repeat(length)],
      ],
      F.END_HEADERS,
    );
  const size = sizeOf([
    [':status', '103'],
    ['link', 'x'.repeat(100)],
  ]);
  const asking = (): Watched => {
    const t = client({ maxHeaderListSize: size * 10 });
    t.connection.request(get(), true);
    t.sent();
    return t;
  };

  test('together they may be as large as a field section: below, at, above', () => {
    // INF-06, LIM-30
    const t = asking();
    t.receive(...times(9, () => hints(100)));
    t.untouched();
    t.receive(hints(100));
    t.untouched();
    t.receive(hints(0));
    t.reset(1, 'headers.informational');
  });

  test('one every ten seconds for an hour is nothing, whatever the server says with it', () => {
    const t = client();
    t.connection.request(get(), true);
    t.sent();
    for (let i = 0; i < 360; i++) t.receive(headers(1, [[':status', '102']], F.END_HEADERS));
    t.receive(headers(1, [[':status', '200']]));
    t.untouched();
    expect(t.heard().at(-1)).toBe('closed 1');
  });
});
