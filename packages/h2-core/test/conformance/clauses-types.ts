import { expect, test } from 'vitest';
import {
  block,
  bytes,
  concat,
  continuation,
  data,
  E,
  F,
  frame,
  goAway,
  headers,
  ping,
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
const MAX_WINDOW = 0x7fff_ffff;
const PRIORITY_UPDATE = 0x10;

/** RFC 9113 6.1 to 6.10, and 7. */
export function typeClauses(kit: Kit): void {
  const { get, post } = kit;

  // 6.1 DATA

  test('6.1/1 DATA on stream 0', async () => {
    const peer = await kit.open();
    await peer.send(data(0, 'test')).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.1/2 DATA on a stream that is not open', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    await peer.send(data(1, 'test')).streamError(1, E.STREAM_CLOSED);
  });

  test.each([
    ['as long as the payload', [5, 0, 0, 0, 0]],
    ['longer than the payload', [255, 0, 0]],
    ['alone', [1]],
  ])('6.1/3 DATA with a pad length %s', async (_, payload) => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.DATA, F.PADDED | F.END_STREAM, 1, payload));
    await peer.connectionError(E.PROTOCOL_ERROR);
  });

  test('6.1/4 PADDED DATA without a pad length: too small (4.2)', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, post, OPEN), frame(T.DATA, F.PADDED, 1)).connectionError(E.FRAME_SIZE_ERROR);
  });

  test('6.1/5 padding that leaves no data', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.DATA, F.PADDED | F.END_STREAM, 1, [3, 0, 0, 0]));
    expect((await peer.response(1)).status).toBe('200');
  });

  // 6.2 HEADERS

  test('6.2/1 HEADERS without END_HEADERS, then PRIORITY', async () => {
    const peer = await kit.open();
    peer.send(frame(T.HEADERS, F.END_STREAM, 1, block(get)), priority(1, 0));
    await peer.connectionError(E.PROTOCOL_ERROR);
  });

  test('6.2/2 HEADERS without END_HEADERS, then HEADERS of another stream', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.HEADERS, 0, 1, block(get)), headers(3, get)).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.2/3 HEADERS on stream 0', async () => {
    const peer = await kit.open();
    await peer.send(headers(0, get)).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([
    ['that leaves no room', concat([255], block(get)), F.PADDED],
    ['that overlaps the priority', concat([4], u32(0), [0], [0, 0]), F.PADDED | F.PRIORITY],
  ])('6.2/4 HEADERS with padding %s', async (_, payload, flags) => {
    const peer = await kit.open();
    await peer.send(frame(T.HEADERS, WHOLE | flags, 1, payload)).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([
    ['PADDED without pad length', F.PADDED, []],
    ['PRIORITY without its five octets', F.PRIORITY, [0, 0, 0, 0]],
  ])('6.2/5 HEADERS too small: %s (4.2)', async (_, flags, payload) => {
    const peer = await kit.open();
    await peer.send(frame(T.HEADERS, WHOLE | flags, 1, payload)).connectionError(E.FRAME_SIZE_ERROR);
  });

  // 6.3 PRIORITY

  test('6.3/1 PRIORITY on stream 0', async () => {
    const peer = await kit.open();
    await peer.send(priority(0, 1)).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([0, 4, 6])('6.3/2 PRIORITY of %i octets', async length => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.PRIORITY, 0, 1, new Uint8Array(length)));
    await peer.streamError(1, E.FRAME_SIZE_ERROR);
  });

  test('6.3/3 the same on an idle stream, which cannot be reset (6.4)', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.PRIORITY, 0, 1, [0, 0, 0, 0])).connectionError(E.FRAME_SIZE_ERROR);
  });

  // 6.4 RST_STREAM

  test('6.4/1 RST_STREAM on stream 0', async () => {
    const peer = await kit.open();
    await peer.send(rst(0, 8)).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.4/2 RST_STREAM on an idle stream', async () => {
    const peer = await kit.open();
    await peer.send(rst(1, 8)).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([0, 3, 5])('6.4/3 RST_STREAM of %i octets', async length => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.RST_STREAM, 0, 1, new Uint8Array(length)));
    await peer.connectionError(E.FRAME_SIZE_ERROR);
  });

  // 6.5 SETTINGS

  test('6.5/1 SETTINGS ACK with a payload', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.SETTINGS, F.ACK, 0, [0, 1, 0, 0, 16, 0])).connectionError(E.FRAME_SIZE_ERROR);
  });

  test.each([0, F.ACK])('6.5/2 SETTINGS on a stream, flags %i', async flags => {
    const peer = await kit.open();
    await peer.send(frame(T.SETTINGS, flags, 1, [])).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([1, 5, 7, 11])('6.5/3 SETTINGS of %i octets', async length => {
    const peer = await kit.open();
    await peer.send(frame(T.SETTINGS, 0, 0, new Uint8Array(length))).connectionError(E.FRAME_SIZE_ERROR);
  });

  test.each([
    ['1 ENABLE_PUSH 2', S.ENABLE_PUSH, 2, E.PROTOCOL_ERROR],
    ['2 INITIAL_WINDOW_SIZE 2^31', S.INITIAL_WINDOW_SIZE, 0x8000_0000, E.FLOW_CONTROL_ERROR],
    ['3 MAX_FRAME_SIZE 2^14-1', S.MAX_FRAME_SIZE, 16_383, E.PROTOCOL_ERROR],
    ['3 MAX_FRAME_SIZE 0', S.MAX_FRAME_SIZE, 0, E.PROTOCOL_ERROR],
    ['4 MAX_FRAME_SIZE 2^24', S.MAX_FRAME_SIZE, 16_777_216, E.PROTOCOL_ERROR],
  ])('6.5.2/%s', async (_, id, value, code) => {
    const peer = await kit.open();
    await peer.send(settings(id, value)).connectionError(code);
  });

  test('6.5.2/5 unknown settings are ignored', async () => {
    const peer = await kit.open();
    await peer.send(settings(0xff, 1, 0xffff, 0xffff_ffff)).settingsAcked();
    await peer.unharmed();
  });

  test('6.5.3/1 of several values in a frame the last one holds', async () => {
    const peer = await kit.open();
    peer.send(settings(S.INITIAL_WINDOW_SIZE, 100, S.INITIAL_WINDOW_SIZE, 1), headers(1, get));
    expect((await peer.data(1)).payload.length).toBe(1);
  });

  test('6.5.3/2 each SETTINGS is acknowledged', async () => {
    const peer = await kit.open();
    peer.send(settings(), settings(S.ENABLE_PUSH, 0));
    await peer.settingsAcked();
    await peer.settingsAcked();
  });

  // 6.7 PING

  test('6.7/1 PING is acknowledged before what was asked for earlier and cannot leave yet', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    await peer.unharmed();
  });

  test('6.7/2 PING with ACK is not answered', async () => {
    const peer = await kit.open();
    peer.send(ping([9, 9, 9, 9, 9, 9, 9, 9], F.ACK));
    expect((await peer.alive()).filter(f => f.type === T.PING)).toEqual([]);
  });

  test('6.7/3 PING on a stream', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.PING, 0, 1, new Uint8Array(8))).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([0, 6, 9])('6.7/4 PING of %i octets', async length => {
    const peer = await kit.open();
    await peer.send(frame(T.PING, 0, 0, new Uint8Array(length))).connectionError(E.FRAME_SIZE_ERROR);
  });

  // 6.8 GOAWAY

  test('6.8/1 GOAWAY on a stream', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.GOAWAY, 0, 1, new Uint8Array(8))).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.8/2 GOAWAY of 7 octets', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.GOAWAY, 0, 0, new Uint8Array(7))).connectionError(E.FRAME_SIZE_ERROR);
  });

  test('6.8/3 after GOAWAY with nothing open the server closes', async () => {
    const peer = await kit.open();
    await peer.send(goAway(0, 0)).ended();
  });

  test('6.8/4 what was open when GOAWAY came is answered, then the server says GOAWAY too, and closes', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    await peer.send(goAway(0, E.NO_ERROR), windowUpdate(1, 1_000_000)).response(1);
    expect(await peer.connectionError(E.NO_ERROR)).toBe(1);
  });

  // 6.9 WINDOW_UPDATE

  test('6.9/1 increment 0 on the connection', async () => {
    const peer = await kit.open();
    await peer.send(windowUpdate(0, 0)).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.9/2 increment 0 on a stream', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, post, OPEN), windowUpdate(1, 0)).streamError(1, E.PROTOCOL_ERROR);
  });

  test.each([
    [0, 3],
    [0, 5],
    [1, 3],
    [1, 0],
  ])('6.9/3 on stream %i, of %i octets', async (id, length) => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.WINDOW_UPDATE, 0, id, new Uint8Array(length)));
    await peer.connectionError(E.FRAME_SIZE_ERROR);
  });

  test('6.9/4 the reserved bit of the increment is ignored', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    expect((await peer.send(windowUpdate(1, 0x8000_0002)).data(1)).payload.length).toBe(2);
  });

  test('6.9.1/1 a window of 1: one octet, and the next with the next grant', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 1);
    expect((await peer.send(headers(1, get)).data(1)).payload.length).toBe(1);
    expect((await peer.alive()).length).toBe(0);
    expect((await peer.send(windowUpdate(1, 1)).data(1)).payload.length).toBe(1);
  });

  test('6.9.1/2 grants that sum up above 2^31-1 on the connection', async () => {
    const peer = await kit.open();
    peer.send(windowUpdate(0, MAX_WINDOW), windowUpdate(0, MAX_WINDOW));
    await peer.connectionError(E.FLOW_CONTROL_ERROR);
  });

  test('6.9.1/3 grants that sum up above 2^31-1 on a stream', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), windowUpdate(1, MAX_WINDOW), windowUpdate(1, MAX_WINDOW));
    await peer.streamError(1, E.FLOW_CONTROL_ERROR);
  });

  test('6.9.1/4 exactly 2^31-1 is allowed', async () => {
    const peer = await kit.open();
    const rest = MAX_WINDOW - 65_535;
    await peer.send(windowUpdate(0, rest), headers(1, post, OPEN), windowUpdate(1, rest)).unharmed();
  });

  test('6.9.2/1 INITIAL_WINDOW_SIZE changes after HEADERS', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    expect((await peer.send(settings(S.INITIAL_WINDOW_SIZE, 1)).data(1)).payload.length).toBe(1);
  });

  test('6.9.2/2 a window that becomes negative has to be paid off first', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 3);
    expect((await peer.send(headers(1, get)).data(1)).payload.length).toBe(3);
    peer.send(settings(S.INITIAL_WINDOW_SIZE, 2));
    expect((await peer.send(windowUpdate(1, 2)).data(1)).payload.length).toBe(1);
  });

  test('6.9.2/3 INITIAL_WINDOW_SIZE that makes a stream window overflow', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), windowUpdate(1, 1), settings(S.INITIAL_WINDOW_SIZE, MAX_WINDOW));
    await peer.connectionError(E.FLOW_CONTROL_ERROR);
  });

  test('6.9.2/4 SETTINGS do not change the connection window', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    peer.send(settings(S.INITIAL_WINDOW_SIZE, MAX_WINDOW), windowUpdate(0, MAX_WINDOW - 65_535));
    await peer.unharmed();
  });

  // 6.10 CONTINUATION

  const begin = frame(T.HEADERS, F.END_STREAM, 1, block(get).slice(0, 5));
  const middle = block(get).slice(5, 20);
  const rest = block(get).slice(20);

  test('6.10/1 several CONTINUATION frames', async () => {
    const peer = await kit.open();
    peer.send(begin, continuation(1, middle), continuation(1, rest, F.END_HEADERS));
    expect((await peer.response(1)).status).toBe('200');
  });

  test('6.10/2 CONTINUATION, then any other frame', async () => {
    const peer = await kit.open();
    await peer.send(begin, continuation(1, middle), data(1, 'x')).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.10/3 CONTINUATION on stream 0', async () => {
    const peer = await kit.open();
    await peer.send(begin, continuation(0, rest, F.END_HEADERS)).connectionError(E.PROTOCOL_ERROR);
  });

  test.each([
    ['4 after HEADERS with END_HEADERS', [headers(1, post, OPEN)]],
    ['5 after CONTINUATION with END_HEADERS', [begin, continuation(1, concat(middle, rest), F.END_HEADERS)]],
    ['6 after DATA', [headers(1, post, OPEN), data(1, 'x')]],
  ])('6.10/%s', async (_, inputs) => {
    const peer = await kit.open();
    await peer.send(...inputs, continuation(1, rest, F.END_HEADERS)).connectionError(E.PROTOCOL_ERROR);
  });

  test('6.10/7 trailers with CONTINUATION', async () => {
    const peer = await kit.open();
    const trailers = block([['x-test', 'ok']]);
    peer.send(headers(1, post, OPEN), data(1, 'x'), frame(T.HEADERS, F.END_STREAM, 1, trailers.slice(0, 3)));
    peer.send(continuation(1, trailers.slice(3), F.END_HEADERS));
    expect((await peer.response(1)).status).toBe('200');
  });

  // RFC 9218 7.1 PRIORITY_UPDATE, an extension that a server may not know

  test('9218 7.1/1 PRIORITY_UPDATE for streams to come, open and ended', async () => {
    const peer = await kit.open();
    const update = (id: number, value: string): Uint8Array =>
      frame(PRIORITY_UPDATE, 0, 0, concat(u32(id), bytes(value)));
    peer.send(update(1, 'u=0, i'), headers(1, get));
    expect((await peer.response(1)).status).toBe('200');
    peer.send(update(1, 'u=7'), headers(3, post, OPEN), update(3, 'what is this?'), data(3, 'x', F.END_STREAM));
    expect((await peer.response(3)).status).toBe('200');
  });

  // 7 Error codes

  test('7/1 GOAWAY with an unknown error code', async () => {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    await peer.send(goAway(0, 0xff), windowUpdate(1, 5)).data(1);
  });

  test('7/2 RST_STREAM with an unknown error code', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, post, OPEN), rst(1, 0xff)).unharmed();
  });
}
