import { expect, test } from 'vitest';
import {
  block,
  concat,
  continuation,
  data,
  F,
  frame,
  goAway,
  headers,
  ping,
  preface,
  priority,
  rst,
  S,
  settings,
  T,
  u32,
  windowUpdate,
} from '../support/frames.ts';
import type { Kit } from './kit.ts';

const OPEN = F.END_HEADERS;
const WHOLE = F.END_HEADERS | F.END_STREAM;

/** Legal use of every frame type: the server takes part. */
export function genericClauses(kit: Kit): void {
  const { get, head, post } = kit;

  test('1/1 the client preface is answered by SETTINGS', async () => {
    const peer = await kit.raw();
    peer.send(preface, settings());
    const first = await peer.next('a first frame', () => true);
    expect([first.type, first.flags, first.streamId]).toEqual([T.SETTINGS, 0, 0]);
    await peer.settingsAcked();
  });

  test('2/1 PRIORITY on an idle stream', async () => {
    const peer = await kit.open();
    await peer.send(priority(1, 0)).unharmed();
  });

  // With a window of 0 the response cannot end, so that the stream stays half-closed (remote).
  test('2/2 WINDOW_UPDATE on a half-closed (remote) stream', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    expect((await peer.send(windowUpdate(1, 3)).data(1)).payload.length).toBe(3);
  });

  test('2/3 PRIORITY on a half-closed (remote) stream', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    await peer.send(priority(1, 0)).unharmed();
    await peer.send(windowUpdate(1, 1)).data(1);
  });

  test('2/4 RST_STREAM on a half-closed (remote) stream', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    await peer.send(rst(1, 8)).unharmed();
  });

  test('2/5 PRIORITY, WINDOW_UPDATE and RST_STREAM on a closed stream', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, get)).response(1);
    await peer.send(priority(1, 0), windowUpdate(1, 10), rst(1, 8)).unharmed();
  });

  test.each([
    ['3.1/1 one DATA frame', [data(1, 'test', F.END_STREAM)]],
    ['3.1/2 several DATA frames', [data(1, 'test'), data(1, ''), data(1, 'test', F.END_STREAM)]],
    [
      '3.1/3 DATA with padding',
      [frame(T.DATA, F.PADDED | F.END_STREAM, 1, [6, 0x74, 0x65, 0x73, 0x74, 0, 0, 0, 0, 0, 0])],
    ],
    ['3.1/4 an empty last DATA frame', [data(1, 'test'), data(1, '', F.END_STREAM)]],
  ])('%s', async (_, body) => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), ...body);
    expect((await peer.response(1)).status).toBe('200');
  });

  const weight = (on: number): number[] => [...u32(on), 255];
  test.each([
    ['3.2/1 HEADERS', frame(T.HEADERS, WHOLE, 1, block(get))],
    ['3.2/2 HEADERS with padding', frame(T.HEADERS, WHOLE | F.PADDED, 1, concat([6], block(get), [0, 0, 0, 0, 0, 0]))],
    ['3.2/3 HEADERS with priority', frame(T.HEADERS, WHOLE | F.PRIORITY, 1, concat(weight(0), block(get)))],
    [
      '3.2/4 HEADERS with both',
      frame(T.HEADERS, WHOLE | F.PADDED | F.PRIORITY, 1, concat([2], weight(0), block(get), [0, 0])),
    ],
  ])('%s', async (_, input) => {
    const peer = await kit.open();
    expect((await peer.send(input).response(1)).status).toBe('200');
  });

  test.each([
    ['3.3/1 weight 1', priority(1, 0, 0)],
    ['3.3/2 weight 256', priority(1, 0, 255)],
    ['3.3/3 a dependency', priority(1, 3)],
    ['3.3/4 an exclusive dependency', priority(1, 3, 0, true)],
    ['3.3/5 for a higher idle stream', priority(7, 0)],
  ])('PRIORITY %s, then the request', async (_, input) => {
    const peer = await kit.open();
    expect((await peer.send(input, headers(1, get)).response(1)).status).toBe('200');
  });

  test('3.4/1 RST_STREAM ends the stream and nothing else', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), rst(1, 8));
    await peer.unharmed();
    expect((await peer.send(headers(3, get)).response(3)).status).toBe('200');
  });

  test('3.5/1 SETTINGS with every known value is acknowledged', async () => {
    const peer = await kit.open();
    peer.send(settings(1, 4096, 2, 0, 3, 100, 4, 65_535, 5, 16_384, 6, 65_536));
    await peer.settingsAcked();
    await peer.unharmed();
  });

  test('3.7/1 PING is answered with its octets', async () => {
    const peer = await kit.open();
    peer.send(ping([1, 2, 3, 4, 5, 6, 7, 8]));
    const answer = await peer.next('PING', f => f.type === T.PING);
    expect([answer.flags, ...answer.payload]).toEqual([F.ACK, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('3.8/1 GOAWAY: what is open is answered, then the connection may end', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    peer.send(goAway(0, 0), windowUpdate(1, 10));
    expect((await peer.data(1)).payload.length).toBeGreaterThan(0);
  });

  test('3.9/1 WINDOW_UPDATE on the connection', async () => {
    const peer = await kit.open();
    await peer.send(windowUpdate(0, 1), headers(1, get)).response(1);
  });

  test('3.9/2 WINDOW_UPDATE on a stream', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, post, OPEN), windowUpdate(1, 1)).unharmed();
    expect((await peer.send(data(1, 'x', F.END_STREAM)).response(1)).status).toBe('200');
  });

  test.each([
    ['3.10/1 one CONTINUATION', [6]],
    ['3.10/2 several CONTINUATION frames', [1, 5, 9, 30]],
    ['3.10/3 an empty one', [6, 6]],
    ['3.10/4 nothing in HEADERS', [0]],
  ])('%s', async (_, cuts) => {
    const peer = await kit.open();
    const whole = block(get);
    const edges = [0, ...cuts, whole.length];
    const pieces = edges.slice(1).map((end, i) => whole.slice(edges[i], end));
    pieces.forEach((piece, i) => {
      const end = i === pieces.length - 1 ? F.END_HEADERS : 0;
      peer.send(i === 0 ? frame(T.HEADERS, F.END_STREAM | end, 1, piece) : continuation(1, piece, end));
    });
    expect((await peer.response(1)).status).toBe('200');
  });

  test('4/1 GET', async () => {
    const peer = await kit.open();
    const { status, body } = await peer.send(headers(1, get)).response(1);
    expect(status).toBe('200');
    expect(body.length).toBeGreaterThanOrEqual(10);
  });

  test('4/2 HEAD has no body', async () => {
    const peer = await kit.open();
    const { status, body } = await peer.send(headers(1, head)).response(1);
    expect([status, body.length]).toEqual(['200', 0]);
  });

  test('4/3 POST', async () => {
    const peer = await kit.open();
    const { status } = await peer.send(headers(1, post, OPEN), data(1, 'test', F.END_STREAM)).response(1);
    expect(status).toBe('200');
  });

  test('4/4 POST with trailers', async () => {
    const peer = await kit.open();
    const trailers = headers(1, [['x-test', 'ok']]);
    const { status } = await peer.send(headers(1, post, OPEN), data(1, 'test'), trailers).response(1);
    expect(status).toBe('200');
  });

  test('4/5 the whole exchange, octet by octet', async () => {
    const peer = await kit.raw();
    const octets = concat(preface, settings(), headers(1, post, OPEN), data(1, 'test', F.END_STREAM));
    for (const octet of octets) peer.send(Uint8Array.of(octet));
    expect((await peer.response(1)).status).toBe('200');
  });
}
