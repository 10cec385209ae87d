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
  header,
  headers,
  ping,
  preface,
  priority,
  S,
  settings,
  settingsAck,
  T,
  windowUpdate,
} from '../support/frames.ts';
import type { Kit } from './kit.ts';

const OPEN = F.END_HEADERS;
const WHOLE = F.END_HEADERS | F.END_STREAM;

/** RFC 9113 3.4, 4.1, 4.2, 4.3. */
export function sectionClauses(kit: Kit): void {
  const { get, post } = kit;

  test('3.4/1 the server’s first frame is SETTINGS, whatever follows', async () => {
    const peer = await kit.raw();
    peer.send(preface, settings(), headers(1, get));
    expect((await peer.next('a first frame', () => true)).type).toBe(T.SETTINGS);
    expect((await peer.response(1)).status).toBe('200');
  });

  test('3.4/2 an invalid preface ends the connection', async () => {
    const peer = await kit.raw();
    await peer.send(bytes('INVALID CONNECTION PREFACE\r\n\r\n')).ended();
  });

  test.each([
    ['HEADERS', headers(1, get)],
    ['PING', ping([0, 0, 0, 0, 0, 0, 0, 0])],
    ['an acknowledgement', settingsAck],
    ['WINDOW_UPDATE', windowUpdate(0, 1)],
  ])('3.4/3 %s in the place of the first SETTINGS', async (_, input) => {
    const peer = await kit.raw();
    await peer.send(preface, input).connectionError(E.PROTOCOL_ERROR);
  });

  test('4.1/1 frames of unknown type are ignored, on the connection and on streams in any state', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, get)).response(1);
    await peer.send(...[0, 1, 3, 2].map(id => frame(0xbb, 0xff, id, bytes('what is this')))).unharmed();
  });

  test('4.1/2 undefined flags are ignored', async () => {
    const peer = await kit.open();
    peer.send(frame(T.PING, 0xfe, 0, [1, 1, 1, 1, 1, 1, 1, 1]));
    expect((await peer.next('PING', f => f.type === T.PING)).flags).toBe(F.ACK);
    const extra = 0xff - F.PADDED - F.PRIORITY;
    expect((await peer.send(frame(T.HEADERS, extra, 1, block(get))).response(1)).status).toBe('200');
  });

  test('4.1/3 the reserved bit is ignored', async () => {
    const peer = await kit.open();
    peer.send(frame(T.HEADERS, WHOLE, 0x8000_0001, block(get)));
    expect((await peer.response(1)).status).toBe('200');
  });

  test('4.2/1 DATA of 2^14 octets', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), data(1, new Uint8Array(16_384), F.END_STREAM));
    expect((await peer.response(1)).status).toBe('200');
  });

  test('4.2/2 DATA longer than SETTINGS_MAX_FRAME_SIZE', async () => {
    const peer = await kit.open();
    const max = peer.serverSettings.get(S.MAX_FRAME_SIZE) ?? 16_384;
    peer.send(headers(1, post, OPEN), data(1, new Uint8Array(max + 1), F.END_STREAM));
    await peer.anyError(1, E.FRAME_SIZE_ERROR);
  });

  test.each([
    ['HEADERS', T.HEADERS, 1],
    ['SETTINGS', T.SETTINGS, 0],
    ['PING', T.PING, 0],
    ['CONTINUATION', T.CONTINUATION, 1],
    ['an unknown type', 0xbb, 0],
  ])('4.2/3 %s longer than that is a connection error, before its payload is there', async (_, type, id) => {
    const peer = await kit.open();
    const max = peer.serverSettings.get(S.MAX_FRAME_SIZE) ?? 16_384;
    if (type === T.CONTINUATION) peer.send(frame(T.HEADERS, 0, 1, block(get)));
    await peer.send(header(max + 1, type, F.END_HEADERS, id)).connectionError(E.FRAME_SIZE_ERROR);
  });

  test('4.3/1 a field block that does not decode', async () => {
    const peer = await kit.open();
    // Literal with incremental indexing of name index 70, in no table.
    await peer.send(frame(T.HEADERS, WHOLE, 1, [0x7f, 0x07, 0x01, 0x61])).connectionError(E.COMPRESSION_ERROR);
  });

  test('4.3/2 a field block that ends in the middle of a field', async () => {
    const peer = await kit.open();
    const cut = block(get).slice(0, -3);
    await peer.send(frame(T.HEADERS, WHOLE, 1, cut)).connectionError(E.COMPRESSION_ERROR);
  });

  test('4.3/3 trailers that do not decode', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), frame(T.HEADERS, WHOLE, 1, [0x80]));
    await peer.connectionError(E.COMPRESSION_ERROR);
  });

  test.each([
    ['PRIORITY', priority(1, 0)],
    ['PRIORITY of another stream', priority(3, 0)],
    ['HEADERS of another stream', headers(3, get)],
    ['DATA', data(1, 'x')],
    ['PING', ping([0, 0, 0, 0, 0, 0, 0, 0])],
    ['SETTINGS', settings()],
    ['WINDOW_UPDATE', windowUpdate(0, 1)],
    ['an unknown type', frame(0xbb, 0, 1, [])],
    ['CONTINUATION of another stream', continuation(3, [], F.END_HEADERS)],
  ])('4.3/4 %s in the middle of a field block', async (_, input) => {
    const peer = await kit.open();
    await peer.send(frame(T.HEADERS, F.END_STREAM, 1, block(get)), input).connectionError(E.PROTOCOL_ERROR);
  });

  test('4.3/5 the table is kept right by messages that are refused', async () => {
    const peer = await kit.open();
    const entry = concat([0x40, 6], bytes('x-kept'), [2], bytes('ok'));
    // Malformed (no :path), but its entry is used by the next request: index 62.
    peer.send(frame(T.HEADERS, WHOLE, 1, concat(block(get.filter(([name]) => name !== ':path')), entry)));
    await peer.streamError(1, E.PROTOCOL_ERROR);
    peer.send(frame(T.HEADERS, WHOLE, 3, concat(block(get), [0xbe])));
    expect((await peer.response(3)).status).toBe('200');
  });
}
