/** Options that are no limits, and what they change on the wire. */
import { expect, test } from 'vitest';
import { Connection, UsageError } from '../src/index.ts';
import { client, Endpoint, server } from './support/endpoint.ts';
import { concat, GET, headers, parse, ping, preface, type RawFrame, rst, S, settings, T } from './support/frames.ts';

const pairsOf = (f: RawFrame | undefined): number[] => {
  const payload = f?.payload ?? new Uint8Array();
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const pairs: number[] = [];
  for (let at = 0; at < payload.length; at += 6) pairs.push(view.getUint16(at), view.getUint32(at + 2));
  return pairs;
};

test.each(['server', 'client'] as const)('extraSettings of a %s stand behind its own in the first SETTINGS', role => {
  // FRM-16
  const extraSettings = [0x0a0a, 4_294_967_295, 0xf000, 7, 0x0a0a, 1];
  const t = new Endpoint({ role, extraSettings });
  const [first] = t.frames();
  expect(first?.type).toBe(T.SETTINGS);
  expect(pairsOf(first).slice(-6)).toEqual(extraSettings);
  const plain = pairsOf(new Endpoint({ role }).frames()[0]);
  expect(pairsOf(first).slice(0, -6)).toEqual(plain);
});

test('NO_RFC7540_PRIORITIES may be among them, and takes effect with the acknowledgement', () => {
  const t = server({ extraSettings: [9, 1] });
  expect(t.connection.localSettings.noRfc7540Priorities).toBe(true);
});

test.each([
  ['a broken rule', (c: Connection) => c.receive(rst(0, 0), 0), 1],
  ['destroy', (c: Connection) => c.destroy(11, 'because'), 11],
  ['shutdown', (c: Connection) => c.shutdown('restarting'), 0],
] as const)('goAwayDebugData false: GOAWAY says nothing beyond its code, after %s', (_, end, code) => {
  // GOA-05
  for (const goAwayDebugData of [true, false]) {
    const t = server({ goAwayDebugData });
    end(t.connection);
    const goAway = t.frames().find(f => f.type === T.GOAWAY);
    expect(goAway?.payload[7]).toBe(code);
    expect(goAway?.payload.length === 8).toBe(!goAwayDebugData);
  }
});

test('keepaliveWhileIdle: a connection without streams is asked, too, and its idle timeout holds', () => {
  // PNG-10
  const at = (keepaliveWhileIdle: boolean): string[] => {
    const t = server({ keepaliveIntervalMs: 1000, keepaliveWhileIdle, idleTimeoutMs: 4500 });
    const sent: string[] = [];
    for (let now = 100; now <= 4500; now += 100) {
      t.now = now;
      if (t.connection.nextTimeout() <= now) t.connection.handleTimeout(now);
      for (const f of t.frames()) {
        sent.push(`${now} ${f.type === T.PING ? 'PING' : 'GOAWAY'}`);
        if (f.type === T.PING) t.receive(ping([...f.payload], 1));
      }
    }
    return sent;
  };
  expect(at(false)).toEqual(['4500 GOAWAY']);
  expect(at(true)).toEqual(['1000 PING', '2000 PING', '3000 PING', '4000 PING', '4500 GOAWAY']);
});

test('keepaliveWhileIdle: a peer that is gone is found out without a stream', () => {
  // PNG-10
  const t = server({ keepaliveIntervalMs: 1000, keepaliveTimeoutMs: 500, keepaliveWhileIdle: true });
  t.connection.handleTimeout(1000);
  expect(t.sent()).toEqual(['PING']);
  t.connection.handleTimeout(1500);
  expect(t.sent()).toEqual(['GOAWAY 0 0 keepalive.timeout']);
});

test('automaticPingAck false: the program answers, with 8 octets, no more often than it was asked', () => {
  // PNG-12
  const heard: Uint8Array[] = [];
  const connection = new Connection({
    role: 'server',
    automaticPingAck: false,
    handler: { onPing: payload => void heard.push(payload) },
  });
  connection.receive(concat(preface, settings(), ping([1, 2, 3, 4, 5, 6, 7, 8])), 0);
  expect(parse(concat(...connection.takeOutput())).some(f => f.type === T.PING)).toBe(false);
  expect(heard).toEqual([Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
  expect(() => connection.pong(new Uint8Array(7))).toThrow(/8 octets, not 7/);
  connection.pong(heard[0] as Uint8Array);
  const [answer] = parse(concat(...connection.takeOutput()));
  expect([answer?.type, answer?.flags, [...(answer?.payload ?? [])]]).toEqual([T.PING, 1, [1, 2, 3, 4, 5, 6, 7, 8]]);
  expect(() => connection.pong(new Uint8Array(8))).toThrow(UsageError);
});

test('prefaceReceived: frames begin at once', () => {
  // PRE-11
  const t = new Endpoint({ role: 'server', prefaceReceived: true });
  t.receive(settings(), headers(1, GET));
  expect(t.heard()).toContain('request 1 GET / end');
});

test('SETTINGS are reported as they came; what they do not name stays in force', () => {
  // SET-08, FRM-15
  const t = client();
  t.receive(settings(S.MAX_CONCURRENT_STREAMS, 7, S.INITIAL_WINDOW_SIZE, 1000));
  t.receive(settings(S.INITIAL_WINDOW_SIZE, 1000));
  t.receive(settings());
  t.receive(settings(S.MAX_CONCURRENT_STREAMS, 8, 0xf000, 1, S.MAX_CONCURRENT_STREAMS, 9));
  expect(t.heard()).toEqual(['settings 3,7,4,1000', 'settings 4,1000', 'settings ', 'settings 3,8,61440,1,3,9']);
  expect(t.connection.remoteSettings).toMatchObject({ maxConcurrentStreams: 9, initialWindowSize: 1000 });
});
