// Capacity is computed when a frame is cut and never handed out before: what other cores reserve, assign and reclaim is
// here a property of the windows alone. RFC 9113 5.2, 6.9.
import { expect, test } from 'vitest';
import type { Connection, Stream } from '../src/index.ts';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import { data, F, GET, headers, POST, rst, S, settings, windowUpdate } from './support/frames.ts';
import { inMemory, next, turn } from './support/session.ts';

const octets = (count: number): Uint8Array => new Uint8Array(count);

/** A server with responses begun on `count` streams, of which nothing has been sent. */
function responding(count: number, ...peerSettings: number[]): { t: Endpoint; c: Connection; streams: Stream[] } {
  const t = server({}, ...peerSettings);
  const streams = Array.from({ length: count }, (_, i) => {
    t.receive(headers(2 * i + 1, GET));
    const stream = t.stream(2 * i + 1);
    t.connection.respond(stream, 200, [], false);
    return stream;
  });
  t.sent();
  t.heard();
  return { t, c: t.connection, streams };
}

test('SETTINGS that shrink a window below what waits: it keeps waiting, and others have the connection', () => {
  // SWN-09
  const { t, c, streams } = responding(2, S.INITIAL_WINDOW_SIZE, 50_000);
  const [first, second] = streams as [Stream, Stream];
  c.write(first, octets(60_000), false);
  c.takeOutput(0);
  t.receive(settings(S.INITIAL_WINDOW_SIZE, 0));
  expect([first.bufferedBytes, first.sendWindow, c.sendWindow]).toEqual([60_000, 0, 65_535]);
  t.receive(windowUpdate(second.id, 40_000));
  c.write(second, octets(40_000), true);
  expect(t.sent().filter(line => line.startsWith('DATA 1'))).toEqual([]);
  expect([first.bufferedBytes, c.sendWindow]).toEqual([60_000, 25_535]);
  t.receive(windowUpdate(first.id, 60_000));
  expect(t.sent().filter(line => line.startsWith('DATA 1')).length).toBeGreaterThan(0);
  expect(c.sendWindow).toBe(0);
});

test.each([
  ['reset by us', (t: Endpoint, stream: Stream) => t.connection.reset(stream, 8)],
  ['reset by the peer', (t: Endpoint, stream: Stream) => void t.receive(rst(stream.id, 8))],
])('what a stream %s had waiting is let go, and the next has the window', (_, end) => {
  // SWN-10, SWN-13, SWN-21
  const { t, c, streams } = responding(2);
  const [first, second] = streams as [Stream, Stream];
  c.write(first, octets(65_535), false);
  t.sent();
  c.write(first, octets(30_000), false);
  c.write(second, octets(30_000), true);
  expect(t.sent()).toEqual([]);
  end(t, first);
  expect([first.bufferedBytes, c.sendWindow]).toEqual([0, 0]);
  t.receive(windowUpdate(0, 30_000));
  expect(t.sent().filter(line => line.startsWith('DATA'))).toEqual(['DATA 3 16384', 'DATA 3 13616 END_STREAM']);
});

test('writing nothing takes nothing: no frame, no turn, no window', () => {
  // SWN-11
  const { t, c, streams } = responding(1, S.INITIAL_WINDOW_SIZE, 0);
  const [stream] = streams as [Stream];
  for (let i = 0; i < 3; i++) expect(c.write(stream, octets(0), false)).toBe(true);
  expect([t.sent(), c.wantsWrite, stream.bufferedBytes, c.sendWindow]).toEqual([[], false, 0, 65_535]);
});

test('END_STREAM, trailers and RST_STREAM leave nothing waiting and nothing in line', () => {
  // SWN-14
  const { t, c, streams } = responding(3);
  const [ended, trailed, reset] = streams as [Stream, Stream, Stream];
  c.write(ended, octets(20_000), true);
  c.write(trailed, octets(20_000), false);
  c.trailers(trailed, ['x-sum', '1']);
  c.write(reset, octets(20_000), false);
  c.reset(reset, 8);
  const sent = t.sent();
  expect(sent.filter(line => line.endsWith('END_STREAM'))).toEqual(['DATA 1 3616 END_STREAM', 'HEADERS 3 END_STREAM']);
  expect(sent.filter(line => line.startsWith('DATA 5'))).toEqual([]);
  expect([ended, trailed, reset].map(stream => stream.bufferedBytes)).toEqual([0, 0, 0]);
  // The octets that did not leave took nothing of the connection's window.
  expect([c.sendWindow, c.openStreams, c.wantsWrite]).toEqual([65_535 - 40_000, 0, false]);
});

test('whoever is told that there is room has room: ready() and onWritable never come for nothing', async () => {
  // SWN-17
  const { t, c, streams } = responding(1);
  const [stream] = streams as [Stream];
  const seen: number[] = [];
  t.on.onWritable = told => seen.push(told.bufferedBytes);
  expect(c.write(stream, octets(300_000), false)).toBe(false);
  for (let grant = 0; grant < 60; grant++) {
    t.receive(windowUpdate(1, 5000), windowUpdate(0, 5000));
    t.sent();
  }
  expect(seen).toHaveLength(1);
  expect(seen[0]).toBeLessThanOrEqual(131_072);

  const { server: near, client: far } = await inMemory({ maxSendBufferSize: 1000 }, { initialWindowSize: 500 });
  const { response } = far.request({});
  const body = (await next(near)).respond.send({});
  const received = response.then(({ body: whole }) => whole.bytes());
  let refused = 0;
  for (let i = 0; i < 20; i++) {
    if (!body.write(octets(1200))) refused++;
    await body.ready();
    expect(body.capacity).toBeGreaterThan(0);
  }
  body.end();
  expect([(await received).length, refused]).toEqual([24_000, 20]);
});

test('a source is paused while there is no room and goes on when there is', async () => {
  // SWN-26
  const { server: near, client: far } = await inMemory({ maxSendBufferSize: 1000 }, { initialWindowSize: 1000 });
  let given = 0;
  async function* source(): AsyncIterable<Uint8Array> {
    for (; given < 100; given++) yield octets(100);
  }
  const { response } = far.request({});
  const piped = (await next(near)).respond.send({}).pipeFrom(source());
  const { body } = await response;
  for (let i = 0; i < 20; i++) await turn();
  // A window, a buffer, and the one chunk that found it full.
  expect(given).toBeGreaterThanOrEqual(19);
  expect(given).toBeLessThanOrEqual(21);
  expect((await body.bytes()).length).toBe(10_000);
  await piped;
  expect(given).toBe(100);
});

test('large chunks leave as the views that were given, uncopied, cut where frames end', () => {
  // SWN-27
  const { c, streams } = responding(1);
  const chunk = octets(40_000);
  c.write(streams[0] as Stream, chunk, true);
  const views = c.takeOutput().filter(part => part.buffer === chunk.buffer);
  expect(views.map(part => [part.byteOffset, part.length])).toEqual([
    [0, 16_384],
    [16_384, 16_384],
    [32_768, 7232],
  ]);
});

test('a stream that is reset while frames are being cut sends nothing more', () => {
  // SWN-28
  const { t, c, streams } = responding(2);
  const [first, second] = streams as [Stream, Stream];
  t.on.onWritable = stream => {
    if (stream === first) for (const each of streams) c.reset(each, 8);
  };
  c.write(first, octets(280_000), false);
  t.receive(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
  c.write(second, octets(20_000), true);
  const sent = t.sent(200_000);
  const at = sent.indexOf('RST_STREAM 1 8');
  expect(at).toBeGreaterThan(0);
  expect(sent.slice(at).filter(line => line.startsWith('DATA 1'))).toEqual([]);
  expect(t.sent()).toEqual([]);
});

test('a request that waits for a slot holds no window that others could use', () => {
  // SWN-15
  const t = client({}, false, S.MAX_CONCURRENT_STREAMS, 1);
  const opened = t.connection.request({ ...get(), method: 'POST' }, false);
  const waiting = t.connection.request({ ...get(), method: 'POST' }, false);
  t.connection.write(waiting, octets(50_000), true);
  t.connection.write(opened, octets(65_535), true);
  const total = t
    .frames()
    .filter(f => f.type === 0)
    .reduce((sum, f) => sum + f.payload.length, 0);
  expect([total, waiting.bufferedBytes, t.connection.sendWindow]).toEqual([65_535, 50_000, 0]);
});

test('what belongs to a stream and what to the connection: each is given back where it is owed, and nowhere else', () => {
  // RWN-22
  const t = server({ initialWindowSize: 65_535, initialConnectionWindowSize: 65_535 });
  t.receive(headers(1, POST, F.END_HEADERS), data(1, octets(16_384)), data(1, octets(16_384)), data(1, octets(8000)));
  t.sent();
  // A stream that ends gives back to the connection alone.
  t.connection.reset(t.stream(1), 8);
  expect(t.sent()).toEqual(['RST_STREAM 1 8', `WINDOW_UPDATE 0 ${16_384 * 2 + 8000}`]);
  // The connection's target moves no stream, the initial window no connection.
  t.receive(headers(3, POST, F.END_HEADERS));
  t.connection.setTargetWindowSize(100_000);
  expect([t.sent(), t.stream(3).receiveWindow]).toEqual([['WINDOW_UPDATE 0 34465'], 65_535]);
  t.connection.updateSettings([S.INITIAL_WINDOW_SIZE, 70_000]);
  t.receive(settings());
  expect([t.connection.receiveWindow, t.stream(3).receiveWindow]).toEqual([100_000, 65_535]);
});
