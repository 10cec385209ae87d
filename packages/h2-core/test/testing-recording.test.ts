/** Recordings of connections, and the checker of what an endpoint sends. */
import { describe, expect, test } from 'vitest';
import { Connection, type Handler, type Stream, UsageError } from '../src/index.ts';
import { connect } from '../src/session/client.ts';
import { handshake } from '../src/session/server.ts';
import {
  concat,
  continuation,
  data,
  Flags,
  fieldBlock,
  frame,
  goAway,
  headers,
  Peer,
  ping,
  preface,
  pushPromise,
  Recorder,
  type Recording,
  recordTransport,
  replay,
  requestFields,
  rstStream,
  SimulatedClock,
  settings,
  settingsAck,
  TestLink,
  WireChecker,
  WireViolation,
  windowUpdate,
} from '../src/testing/index.ts';
import { CALLS, METHODS } from '../src/testing/recorder.ts';

/** A recording as it comes back from a file. */
const stored = (recording: Recording): Recording => JSON.parse(JSON.stringify(recording));

describe('record and replay', () => {
  // TRC-08
  test('a session is played again from its recording, octet by octet: bodies, resets, timeouts, shutdown', async () => {
    const clock = new SimulatedClock();
    const link = new TestLink({ clock, latencyMs: 7, segment: left => 1 + (left % 600) });
    const near = recordTransport(link.near);
    const far = recordTransport(link.far);
    expect(() => near.recording).toThrow('no connection was made');
    void (async () => {
      for await (const { request, respond } of await handshake(near, { keepaliveIntervalMs: 1000 })) {
        if (request.path === '/reset') respond.reset(8);
        else {
          request.body.text().then(
            text => respond.send({ headers: { 'x-a': 'b' } }).end(text.repeat(2)),
            () => {},
          );
        }
      }
    })();
    const client = await clock.until(connect(far, { authority: 'a.example', initialWindowSize: 3000 }));
    const bodies = ['a', 'b'.repeat(5000), 'c'.repeat(90_000)];
    const answers = bodies.map(body => client.request({ method: 'POST' }, body).response);
    const reset = client.request({ path: '/reset' }).response;
    await expect(clock.until(reset)).rejects.toMatchObject({ codeName: 'CANCEL' });
    for (const [i, answer] of answers.entries()) {
      expect(await clock.until((await clock.until(answer)).body.text())).toBe((bodies[i] as string).repeat(2));
    }
    const idle = client.request({ method: 'POST', endStream: false });
    await clock.advance(5000);
    idle.reset(8);
    await expect(idle.response).rejects.toMatchObject({ codeName: 'CANCEL' });
    await clock.until(client.shutdown());
    await clock.advance(1000);

    for (const recording of [near.recording, far.recording]) {
      const report = replay(stored(recording));
      expect(report.divergence).toBe(null);
      expect(report.matches).toBe(true);
      expect(report.output).toEqual(report.recordedOutput);
      expect(report.output.length).toBeGreaterThan(90_000);
      expect(report.connection.isClosed).toBe(true);
    }
    expect(near.recording.steps.map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        'receive',
        'handleTimeout',
        'takeOutput',
        '>onRequest',
        'respond',
        'reset',
        '>onData',
        '<',
      ]),
    );
  });

  test('commands inside calls, handlers that throw and mistakes of the program are played again as they were', () => {
    const seen: Stream[] = [];
    const handler: Handler = {
      onRequest(stream, head) {
        seen.push(stream);
        if (head.path === '/throw') throw new Error('a defect');
        connection.respond(stream, 200, ['x', 'y'], false);
        connection.write(stream, new Uint8Array(100), true);
      },
      onStreamClosed: stream => connection.prioritise(stream, 1, false),
    };
    const connection = new Connection({ role: 'server', handler }, 5);
    const recorder = new Recorder(connection);
    connection.receive(concat(preface, settings(), headers(1, requestFields())), 6);
    expect(() => connection.respond(seen[0] as Stream, 99, [], true)).toThrow(UsageError);
    connection.takeOutput();
    expect(() => connection.receive(headers(3, requestFields({ path: '/throw' })), 7)).toThrow('a defect');
    connection.takeOutput(1000, 8);
    expect(replay(stored(recorder.recording))).toMatchObject({ matches: true, divergence: null });
  });

  test('other octets, another call and a call that is missing are told where they happen', () => {
    const record = (): Recording => {
      const handler: Handler = { onRequest: stream => connection.respond(stream, 200, [], true) };
      const connection = new Connection({ role: 'server', handler }, 0);
      const recorder = new Recorder(connection);
      connection.receive(concat(preface, settings(), headers(1, requestFields())), 0);
      connection.takeOutput();
      return recorder.recording;
    };
    const changed = (change: (steps: { what: string; with: unknown[]; output?: string }[]) => void): string | null => {
      const recording = JSON.parse(JSON.stringify(record()));
      change(recording.steps);
      const { matches, divergence } = replay(recording);
      expect(matches).toBe(false);
      return divergence;
    };
    expect(changed(steps => steps.find(s => s.what === 'respond')?.with.splice(1, 1, 404))).toContain(':status=404');
    expect(changed(steps => steps.splice(1, 3))).toContain('onRequest is called; recorded was');
    expect(changed(steps => steps.splice(0, 1))).toContain('onRequest is not called any more');
    expect(changed(steps => steps.unshift({ what: 'respond', with: [] }))).toContain('respond throws');
    expect(changed(steps => steps.unshift({ what: 'frobnicate', with: [] }))).toContain('no method');
    expect(() => replay({ ...record(), version: 2 as 1 })).toThrow('version 1');
  });

  test('a connection that has been used already is not recorded', () => {
    const connection = new Connection({ role: 'client', handler: {} }, 0);
    connection.request({ ...HEAD }, true);
    expect(() => new Recorder(connection)).toThrow('from its beginning');
    const padding = new Connection({ role: 'client', handler: {}, padding: () => 1 }, 0);
    expect(() => new Recorder(padding)).toThrow('option padding is a function');
    const peer = (): Peer => new Peer('client', recordTransport(new TestLink().far));
    expect(peer).toThrow('no connection of h2-core');
  });

  test('everything that changes a connection and everything a handler is told is recorded', () => {
    const known = new Set<string>([
      ...METHODS,
      'constructor',
      'nextTimeout',
      'stream',
      'canPush',
      'signal',
      'caught',
      'lost',
    ]);
    const methods = Object.entries(Object.getOwnPropertyDescriptors(Connection.prototype))
      .filter(([, { value }]) => typeof value === 'function')
      .map(([name]) => name);
    expect(methods.filter(name => !known.has(name))).toEqual([]);
    const source = Object.keys({
      // A handler with every method, so that a new one has to be added here.
      onPreface: 0,
      onRequest: 0,
      onResponse: 0,
      onInformational: 0,
      onPush: 0,
      onData: 0,
      onTrailers: 0,
      onWritable: 0,
      onEndSent: 0,
      onReset: 0,
      onRejected: 0,
      onStreamClosed: 0,
      onSlotsFree: 0,
      onSettings: 0,
      onSettingsAcked: 0,
      onPing: 0,
      onPong: 0,
      onGoAway: 0,
      onAltSvc: 0,
      onOrigins: 0,
      onUnknownFrame: 0,
      onInvalidField: 0,
      onClosed: 0,
    } satisfies Record<keyof Handler, 0>);
    expect([...CALLS].sort()).toEqual(source.sort());
  });
});

const HEAD = { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', fields: [], sensitive: null };
const OK = [[':status', '200']] as const;
const open = Flags.END_HEADERS;

describe('the checker of what an endpoint sends', () => {
  /** A server past the handshake that was asked for stream 1, then sends `octets`. */
  const serverSends =
    (...octets: Uint8Array[]) =>
    (): unknown => {
      const checker = new WireChecker('server');
      checker.received(concat(preface, settings(), headers(1, requestFields()), ping([1, 2, 3, 4, 5, 6, 7, 8])));
      checker.sent(concat(settings(), settingsAck));
      return checker.sent(concat(...octets));
    };

  test.each<[string, Uint8Array, string]>([
    [
      'DATA beyond the stream’s window',
      concat(headers(1, OK, open), ...Array(5).fill(data(1, new Uint8Array(16_384)))),
      '6.9',
    ],
    ['a frame longer than allowed', frame(0x77, 0, 0, new Uint8Array(16_385)), '4.2'],
    ['DATA before the head', data(1, 'x'), '8.1'],
    ['DATA after END_STREAM', concat(headers(1, OK), data(1, '')), '5.1'],
    ['HEADERS after RST_STREAM', concat(rstStream(1, 8), headers(1, OK)), '5.1'],
    ['a response to nothing', headers(3, OK), 'nobody has opened'],
    ['DATA on an idle stream', data(5, ''), 'idle'],
    ['a second acknowledgement', settingsAck, '6.5.3'],
    ['an answer to no PING', ping(new Uint8Array(8), Flags.ACK), '6.7'],
    ['CONTINUATION in the wrong place', continuation(1, [], open), '6.10'],
    ['a frame inside a field block', concat(headers(1, OK, 0), ping(new Uint8Array(8))), '6.10'],
    ['an undefined flag', frame('PING', 0x40, 0, new Uint8Array(8)), '4.1'],
    ['the reserved bit', frame('SETTINGS', 0, 0, [], { reserved: true }), '4.1'],
    ['PING of 7 octets', frame('PING', 0, 0, new Uint8Array(7)), 'instead of 8'],
    ['DATA on stream 0', data(0, ''), 'on stream 0'],
    ['SETTINGS on a stream', frame('SETTINGS', 0, 1), 'on a stream'],
    ['SETTINGS of 5 octets', frame('SETTINGS', 0, 0, new Uint8Array(5)), '6.5'],
    ['GOAWAY that rises', concat(goAway(1, 0), goAway(3, 0)), '6.8'],
    ['WINDOW_UPDATE of 0', windowUpdate(1, 0), '6.9'],
    ['a connection window above 2^31-1', windowUpdate(0, 0x7fff_ffff), '6.9.1'],
    ['a promise on an odd stream', pushPromise(1, 3, requestFields()), '5.1.1'],
    ['upper case', headers(1, [...OK, ['Upper', 'x']]), '8.2.1'],
    ['a field of HTTP/1.1', headers(1, [...OK, ['connection', 'close']]), '8.2.2'],
    ['no :status', headers(1, [['a', 'b']]), '8.3.2'],
    ['a pseudo-field in trailers', concat(headers(1, OK, open), headers(1, OK)), '8.1'],
    ['trailers without END_STREAM', concat(headers(1, OK, open), headers(1, [['a', 'b']], open)), '8.1'],
    ['1xx with END_STREAM', headers(1, [[':status', '103']]), '8.1'],
    ['101', headers(1, [[':status', '101']], open), '8.6'],
    ['a line break in a value', headers(1, [...OK, ['a', 'b\r\n']]), '8.2.1'],
  ])('%s', (_, octets, why) => {
    expect(serverSends(octets)).toThrow(WireViolation);
    expect(serverSends(octets)).toThrow(why);
  });

  test('what is right passes: windows to the last octet, padding, pushes, trailers, answers', () => {
    expect(
      serverSends(
        ping([1, 2, 3, 4, 5, 6, 7, 8], Flags.ACK),
        headers(1, [[':status', '103']], open),
        frame('HEADERS', 0, 1, fieldBlock(OK)),
        continuation(1, [], open),
        pushPromise(1, 2, requestFields()),
        headers(2, OK),
        ...Array(3).fill(data(1, new Uint8Array(16_384))),
        data(1, new Uint8Array(16_380), 0, { padding: 2 }),
        data(1, ''),
        headers(1, [['trailer', 'x']]),
        windowUpdate(0, 5),
        goAway(1, 0),
      ),
    ).not.toThrow();
  });

  test('settings bind from their acknowledgement on, and windows may become negative', () => {
    const checker = new WireChecker('server');
    checker.received(concat(preface, settings(), headers(1, requestFields()), settings(4, 10)));
    checker.sent(concat(settings(), settingsAck, headers(1, OK, open), data(1, new Uint8Array(100))));
    checker.sent(settingsAck);
    expect(checker.streamWindow(1)).toBe(-90);
    expect(() => checker.sent(data(1, 'x'))).toThrow('window is -90');
    checker.received(windowUpdate(1, 91));
    checker.sent(data(1, 'x'));
    expect(checker.sendWindow).toBe(65_535 - 101);
  });

  test('a DATA frame counts from its header on', () => {
    const checker = new WireChecker('server');
    checker.received(
      concat(preface, settings(), headers(1, requestFields(), open), data(1, new Uint8Array(100)).slice(0, 9)),
    );
    checker.sent(concat(settings(), settingsAck));
    expect(() => checker.sent(windowUpdate(0, 0x7fff_ffff - 65_535 + 101))).toThrow('6.9.1');
    const other = new WireChecker('server');
    other.received(
      concat(preface, settings(), headers(1, requestFields(), open), data(1, new Uint8Array(100)).slice(0, 9)),
    );
    other.sent(concat(settings(), settingsAck, windowUpdate(0, 0x7fff_ffff - 65_535 + 100)));
  });

  test('a client opens streams in order and no more than it may', () => {
    const client = (): WireChecker => {
      const checker = new WireChecker('client');
      checker.sent(concat(preface, settings()));
      checker.received(settings(3, 1));
      checker.sent(settingsAck);
      return checker;
    };
    const get = requestFields();
    expect(() => client().sent(concat(headers(1, get), headers(3, get)))).toThrow('more than 1 streams');
    expect(() => client().sent(headers(2, get))).toThrow('odd');
    expect(() => client().sent(concat(headers(3, get), rstStream(3, 8), headers(1, get)))).toThrow('rise');
    expect(() => client().sent(rstStream(1, 8))).toThrow('idle');
    expect(() => client().sent(headers(1, [[':method', 'GET']]))).toThrow('without :scheme');
    const one = client();
    one.sent(headers(1, get));
    one.received(headers(1, OK));
    one.sent(headers(3, get));
    one.expectWhole();
    one.sent(headers(3, get).slice(0, 12));
    expect(() => one.expectWhole()).toThrow('12 octets of a frame');
    expect(() => new WireChecker('client').sent(concat(preface, ping(new Uint8Array(8))))).toThrow('3.4');
  });
});
