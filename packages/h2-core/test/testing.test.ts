/** The entry `./testing` as its users see it: frames, links, simulated time and the scripted peer. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../src/session/client.ts';
import { type Driver, handshake, type ServerOptions, type Transport } from '../src/session/server.ts';
import {
  Code,
  concat,
  continuation,
  data,
  describeFrame,
  ExpectationError,
  Flags,
  FrameCutter,
  fieldBlock,
  frame,
  frameHeader,
  fromHex,
  goAway,
  headers,
  hpackInteger,
  octets,
  Peer,
  ping,
  preface,
  pushPromise,
  requestFields,
  rstStream,
  SimulatedClock,
  settings,
  settingsAck,
  TestLink,
  type TestLinkOptions,
  toHex,
  uint,
  WireReader,
  windowUpdate,
} from '../src/testing/index.ts';

/** Answers every request by `hello`, once its body has been read. */
async function serve(transport: Transport, options?: ServerOptions): Promise<void> {
  const connection = await handshake(transport, options);
  for await (const { request, respond } of connection) {
    request.body.text().then(
      body => respond.send({}).end(`hello ${body}`),
      () => {},
    );
  }
}

/** A server that answers and a peer to speak with it, in simulated time. */
async function meeting(options: TestLinkOptions = {}): Promise<{ peer: Peer; clock: SimulatedClock; link: TestLink }> {
  const clock = new SimulatedClock();
  const link = new TestLink({ clock, ...options });
  void serve(link.near);
  return { peer: await Peer.client(link.far), clock, link };
}

describe('frames of any kind', () => {
  test('the shorthands write what RFC 9113 6 says', () => {
    expect(toHex(data(1, 'hi', Flags.END_STREAM))).toBe('000002000100000001' + '6869');
    expect(toHex(rstStream(3, Code.CANCEL))).toBe('000004030000000003' + '00000008');
    expect(toHex(settings(4, 65_535))).toBe('000006040000000000' + '00040000ffff');
    expect(toHex(goAway(5, 1, 'x'))).toBe('000009070000000000' + '0000000500000001' + '78');
    expect(toHex(headers(1, [['a', 'b']]))).toBe('000005010500000001' + '0001610162');
    expect(toHex(pushPromise(1, 2, []))).toBe('000004050400000001' + '00000002');
    expect(toHex(concat(hpackInteger(10, 5), hpackInteger(1337, 5), hpackInteger(42, 8)))).toBe('0a' + '1f9a0a' + '2a');
  });

  test('what is wrong is written as told: lengths, the reserved bit, padding, types and flags without meaning', () => {
    expect(toHex(frame('PING', 0xff, 7, [1], { length: 9 }))).toBe('00000906ff0000000701');
    expect(toHex(frame(0xbe, 0, 1, [], { reserved: true }))).toBe('000000be0080000001');
    expect(toHex(data(1, 'a', 0, { padding: 2 }))).toBe('000004000800000001' + '02610000');
    expect(toHex(data(1, 'a', 0, { padding: [9, 9], padLength: 200 }))).toBe('000004000800000001' + 'c8610909');
    expect(toHex(frameHeader(0xffffff, 1, 0, 1))).toBe('ffffff010000000001');
  });

  test('octets that come in any pieces are cut into the same frames', () => {
    const wire = concat(preface, settings(1, 2), headers(1, requestFields()), data(1, 'x'), settingsAck);
    const whole = new WireReader('client').push(wire);
    const reader = new WireReader('client');
    const single = [...wire].flatMap(octet => reader.push(Uint8Array.of(octet)));
    expect(single).toEqual(whole);
    expect(reader.waiting).toBe(0);
    const cutter = new FrameCutter();
    expect(cutter.push(settings().slice(0, 5))).toEqual([]);
    expect(cutter.waiting).toBe(5);
  });

  test('a line says what a frame is', () => {
    const reader = new WireReader('server');
    const lines = (...parts: Uint8Array[]): string[] => reader.push(concat(...parts)).map(describeFrame);
    expect(
      lines(
        settings(3, 100, 0x99, 1),
        frame('HEADERS', Flags.END_STREAM, 1, fieldBlock([[':status', '200']])),
        continuation(1, fieldBlock([['a', 'b']]), Flags.END_HEADERS),
        data(1, 'text', 0x40, { padding: 3 }),
        data(0, ''),
        goAway(7, 99, 'why'),
        windowUpdate(0, 5),
        pushPromise(1, 2, [['a', 'b']]),
        frame(0x77, 1, 9, [], { reserved: true }),
      ),
    ).toEqual([
      'SETTINGS MAX_CONCURRENT_STREAMS=100 0x99=1',
      'HEADERS 1 END_STREAM',
      'CONTINUATION 1 END_HEADERS :status=200 a=b',
      'DATA 1 PADDED 0x40 8 octets "text"',
      'DATA 0 0 octets',
      'GOAWAY last=7 0x63 "why"',
      'WINDOW_UPDATE +5',
      'PUSH_PROMISE 1 END_HEADERS promised=2 a=b',
      'TYPE 0x77 9 0x1 (reserved bit set)',
    ]);
  });

  test('a client that does not begin with the preface, and hexadecimal that is none, are refused', () => {
    expect(() => new WireReader('client').push(octets('GET / HTTP/1.1'))).toThrow('no client preface: "GET /');
    expect(fromHex('00 ff\n')).toEqual(Uint8Array.of(0, 255));
    expect(() => fromHex('0x')).toThrow('not hexadecimal');
  });
});

describe('simulated time', () => {
  // ROB-05
  test('timers fire in order of their time, a cleared one never, and what they set falls into place', async () => {
    const clock = new SimulatedClock(1000);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name} ${clock.now()}`);
    clock.setTimer(note('late'), 20);
    clock.setTimer(() => {
      note('first')();
      clock.setTimer(note('inner'), 5);
    }, 10);
    clock.setTimer(note('same time'), 10);
    clock.clearTimer(clock.setTimer(note('never'), 1));
    await clock.advance(15);
    expect(fired).toEqual(['first 1010', 'same time 1010', 'inner 1015']);
    clock.step(5);
    expect(fired.at(-1)).toBe('late 1020');
    expect(clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test('a connection lives by the clock of its transport: latency, round trips, timeouts, the report of a shutdown', async () => {
    const clock = new SimulatedClock();
    const { near, far } = new TestLink({ clock, latencyMs: 30 });
    const serving = handshake(near);
    const client = await clock.until(connect(far, { authority: 'a.example' }));
    expect(clock.now()).toBe(30);
    const server = await serving;
    expect(await clock.until(client.ping())).toBe(60);
    // Nobody sends anything for three minutes.
    await clock.advance(200_000);
    expect(await client.closed).toMatchObject({ error: null, initiator: 'library' });
    expect(server.isClosed).toBe(true);
    const other = new TestLink({ clock, latencyMs: 30 });
    const pending = handshake(other.near);
    const second = await clock.until(connect(other.far, { authority: 'a.example' }));
    void second.request({ method: 'POST', endStream: false });
    const report = await clock.until(second.shutdown({ deadlineMs: 5000 }));
    expect(report).toMatchObject({ elapsedMs: 5000, cut: [{ streamId: 1 }] });
    (await pending).destroy();
  });

  test('a promise that nothing settles is told of, with the time', async () => {
    const clock = new SimulatedClock();
    await expect(clock.until(new Promise(() => {}))).rejects.toThrow('at 0 ms the promise is not settled, and nothing');
    const tick = (): void => void clock.setTimer(tick, 10);
    tick();
    await expect(clock.until(new Promise(() => {}), 25)).rejects.toThrow('at 20 ms');
  });
});

describe('a link', () => {
  test('delivers late, in order and in pieces, and says what passes', async () => {
    const { peer, link, clock } = await meeting({ latencyMs: 5, segment: left => Math.min(left, 7) });
    const sizes: number[] = [];
    link.toNear.onDelivery = chunk => sizes.push(chunk.length);
    link.toFar.latencyMs = 50;
    const before = clock.now();
    peer.request(1, requestFields(), 'you');
    await peer.expect({ type: 'HEADERS', streamId: 1 });
    expect(await peer.expect({ type: 'DATA', flags: ['END_STREAM'] })).toMatchObject({ text: 'hello you' });
    expect(clock.now() - before).toBe(55);
    expect(Math.max(...sizes)).toBe(7);
    expect(link.toNear.delivered).toBeGreaterThan(70);
  });

  test('a reader that does not read makes the writer wait, and nothing is lost', async () => {
    const clock = new SimulatedClock();
    const link = new TestLink({ clock, highWater: 20_000 });
    void (async () => {
      for await (const { respond } of await handshake(link.near)) respond.send({}).end(new Uint8Array(900_000));
    })();
    const peer = await Peer.client(link.far, { settings: { INITIAL_WINDOW_SIZE: 1_000_000 } });
    peer.send(windowUpdate(0, 1_000_000));
    link.toFar.hold();
    peer.request(1);
    await clock.advance(1000);
    const stuck = link.toFar.inFlight;
    expect(stuck).toBeGreaterThanOrEqual(20_000);
    expect(stuck).toBeLessThan(600_000);
    link.toFar.release();
    await peer.expect({ type: 'HEADERS' });
    let got = 0;
    for (let ended = false; !ended; ) {
      const { payload, flags } = await peer.expect({ type: 'DATA' });
      got += payload.length;
      ended = (flags & Flags.END_STREAM) !== 0;
    }
    expect(got).toBe(900_000);
  });

  test('that breaks in the middle of a frame is an error at both ends', async () => {
    const clock = new SimulatedClock();
    const link = new TestLink({ clock });
    void serve(link.near);
    const client = await clock.until(connect(link.far, { authority: 'a.example' }));
    link.toFar.breakAfter(link.toFar.delivered + 500);
    const { body } = await clock.until(client.request({}, 'x'.repeat(1000)).response);
    await expect(clock.until(body.text())).rejects.toMatchObject({ rule: 'transport.closed', initiator: 'remote' });
    expect(String((await client.closed).cause)).toContain('the link broke after');
  });

  test('without a clock of its own it lives in real time', async () => {
    const link = new TestLink({ latencyMs: 1 });
    void serve(link.near);
    const client = await connect(link.far, { authority: 'a.example' });
    expect(await (await client.request({}, 'there').response).body.text()).toBe('hello there');
    expect((await client.shutdown()).cut).toEqual([]);
  });
});

describe('the scripted peer', () => {
  test('as a client breaks rules and sees the right frames come back', async () => {
    const { peer } = await meeting();
    peer.request(1);
    await peer.expect({ type: 'HEADERS', streamId: 1, fields: { ':status': '200' } });
    await peer.expect({ type: 'DATA', streamId: 1, flags: ['END_STREAM'], text: /^hello/ });
    peer.send(windowUpdate(1, 0));
    expect(await peer.expectAlive()).toEqual([]);
    peer.send(headers(3, [[':method', 'GET']]));
    await peer.expect({ type: 'RST_STREAM', streamId: 3, code: 'PROTOCOL_ERROR' });
    peer.send(frame('DATA', 0, 0, [1]));
    await peer.expect({
      type: 'GOAWAY',
      code: ['PROTOCOL_ERROR', Code.STREAM_CLOSED],
      lastStreamId: 3,
      text: /stream/,
    });
    await peer.expectEnd();
    expect(peer.isEnded).toBe(true);
  });

  test('as a server does the same to a client', async () => {
    const clock = new SimulatedClock();
    const link = new TestLink({ clock });
    const [client, peer] = await Promise.all([
      clock.until(connect(link.far, { authority: 'a.example' })),
      Peer.server(link.near, { settings: { MAX_CONCURRENT_STREAMS: 1 } }),
    ]);
    const { response } = client.request({ path: '/a' });
    await peer.expect({
      type: 'HEADERS',
      streamId: 1,
      flags: ['END_STREAM', 'END_HEADERS'],
      fields: { ':path': '/a' },
    });
    peer.respond(1, 200, 'fine');
    expect(await (await clock.until(response)).body.text()).toBe('fine');
    const second = client.request({}).response;
    await peer.expect({ type: 'HEADERS', streamId: 3 });
    peer.send(data(3, 'before the head'));
    await peer.expect({ type: 'RST_STREAM', streamId: 3, code: 'PROTOCOL_ERROR' });
    await expect(clock.until(second)).rejects.toMatchObject({ initiator: 'library' });
    peer.send(rstStream(5, 0));
    await peer.expect({ type: 'GOAWAY', code: 'PROTOCOL_ERROR' });
  });

  test('shows what came instead, point by point, and what was said so far', async () => {
    const { peer } = await meeting();
    peer.request(1);
    const failure = await peer
      .expect({ type: 'HEADERS', streamId: 3, flags: ['END_STREAM'], fields: { ':status': '404', x: 'y' } })
      .catch(error => error);
    expect(failure).toBeInstanceOf(ExpectationError);
    expect(failure.message.split('\n').slice(0, 7)).toEqual([
      'expected  HEADERS 3 END_STREAM :status=404 x=y',
      'but       came HEADERS 1 END_HEADERS :status=200',
      '  streamId: expected 3, is 1',
      '  flags: expected END_STREAM, is END_HEADERS',
      '  :status: expected 404, is 200',
      '  x: expected y, is absent',
      'so far:',
    ]);
    expect(failure.message).toContain('  > HEADERS 1 END_STREAM END_HEADERS :method=GET');
    expect([failure.expected, failure.actual]).toEqual([
      'HEADERS 3 END_STREAM :status=404 x=y',
      'HEADERS 1 END_HEADERS :status=200',
    ]);
  });

  test('waits as long as it has patience, on the clock of its transport', async () => {
    const { peer, clock } = await meeting();
    const before = clock.now();
    await expect(peer.expect({ type: 'GOAWAY' })).rejects.toThrow('nothing came for 4000 ms');
    expect(clock.now() - before).toBe(4000);
    await expect(peer.expectEnd()).rejects.toThrow('expected  the end of the transport');
    const real = new Peer('client', new TestLink().far, { patienceMs: 5 });
    await expect(real.waitFor(() => true, 'anything')).rejects.toThrow('expected  anything');
  });

  test('with replies left to the script, nothing is answered by itself', async () => {
    const clock = new SimulatedClock();
    const link = new TestLink({ clock });
    void serve(link.near);
    const peer = await Peer.client(link.far, { replies: false });
    await peer.waitFor({ type: 'SETTINGS', flags: [] });
    await peer.waitFor({ type: 'SETTINGS', flags: ['ACK'] });
    // RFC 9113 6.5.3: SETTINGS that nobody acknowledges.
    await clock.advance(20_000);
    await peer.expect({ type: 'GOAWAY', code: 'SETTINGS_TIMEOUT' });
  });

  test('reads fields of a server that was allowed another HPACK table', async () => {
    const clock = new SimulatedClock();
    const link = new TestLink({ clock });
    void serve(link.near, { encoderTableSize: 65_536 });
    const peer = await Peer.client(link.far, { settings: { HEADER_TABLE_SIZE: 16_384 } });
    peer.request(1);
    await peer.expect({ type: 'HEADERS', fields: { ':status': '200' } });
  });

  test('says so when what comes is no HTTP/2', async () => {
    const link = new TestLink({ clock: new SimulatedClock() });
    const peer = new Peer('server', link.near);
    link.far.start({ received: () => {}, drained: () => {}, closed: () => {} });
    (link.far as Driver).write([octets('GET / HTTP/1.1\r\n\r\n')]);
    await expect(peer.expect({ type: 'SETTINGS' })).rejects.toThrow(
      'cannot be read: Error: these octets are no client',
    );
    expect(peer.transcript).toEqual(['< 18 octets that are no HTTP/2']);
  });
});

/** Every source file that an entry leads to. */
function graph(entry: string, seen: Set<string> = new Set()): Set<string> {
  const file = resolve(import.meta.dirname, '../src', entry);
  if (seen.has(file) || !existsSync(file)) return seen;
  seen.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
    graph(resolve(dirname(file), path as string), seen);
  }
  return seen;
}

describe('the entry', () => {
  const TESTING = /src\/testing\//;

  test.each(['index.ts', 'session/server.ts', 'session/client.ts', 'session/fetch.ts', 'node/index.ts'])(
    'is no part of what %s leads to',
    entry => {
      const files = [...graph(entry)];
      expect(files.length).toBeGreaterThan(5);
      expect(files.filter(file => TESTING.test(file))).toEqual([]);
    },
  );

  test('needs no host, and shares no frame code with the core', () => {
    const files = [...graph('testing/index.ts')].filter(file => TESTING.test(file));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const source = readFileSync(file, 'utf8');
      expect(source).not.toMatch(/from 'node:|from '\.\.\/frame\//);
    }
  });
});

test('uint writes the most significant octet first', () => {
  expect(uint(0x01020304, 4)).toEqual([1, 2, 3, 4]);
  expect(ping(uint(1, 8)).slice(9)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1));
});
