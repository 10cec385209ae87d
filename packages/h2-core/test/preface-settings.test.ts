import { describe, expect, test } from 'vitest';
import { SettingId } from '../src/index.ts';
import { Endpoint, get, server } from './support/endpoint.ts';
import { bytes, concat, frame, GET, headers, preface, settings, settingsAck, T } from './support/frames.ts';

describe('RFC 9113 3.4 preface', () => {
  test('split into any pieces', () => {
    // PRE-01
    const input = concat(preface, settings(), headers(1, GET));
    for (let size = 1; size <= input.length; size++) {
      const t = new Endpoint({ role: 'server' });
      for (let at = 0; at < input.length; at += size) t.connection.receive(input.slice(at, at + size), 0);
      expect(t.heard()).toEqual(['settings ', 'request 1 GET / end']);
    }
  });

  test('a wrong octet is a connection error, found at once', () => {
    // PRE-02
    for (let i = 0; i < preface.length; i++) {
      const t = new Endpoint({ role: 'server' });
      const wrong = preface.slice(0, i + 1);
      wrong[i] = (wrong[i] ?? 0) ^ 1;
      t.receive(wrong);
      expect(t.sent().at(-1)).toBe('GOAWAY 0 1 preface.client');
      expect(t.heard()).toEqual(['end PROTOCOL_ERROR preface.client']);
    }
  });

  test('the end of the transport inside the preface is a clean end without streams', () => {
    // PRE-03, PRE-13
    const t = new Endpoint({ role: 'server' });
    t.receive(preface.slice(0, 10));
    t.connection.receiveEnd(1);
    expect(t.heard()).toEqual(['end clean']);
    expect(t.connection.isClosed).toBe(true);
  });

  test.each(['server', 'client'] as const)('%s: the first frame must be SETTINGS', role => {
    // PRE-05, PRE-06
    for (const first of [
      headers(1, GET),
      frame(T.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]),
      settingsAck,
      frame(0x77, 0, 0),
    ]) {
      const t = new Endpoint({ role });
      t.receive(role === 'server' ? preface : new Uint8Array(), first);
      expect(t.heard()).toEqual(['end PROTOCOL_ERROR preface.settings']);
    }
  });

  test('a server sends its SETTINGS before it has read anything', () => {
    // PRE-07
    expect(new Endpoint({ role: 'server' }).sent()).toEqual(['SETTINGS', 'WINDOW_UPDATE 0 4128769']);
  });

  test('a client sends requests before the peer has sent SETTINGS', () => {
    // PRE-08, PRE-09
    const t = new Endpoint({ role: 'client' });
    t.connection.request(get(), true);
    expect(t.sent()).toEqual(['SETTINGS', 'WINDOW_UPDATE 0 4128769', 'HEADERS 1 END_STREAM']);
  });

  test('no preface in time', () => {
    // LIM-37
    const t = new Endpoint({ role: 'server' });
    expect(t.connection.nextTimeout()).toBe(10_000);
    t.connection.handleTimeout(9_999);
    expect(t.connection.isClosed).toBe(false);
    t.connection.handleTimeout(10_000);
    expect(t.sent().at(-1)).toBe('GOAWAY 0 1 preface.timeout');
  });

  test('h2c upgrade: stream 1 is half-closed (remote) and HTTP2-Settings apply', () => {
    // PRE-10
    const t = new Endpoint({ role: 'server' });
    const stream = t.connection.acceptUpgrade(settings(SettingId.INITIAL_WINDOW_SIZE, 7).slice(9), get('/up'));
    expect(t.heard()).toEqual(['request 1 GET /up end']);
    t.connection.respond(stream, 200, [], false);
    t.connection.write(stream, bytes('0123456789'), true);
    t.receive(preface, settings());
    expect(t.sent()).toEqual(['SETTINGS', 'WINDOW_UPDATE 0 4128769', 'HEADERS 1', 'SETTINGS ACK', 'DATA 1 7']);
  });
});

describe('RFC 9113 6.5 SETTINGS', () => {
  test('each is acknowledged', () => {
    // SET-01
    const t = server();
    t.receive(settings(), settings());
    expect(t.sent()).toEqual(['SETTINGS ACK', 'SETTINGS ACK']);
  });

  test('an acknowledgement too many is PROTOCOL_ERROR', () => {
    // SET-02
    const t = server();
    t.receive(settingsAck);
    expect(t.sent()).toEqual(['GOAWAY 0 1 settings.ack-unexpected']);
  });

  test.each([
    ['ENABLE_PUSH 2', [2, 2], 1, 'settings.enable-push'],
    ['INITIAL_WINDOW_SIZE 2^31', [4, 2 ** 31], 3, 'settings.initial-window-size'],
    ['MAX_FRAME_SIZE 0', [5, 0], 1, 'settings.frame-size'],
    ['MAX_FRAME_SIZE 16383', [5, 16_383], 1, 'settings.frame-size'],
    ['MAX_FRAME_SIZE 2^24', [5, 2 ** 24], 1, 'settings.frame-size'],
    ['ENABLE_CONNECT_PROTOCOL 2', [8, 2], 1, 'settings.connect-protocol'],
    ['ENABLE_CONNECT_PROTOCOL 1 then 0', [8, 1, 8, 0], 1, 'settings.connect-protocol-revoked'],
    ['NO_RFC7540_PRIORITIES 2', [9, 2], 1, 'settings.no-rfc7540'],
    ['NO_RFC7540_PRIORITIES changed', [9, 1], 1, 'settings.no-rfc7540-changed'],
  ])('%s', (_, pairs, code, rule) => {
    // SET-04, LIM-36
    const t = server();
    t.receive(settings(...pairs));
    expect(t.sent()).toEqual([`GOAWAY 0 ${code} ${rule}`]);
  });

  test('a client rejects ENABLE_PUSH 1 from a server', () => {
    // SET-05
    const t = new Endpoint({ role: 'client' });
    t.receive(settings(2, 1));
    expect(t.heard()).toEqual(['end PROTOCOL_ERROR settings.enable-push-server']);
  });

  test('the last of several values wins and unknown ones are kept for the handler', () => {
    // FRM-15, FRM-16
    const t = server();
    t.receive(settings(4, 100, 0xf000, 5, 4, 200));
    expect(t.heard()).toEqual(['settings 4,100,61440,5,4,200']);
    expect(t.connection.remoteSettings.initialWindowSize).toBe(200);
  });

  test.each([
    ['length not a multiple of 6', frame(T.SETTINGS, 0, 0, [0, 0, 0, 0, 0]), 'settings.length'],
    ['acknowledgement with payload', frame(T.SETTINGS, 1, 0, [0, 4, 0, 0, 0, 1]), 'settings.ack-length'],
    ['on a stream', frame(T.SETTINGS, 0, 1), 'frame.stream-nonzero'],
  ])('%s', (_, input, rule) => {
    // FRM-10, FRM-11
    const t = server();
    t.receive(input);
    expect(t.heard()[0]).toMatch(new RegExp(`${rule}$`));
  });

  test('too many entries in a frame: at the limit, above it', () => {
    // SET-10, LIM-22
    const entries = (n: number): Uint8Array => settings(...Array.from({ length: n }, () => [0x4, 65_535]).flat());
    const at = server();
    at.receive(entries(32));
    expect(at.connection.isClosed).toBe(false);
    const above = server();
    above.receive(entries(33));
    expect(above.sent()).toEqual(['GOAWAY 0 11 settings.too-many']);
  });

  test('ours not acknowledged in time is SETTINGS_TIMEOUT', () => {
    // SET-07
    const t = new Endpoint({ role: 'server' });
    t.receive(preface, settings());
    t.sent();
    t.connection.handleTimeout(10_000);
    expect(t.sent()).toEqual(['GOAWAY 0 4 settings.timeout']);
  });

  test('several in flight are acknowledged in order', () => {
    // SET-06
    const t = server();
    t.connection.updateSettings([SettingId.INITIAL_WINDOW_SIZE, 10]);
    t.connection.updateSettings([SettingId.INITIAL_WINDOW_SIZE, 20]);
    t.receive(settingsAck);
    expect(t.connection.localSettings.initialWindowSize).toBe(10);
    t.receive(settingsAck);
    expect(t.connection.localSettings.initialWindowSize).toBe(20);
  });

  test('a larger MAX_FRAME_SIZE is honoured from its sending on', () => {
    // FRM-05
    const t = server();
    t.connection.updateSettings([SettingId.MAX_FRAME_SIZE, 20_000]);
    t.receive(headers(1, GET, 4), frame(T.DATA, 0, 1, new Uint8Array(20_000)));
    expect(t.heard()).toEqual(['request 1 GET /', 'data 1 20000']);
  });
});
