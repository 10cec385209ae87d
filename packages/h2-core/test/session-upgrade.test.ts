import { expect, test } from 'vitest';
import { handshakeUpgraded as asClient, SettingId, UsageError, upgradeSettings } from '../src/session/client.ts';
import { handshakeUpgraded as asServer, handshake, pair } from '../src/session/server.ts';
import { fromBase64Url, settingsField } from '../src/session/upgrade-settings.ts';
import { bytes, GET, headers, parse, settings } from './support/frames.ts';
import { next, turn } from './support/session.ts';

const request = { path: '/up', authority: 'a.example', headers: { 'x-a': '1' } };
const received = { method: 'GET', authority: 'a.example', path: '/up', headers: { 'x-a': '1' } };

test('7540 3.2: both ends begin with the request that was made by HTTP/1.1, under the settings its field carried', async () => {
  // PRE-10
  const [near, far] = pair();
  const options = { initialWindowSize: 5, headerTableSize: 100 };
  const field = upgradeSettings(options);
  const [server, { connection: client, exchange }] = await Promise.all([
    asServer(near, { settings: field, request: received }),
    asClient(far, { request }, options),
  ]);
  expect([exchange.streamId, exchange.request.scheme, exchange.body.isEnded]).toEqual([1, 'http', true]);
  // In force without an acknowledgement: 101 was one.
  expect([client.localSettings.initialWindowSize, server.core.remoteSettings.headerTableSize]).toEqual([5, 100]);
  const accepted = await next(server);
  expect([accepted.request.path, accepted.request.streamId]).toEqual(['/up', 1]);
  const body = accepted.respond.send({ headers: { 'x-b': '2' } });
  body.end('eight oc');
  // Five octets before the client has read any, the rest as it does.
  const { body: answer, headers: fields } = await exchange.response;
  expect(accepted.respond.streamId).toBe(1);
  expect([fields.get('x-b'), await answer.text()]).toEqual(['2', 'eight oc']);
  // Requests go on with stream 3, by HEADERS.
  const second = client.request({ path: '/next', authority: 'a.example' });
  expect(second.streamId).toBe(3);
  (await next(server)).respond.send({}).end('second');
  expect(await (await second.response).body.text()).toBe('second');
  expect((await client.shutdown()).cut).toEqual([]);
  expect((await server.closed).error).toBe(null);
});

test('7540 3.2.1: HTTP2-Settings says what the first SETTINGS say; a bad request is the mistake of the caller', async () => {
  const octets = fromBase64Url(upgradeSettings({ initialWindowSize: 100_000 })) ?? bytes('none');
  const pairs = new Map<number, number>();
  const view = new DataView(octets.buffer);
  for (let at = 0; at < octets.length; at += 6) pairs.set(view.getUint16(at), view.getUint32(at + 2));
  expect(pairs.get(SettingId.INITIAL_WINDOW_SIZE)).toBe(100_000);
  expect(pairs.get(SettingId.ENABLE_PUSH)).toBe(0);
  expect(settingsField([])).toBe('');
  const bad = { path: 'no slash', authority: 'a.example' };
  await expect(asClient(pair()[0], { request: bad })).rejects.toThrow(UsageError);
  await expect(asClient(pair()[0], { request: { path: '/' } })).rejects.toThrow(UsageError);
  expect(() => upgradeSettings({ initialWindowSize: -1 })).toThrow(UsageError);
});

test('3.4: a server may be given a transport whose preface a sniffer has taken', async () => {
  // PRE-11
  const [near, far] = pair();
  const chunks: Uint8Array[] = [];
  far.start({ received: chunk => void chunks.push(chunk), drained: () => {}, closed: () => {} });
  far.write([settings(), headers(1, GET)]);
  const server = await handshake(near, { prefaceReceived: true });
  expect((await next(server)).request.path).toBe('/');
  server.destroy();
  // Without the option the same octets are no HTTP/2.
  const [other, peer] = pair();
  peer.start({ received: () => {}, drained: () => {}, closed: () => {} });
  peer.write([settings()]);
  expect((await handshake(other)).error?.rule).toBe('preface.client');
  while (chunks.length === 0) await turn();
  expect(parse(chunks[0] as Uint8Array)[0]?.type).toBe(4);
});
