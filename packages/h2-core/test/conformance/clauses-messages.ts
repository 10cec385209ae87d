import { expect, test } from 'vitest';
import { data, E, F, type Fields, frame, headers, rst, T, u32 } from '../support/frames.ts';
import type { Kit } from './kit.ts';

const OPEN = F.END_HEADERS;

/** RFC 9113 8.1 to 8.5. Numbers of subsections as in RFC 7540 where RFC 9113 has merged them. */
export function messageClauses(kit: Kit): void {
  const { get, post } = kit;
  const without = (name: string): Fields => get.filter(([n]) => n !== name);
  const replaced = (name: string, value: string): Fields => get.map(f => (f[0] === name ? [name, value] : f));

  test('8.1/1 a second HEADERS without END_STREAM', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), headers(1, [['x-test', 'ok']], OPEN));
    await peer.streamError(1, E.PROTOCOL_ERROR);
  });

  test('8.1/2 an unfinished request may be given up', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), data(1, 'te'), rst(1, E.CANCEL), headers(3, get));
    expect((await peer.response(3)).status).toBe('200');
  });

  const malformed: [string, Fields][] = [
    ['8.2.1/1 an upper-case field name', [...get, ['X-TEST', 'ok']]],
    ['8.2.1/2 an empty field name', [...get, ['', 'ok']]],
    ['8.2.1/3 a space in a field name', [...get, ['x test', 'ok']]],
    ['8.2.1/4 a colon in a field name', [...get, ['x:test', 'ok']]],
    ['8.2.1/5 a non-ASCII field name', [...get, ['x-\xe4', 'ok']]],
    ['8.2.1/6 NUL in a field value', [...get, ['x-test', 'o\0k']]],
    ['8.2.1/7 LF in a field value', [...get, ['x-test', 'o\nk']]],
    ['8.2.1/8 CR in a field value', [...get, ['x-test', 'o\rk']]],
    ['8.2.1/9 a field value that begins with a space', [...get, ['x-test', ' ok']]],
    ['8.2.1/10 a field value that ends with a tab', [...get, ['x-test', 'ok\t']]],
    ['8.1.2.1/1 an unknown pseudo-field', [...get, [':test', 'ok']]],
    ['8.1.2.1/2 a pseudo-field of responses', [...get, [':status', '200']]],
    ['8.1.2.1/4 a pseudo-field after a regular field', [...without(':path'), ['x-test', 'ok'], [':path', '/']]],
    ['8.1.2.2/1 connection', [...get, ['connection', 'keep-alive']]],
    ['8.1.2.2/1 keep-alive', [...get, ['keep-alive', 'timeout=5']]],
    ['8.1.2.2/1 proxy-connection', [...get, ['proxy-connection', 'keep-alive']]],
    ['8.1.2.2/1 transfer-encoding', [...get, ['transfer-encoding', 'chunked']]],
    ['8.1.2.2/1 upgrade', [...get, ['upgrade', 'h2c']]],
    ['8.1.2.2/2 TE other than trailers', [...get, ['te', 'trailers, deflate']]],
    ['8.1.2.3/1 an empty :path', replaced(':path', '')],
    ['8.1.2.3/2 no :method', without(':method')],
    ['8.1.2.3/3 no :scheme', without(':scheme')],
    ['8.1.2.3/4 no :path', without(':path')],
    ['8.1.2.3/5 :method twice', [['', ''], ...get].map((f, i) => (i === 0 ? [':method', 'GET'] : f)) as Fields],
    ['8.1.2.3/6 :scheme twice', [...get, [':scheme', 'http']]],
    ['8.1.2.3/7 :path twice', [...get, [':path', '/']]],
    ['8.1.2.3/8 :authority twice', [...get, [':authority', 'localhost']]],
    ['8.3.1/9 :path without a leading slash', replaced(':path', 'x')],
    ['8.3.1/10 :path * without OPTIONS', replaced(':path', '*')],
    ['8.3.1/11 userinfo in :authority', replaced(':authority', 'me@localhost')],
    ['8.3.1/12 Host and :authority differ', [...get, ['host', 'elsewhere.example']]],
    ['8.3.1/13 a method that is no token', replaced(':method', 'GE T')],
    ['8.5/1 CONNECT with :scheme and :path', replaced(':method', 'CONNECT')],
    ['8.5/2 CONNECT without :authority', [[':method', 'CONNECT']]],
    ['8441 4/1 :protocol without CONNECT', [...get, [':protocol', 'websocket']]],
  ];
  test.each(malformed)('%s', async (_, fields) => {
    const peer = await kit.open();
    await peer.send(headers(1, fields)).streamError(1, E.PROTOCOL_ERROR);
    expect((await peer.send(headers(3, get)).response(3)).status).toBe('200');
  });

  test('8.1.2.1/3 a pseudo-field in trailers', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), data(1, 'test'), headers(1, [[':method', 'POST']]));
    await peer.streamError(1, E.PROTOCOL_ERROR);
  });

  test('8.2.2/3 a connection-specific field in trailers', async () => {
    const peer = await kit.open();
    peer.send(headers(1, post, OPEN), data(1, 'test'), headers(1, [['connection', 'close']]));
    await peer.streamError(1, E.PROTOCOL_ERROR);
  });

  test('8.2.2/4 TE: trailers is allowed', async () => {
    const peer = await kit.open();
    expect((await peer.send(headers(1, [...get, ['te', 'trailers']])).response(1)).status).toBe('200');
  });

  test('8.2.3/1 cookie may come in pieces', async () => {
    const peer = await kit.open();
    const crumbs: Fields = [...get, ['cookie', 'a=1'], ['cookie', 'b=2']];
    expect((await peer.send(headers(1, crumbs)).response(1)).status).toBe('200');
  });

  const length = (value: string): Fields => [...post, ['content-length', value]];
  test.each([
    ['1 one DATA frame that is too long', '1', [data(1, 'test', F.END_STREAM)]],
    ['2 several that are too long together', '5', [data(1, 'tes'), data(1, 'ting', F.END_STREAM)]],
    ['3 too short', '5', [data(1, 'test', F.END_STREAM)]],
    ['4 too short before trailers', '5', [data(1, 'test'), headers(1, [['x-test', 'ok']])]],
    ['5 too long before the end', '3', [data(1, 'test')]],
    ['6 too long by an octet that padding hides', '3', [frame(T.DATA, F.PADDED, 1, [1, 1, 1, 1, 1, 0])]],
  ])('8.1.2.6/%s', async (_, value, body) => {
    const peer = await kit.open();
    await peer.send(headers(1, length(value), OPEN), ...body).streamError(1, E.PROTOCOL_ERROR);
  });

  test('8.1.2.6/7 content-length and END_STREAM on HEADERS', async () => {
    const peer = await kit.open();
    await peer.send(headers(1, length('1'))).streamError(1, E.PROTOCOL_ERROR);
  });

  test.each(['-1', '+4', '4, 4', '0x4', '', '99999999999999999999'])('8.1.2.6/8 content-length %j', async value => {
    const peer = await kit.open();
    await peer.send(headers(1, length(value), OPEN)).streamError(1, E.PROTOCOL_ERROR);
  });

  test('8.1.2.6/9 content-length that fits', async () => {
    const peer = await kit.open();
    peer.send(headers(1, length('7'), OPEN), data(1, 'tes'), data(1, 'ting', F.END_STREAM));
    expect((await peer.response(1)).status).toBe('200');
  });

  test('8.4/1 PUSH_PROMISE of a client', async () => {
    const peer = await kit.open();
    const promise = frame(T.PUSH_PROMISE, F.END_HEADERS, 1, u32(2));
    await peer.send(headers(1, post, OPEN), promise).connectionError(E.PROTOCOL_ERROR);
  });
}
