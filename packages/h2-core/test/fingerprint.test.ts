// How an endpoint begins: what we let a client say in which order, and what a server sees of it.
import { describe, expect, test } from 'vitest';
import { type ConnectionOptions, fingerprintOf, OptionError, resolveOptions, UsageError } from '../src/index.ts';
import { client, Endpoint, get, server } from './support/endpoint.ts';
import {
  concat,
  continuation,
  data,
  F,
  frame,
  GET,
  headers,
  ping,
  preface,
  priority,
  settings,
  settingsAck,
  T,
  u32,
  windowUpdate,
} from './support/frames.ts';
import { inMemory, next } from './support/session.ts';

/** The first SETTINGS of a connection, pair by pair. */
function firstSettings(options: Partial<ConnectionOptions> & { role: 'server' | 'client' }): string[] {
  const [first] = new Endpoint(options).frames();
  const view = new DataView((first?.payload ?? new Uint8Array()).slice().buffer);
  return Array.from({ length: view.byteLength / 6 }, (_, i) => `${view.getUint16(i * 6)}:${view.getUint32(i * 6 + 2)}`);
}

describe('the first SETTINGS', () => {
  test('name what differs from the initial values, by ascending id, and extra ones last', () => {
    expect(firstSettings({ role: 'client' })).toEqual(['2:0', '4:1048576', '6:65536']);
    expect(firstSettings({ role: 'client', extraSettings: [0x0a0a, 7] })).toEqual([
      '2:0',
      '4:1048576',
      '6:65536',
      '2570:7',
    ]);
  });

  test('come in the order a program gives, with those it lists although they say nothing new', () => {
    // FRM-15
    const options = { extraSettings: [0x0a0a, 7], settingsOrder: [6, 0x0a0a, 1, 3, 5, 4] };
    expect(firstSettings({ role: 'client', ...options })).toEqual([
      '6:65536',
      '2570:7',
      '1:4096',
      '3:100',
      '5:16384',
      '4:1048576',
      '2:0',
    ]);
    expect(firstSettings({ role: 'server', settingsOrder: [8, 4] })).toEqual(['8:0', '4:1048576', '3:128', '6:65536']);
  });

  test.each([[[1, 1]], [[0x0a0a]], [[9]], [['4']], ['4,3']])('an order that is none is refused: %j', bad => {
    const settingsOrder = bad as unknown as number[];
    expect(() => resolveOptions('client', { settingsOrder })).toThrow(OptionError);
  });
});

describe('pseudo-fields', () => {
  /** What a server hears of the order, from a client that was told one. */
  const heard = (
    options: Partial<ConnectionOptions>,
    pseudoOrder?: readonly string[],
  ): readonly string[] | undefined => {
    const near = client(options);
    const far = server();
    const head = { ...get(), ...(pseudoOrder === undefined ? {} : { pseudoOrder: pseudoOrder as never }) };
    near.connection.request(head, true);
    for (const part of near.connection.takeOutput()) far.connection.receive(part, 0);
    return far.heads[0]?.pseudoOrder;
  };

  test('go in the order of the request, else of the connection, else ours; the server sees it', () => {
    expect(heard({})).toEqual([':method', ':scheme', ':authority', ':path']);
    const pseudoOrder = [':path', ':authority', ':method', ':scheme'] as const;
    expect(heard({ pseudoOrder })).toEqual(pseudoOrder);
    expect(heard({ pseudoOrder }, [':scheme', ':path'])).toEqual([':scheme', ':path', ':method', ':authority']);
  });

  test('an order that is none is refused, of an option and of a request', () => {
    for (const bad of [[':path', ':path'], [':status'], ['path'], 'path']) {
      expect(() => resolveOptions('client', { pseudoOrder: bad as never })).toThrow(OptionError);
      const t = client();
      expect(() => t.connection.request({ ...get(), pseudoOrder: bad as never }, true)).toThrow(UsageError);
      expect(t.sent()).toEqual([]);
    }
  });
});

/** As a browser begins. */
const browser = concat(
  preface,
  settings(1, 65_536, 2, 0, 4, 6_291_456, 0x0a0a, 1),
  windowUpdate(0, 15_663_105),
  priority(3, 0, 200),
  priority(5, 3, 100, true),
);
const withPriority = frame(T.HEADERS, F.END_HEADERS | F.END_STREAM | F.PRIORITY | F.PADDED, 1, [
  2,
  ...u32(0x8000_0000),
  255,
  ...headers(1, GET).slice(9),
  0,
  0,
]);

describe('the frames a client begins with', () => {
  test('are kept up to and with its first HEADERS, of which only the priority', () => {
    const t = new Endpoint({ role: 'server' });
    t.receive(browser, ping([1, 2, 3, 4, 5, 6, 7, 8]), withPriority, windowUpdate(0, 5), settingsAck);
    const { earlyFrames } = t.connection;
    expect(earlyFrames.map(f => `${f.type} ${f.streamId} ${f.payload.length}`)).toEqual([
      '4 0 24',
      '8 0 4',
      '2 3 5',
      '2 5 5',
      '6 0 8',
      '1 1 5',
    ]);
    expect(earlyFrames.at(-1)?.payload).toEqual(Uint8Array.of(0x80, 0, 0, 0, 255));
    expect(earlyFrames.at(-1)?.flags).toBe(F.END_HEADERS | F.END_STREAM | F.PRIORITY | F.PADDED);
  });

  test('are bounded in number and in octets, and are copies', () => {
    const t = new Endpoint({ role: 'server' });
    const chunk = concat(preface, settings(), ...Array.from({ length: 60 }, () => ping(new Array(8).fill(9))));
    t.receive(chunk);
    chunk.fill(0);
    expect(t.connection.earlyFrames).toHaveLength(32);
    expect(t.connection.earlyFrames[1]?.payload[0]).toBe(9);
    const large = new Endpoint({ role: 'server' });
    large.receive(preface, settings(), ...Array.from({ length: 20 }, () => frame(0xf0, 0, 0, new Uint8Array(1000))));
    expect(large.connection.earlyFrames.map(f => f.payload.length)).toEqual([0, ...new Array(7).fill(256)]);
    // A field section in pieces, and DATA, end them as well.
    const split = new Endpoint({ role: 'server' });
    split.receive(
      preface,
      settings(),
      headers(1, GET, 0),
      continuation(1, [], F.END_HEADERS),
      data(1, 'x'),
      ping(new Array(8).fill(1)),
    );
    expect(split.connection.earlyFrames.map(f => f.type)).toEqual([T.SETTINGS, T.HEADERS]);
  });

  test('make a fingerprint, also in the common notation', () => {
    const t = new Endpoint({ role: 'server' });
    t.receive(browser, withPriority);
    const found = fingerprintOf(t.connection.earlyFrames, t.heads[0]?.pseudoOrder ?? []);
    expect(found).toEqual({
      settings: [1, 65_536, 2, 0, 4, 6_291_456, 0x0a0a, 1],
      windowUpdate: 15_663_105,
      priorities: [
        { streamId: 3, exclusive: false, dependsOn: 0, weight: 201 },
        { streamId: 5, exclusive: true, dependsOn: 3, weight: 101 },
        { streamId: 1, exclusive: true, dependsOn: 0, weight: 256 },
      ],
      pseudoOrder: [':method', ':scheme', ':authority', ':path'],
      text: '1:65536;2:0;4:6291456;2570:1|15663105|3:0:0:201,5:1:3:101,1:1:0:256|m,s,a,p',
    });
    expect(fingerprintOf([], []).text).toBe('|00|0|');
  });

  test('sessions: a client sets it, a server sees it, with the first request', async () => {
    const { server: near, client: far } = await inMemory(
      {},
      {
        headerTableSize: 65_536,
        maxHeaderListSize: 262_144,
        initialWindowSize: 6_291_456,
        initialConnectionWindowSize: 15_728_640,
        settingsOrder: [1, 2, 4, 6],
        pseudoOrder: [':method', ':authority', ':scheme', ':path'],
      },
    );
    expect(near.fingerprint).toBe(null);
    far.request({});
    const { request } = await next(near);
    expect(near.fingerprint?.text).toBe('1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p');
    expect(request.pseudoOrder.join()).toBe(':method,:authority,:scheme,:path');
    far.request({ pseudoOrder: [':path'] });
    expect((await next(near)).request.pseudoOrder[0]).toBe(':path');
  });
});

test('TRC-07 counters have stable names and only rise', () => {
  const near = client({ holdCancelledSlots: false });
  const far = server();
  const names = [
    'octetsReceived',
    'octetsSent',
    'framesReceived',
    'framesSent',
    'bodyOctetsReceived',
    'bodyOctetsSent',
    'streamsOpened',
    'streamsClosed',
    'streamsReset',
  ];
  const strange = ['peerErrors', 'oddities', 'readPauses'];
  expect(Object.keys(near.connection.counters)).toEqual([...names, ...strange]);
  const before = { near: near.connection.counters, far: far.connection.counters };
  const stream = near.connection.request({ ...get(), method: 'POST', fields: ['x', '\u00ff'.repeat(20_000)] }, false);
  near.connection.write(stream, new Uint8Array(40_000), true);
  const octets = concat(...near.connection.takeOutput());
  far.connection.receive(octets, 0);
  near.connection.reset(stream, 8);
  near.connection.takeOutput();
  const changed = (now: object, then: object): number[] =>
    names.map(name => Reflect.get(now, name) - Reflect.get(then, name));
  // HEADERS, CONTINUATION, three of DATA; then RST_STREAM, of ours.
  expect(changed(near.connection.counters, before.near)).toEqual([0, octets.length + 13, 0, 6, 0, 40_000, 1, 1, 1]);
  expect(changed(far.connection.counters, before.far)).toEqual([octets.length, 0, 5, 0, 40_000, 0, 1, 0, 0]);
});
