import { expect, test } from 'vitest';
import {
  block,
  concat,
  continuation,
  data,
  E,
  F,
  frame,
  headers,
  priority,
  rst,
  S,
  T,
  u32,
  windowUpdate,
} from '../support/frames.ts';
import type { RawPeer } from '../support/raw-peer.ts';
import type { Kit } from './kit.ts';

const OPEN = F.END_HEADERS;
const WHOLE = F.END_HEADERS | F.END_STREAM;
const unknown = (id: number): Uint8Array => frame(0xbb, 0, id, [1]);

/** RFC 9113 5.1, 5.1.1, 5.1.2, 5.3, 5.4.1, 5.5. */
export function streamClauses(kit: Kit): void {
  const { get, post } = kit;

  test.each([
    ['1 DATA', data(1, 'test')],
    ['2 RST_STREAM', rst(1, 8)],
    ['3 WINDOW_UPDATE', windowUpdate(1, 100)],
    ['4 CONTINUATION', continuation(1, block(get), F.END_HEADERS)],
    ['DATA on a stream of the server', data(2, 'test')],
    ['WINDOW_UPDATE with increment 0', windowUpdate(1, 0)],
  ])('5.1/%s on an idle stream', async (_, input) => {
    const peer = await kit.open();
    await peer.send(input).connectionError(E.PROTOCOL_ERROR);
  });

  /** Stream 1 is half-closed (remote): the response cannot end for want of a window. */
  async function halfClosed(): Promise<RawPeer> {
    const peer = await kit.open(S.INITIAL_WINDOW_SIZE, 0);
    await peer.send(headers(1, get)).head(1);
    return peer;
  }

  test.each([
    ['5 DATA', data(1, 'test')],
    ['DATA with END_STREAM', data(1, 'test', F.END_STREAM)],
    ['6 HEADERS', headers(1, get)],
    ['trailers', headers(1, [['x-test', 'ok']])],
  ])('5.1/%s on a half-closed (remote) stream', async (_, input) => {
    const peer = await halfClosed();
    await peer.send(input).streamError(1, E.STREAM_CLOSED);
  });

  test('5.1/7 CONTINUATION on a half-closed (remote) stream', async () => {
    const peer = await halfClosed();
    await peer.send(continuation(1, block(get), F.END_HEADERS)).connectionError(E.STREAM_CLOSED, E.PROTOCOL_ERROR);
  });

  test('5.1 an unknown frame on a half-closed (remote) stream is ignored', async () => {
    const peer = await halfClosed();
    await peer.send(unknown(1), windowUpdate(1, 5)).data(1);
  });

  /** Stream 1 was reset by the client. */
  async function resetByClient(): Promise<RawPeer> {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), rst(1, E.CANCEL));
    await peer.unharmed();
    return peer;
  }

  test.each([
    ['8 DATA', data(1, 'test')],
    ['9 HEADERS', headers(1, get)],
  ])('5.1/%s after the client’s RST_STREAM', async (_, input) => {
    const peer = await resetByClient();
    await peer.send(input).anyError(1, E.STREAM_CLOSED);
  });

  test('5.1/10 CONTINUATION after the client’s RST_STREAM', async () => {
    const peer = await resetByClient();
    await peer.send(continuation(1, block(get), F.END_HEADERS)).connectionError(E.STREAM_CLOSED, E.PROTOCOL_ERROR);
  });

  /** Stream 1 has ended both ways. */
  async function ended(): Promise<RawPeer> {
    const peer = await kit.open();
    await peer.send(headers(1, get)).response(1);
    return peer;
  }

  test.each([
    ['11 DATA', data(1, 'test')],
    ['12 HEADERS', headers(1, get)],
  ])('5.1/%s on a stream that both sides ended', async (_, input) => {
    const peer = await ended();
    await peer.send(input).anyError(1, E.STREAM_CLOSED);
  });

  test('5.1/13 CONTINUATION on a stream that both sides ended', async () => {
    const peer = await ended();
    await peer.send(continuation(1, block(get), F.END_HEADERS)).connectionError(E.STREAM_CLOSED, E.PROTOCOL_ERROR);
  });

  test('5.1 frames after a RST_STREAM of the server are ignored, the field sections among them decoded', async () => {
    const peer = await kit.open();
    peer.send(headers(1, [...post, ['Bad', 'name']], OPEN));
    await peer.streamError(1, E.PROTOCOL_ERROR);
    const entry = [0x40, 3, 0x78, 0x2d, 0x61, 1, 0x31];
    peer.send(data(1, 'test'), frame(T.HEADERS, WHOLE, 1, entry), windowUpdate(1, 1), rst(1, 0));
    await peer.unharmed();
    peer.send(frame(T.HEADERS, WHOLE, 3, concat(block(get), [0xbe])));
    expect((await peer.response(3)).status).toBe('200');
  });

  test('5.1.1/1 an even stream identifier', async () => {
    const peer = await kit.open();
    await peer.send(headers(2, get)).connectionError(E.PROTOCOL_ERROR);
  });

  test('5.1.1/2 an identifier below the last one', async () => {
    const peer = await kit.open();
    peer.send(headers(5, get));
    await peer.response(5);
    expect(await peer.send(headers(3, get)).connectionError(E.PROTOCOL_ERROR)).toBe(5);
  });

  test('5.1.1/3 the highest identifier is a stream like any other', async () => {
    const peer = await kit.open();
    peer.send(headers(0x7fff_ffff, get));
    expect((await peer.response(0x7fff_ffff)).status).toBe('200');
  });

  test('5.1.2/1 more streams than SETTINGS_MAX_CONCURRENT_STREAMS', async () => {
    const peer = await kit.open();
    const limit = peer.serverSettings.get(S.MAX_CONCURRENT_STREAMS);
    expect(limit).toBeDefined();
    if (limit === undefined) return;
    const open = Array.from({ length: limit + 1 }, (_, i) => headers(i * 2 + 1, post, OPEN));
    const last = limit * 2 + 1;
    await peer.send(...open).streamError(last, E.REFUSED_STREAM, E.PROTOCOL_ERROR);
    // One of them ends: there is room again.
    await peer.send(data(1, '', F.END_STREAM)).response(1);
    expect((await peer.send(headers(last + 2, get)).response(last + 2)).status).toBe('200');
  });

  test('5.3.1/1 HEADERS of a stream that depends on itself', async () => {
    const peer = await kit.open();
    peer.send(frame(T.HEADERS, WHOLE | F.PRIORITY, 1, concat(u32(1), [255], block(get))));
    await peer.streamError(1, E.PROTOCOL_ERROR);
  });

  test('5.3.1/2 PRIORITY of a stream that depends on itself', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, post, OPEN), priority(1, 1)).streamError(1, E.PROTOCOL_ERROR);
  });

  test('5.3.1/3 the same on an idle stream, which cannot be reset', async () => {
    const peer = await kit.open();
    await peer.send(priority(1, 1)).connectionError(E.PROTOCOL_ERROR);
  });

  test('5.4.1/1 GOAWAY, then the transport closes', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.PING, 0, 0, [0, 0, 0])).connectionError(E.FRAME_SIZE_ERROR);
  });

  test('5.4.1/2 GOAWAY names the last stream', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, get), headers(7, get)).response(7);
    expect(await peer.send(frame(T.PING, 0, 0, [0, 0, 0])).connectionError(E.FRAME_SIZE_ERROR)).toBe(7);
  });

  test('5.4.1/3 GOAWAY and an orderly end reach a peer that goes on sending', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.PING, 0, 0, [0, 0, 0]));
    for (let i = 0; i < 100; i++) peer.send(data(1, new Uint8Array(16_384)));
    await peer.connectionError(E.FRAME_SIZE_ERROR);
  });

  test('5.5/1 unknown frames are discarded, on the connection and on a stream', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), unknown(0), unknown(1), data(1, 'x'), unknown(1), data(1, 'y', F.END_STREAM));
    expect((await peer.response(1)).status).toBe('200');
  });

  test('5.5/2 ... but not in the middle of a field block', async () => {
    const peer = await kit.open();
    await peer.send(frame(T.HEADERS, F.END_STREAM, 1, block(get)), unknown(1)).connectionError(E.PROTOCOL_ERROR);
  });
}
