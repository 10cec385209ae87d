import { afterEach, describe, expect, it } from 'vitest';
import { reason } from '../src/exchange/reason.ts';
import {
  CANCEL,
  data,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  get,
  headers,
  NO_ERROR,
  PREFACE,
  post,
  rstStream,
  settings,
  Type,
  windowUpdate,
} from './support/h2-frames.ts';
import { type RawH2Client, rawClient, rawH2Client } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';
import { simulateTime } from './support/simulated-time.ts';

let harness: Harness;

async function start(behaviour: Behaviour, limits: object = {}): Promise<RawH2Client> {
  harness = await Harness.start(behaviour, { limits });
  return rawH2Client(harness.port);
}

afterEach(() => harness.stop());

const ok: Behaviour = exchange => exchange.answer(200, 'hello', ['content-length', '5']);
const silent: Behaviour = () => {};

describe('requests', () => {
  it('reach the exchange as they are, without host and content-length', async () => {
    const client = await start(silent);
    client.send(
      headers(
        1,
        [
          ...post('a.example:8080', '/p?q'),
          ['x-a', '1'],
          ['host', 'A.example:8080'],
          ['x-a', '2'],
          ['content-length', '3'],
          ['cookie', 'a=1'],
          ['cookie', 'b=2'],
          ['te', 'trailers'],
        ],
        END_HEADERS,
      ),
    );
    const { request, leg } = await harness.request();
    expect(request).toEqual({
      method: 'POST',
      scheme: 'http',
      authority: 'a.example:8080',
      path: '/p?q',
      fields: ['x-a', '1', 'x-a', '2', 'cookie', 'a=1; b=2', 'te', 'trailers'],
      sensitive: null,
      hasBody: true,
      contentLength: 3,
      protocol: '',
    });
    expect(leg.facts).toEqual({
      address: '127.0.0.1',
      port: client.socket.localPort,
      protocol: 'h2c',
      tls: false,
      connectionId: expect.any(Number),
      streamId: 1,
    });
    client.close();
  });

  it('keep what was marked never indexed, by position, when other fields are taken out', async () => {
    const client = await start(ok);
    const literal = (first: number, name: string, value: string): Buffer =>
      Buffer.concat([Buffer.of(first, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);
    const block = Buffer.concat([
      ...get('a').map(([name, value]) => literal(0, name, value)),
      literal(0, 'x-a', '1'),
      literal(0, 'host', 'a'),
      literal(0x10, 'authorization', 'secret'),
    ]);
    client.send(frame(Type.HEADERS, END_HEADERS | END_STREAM, 1, block));
    const { request } = await harness.request();
    expect(request.fields).toEqual(['x-a', '1', 'authorization', 'secret']);
    expect(request.sensitive).toEqual([2]);
    client.close();
  });

  it('take the authority from host when there is no :authority', async () => {
    const client = await start(ok);
    client.send(headers(1, [...get('x').filter(([name]) => name !== ':authority'), ['host', 'b:1']]));
    const { request } = await harness.request();
    expect(request).toMatchObject({ authority: 'b:1', fields: [] });
    client.close();
  });

  it('bring body and trailers', async () => {
    const client = await start(silent);
    client
      .send(headers(1, post('a'), END_HEADERS))
      .send(data(1, 'abc'))
      .send(data(1, 'de'));
    client.send(headers(1, [['x-sum', '5']]));
    const exchange = await harness.request();
    await harness.until('the end', () => exchange.complete);
    expect(exchange.body.toString()).toBe('abcde');
    expect(exchange.trailers).toEqual(['x-sum', '5']);
    expect(exchange.request.contentLength).toBe(-1);
    client.close();
  });
});

describe('responses', () => {
  it('carry 1xx, head, body and trailers', async () => {
    const client = await start(({ leg }) => {
      leg.inform({ status: 101, fields: [], sensitive: null });
      leg.inform({ status: 103, fields: ['link', '</a>'], sensitive: null });
      leg.respond({ status: 200, fields: ['x-a', '1'], sensitive: null }, false);
      leg.write(Buffer.from('abc'), false);
      leg.trailers({ fields: ['grpc-status', '0'], sensitive: null });
    });
    client.send(headers(1, get('a')));
    const response = await client.untilResponse(1);
    expect(response).toMatchObject({
      informational: [
        [
          [':status', '103'],
          ['link', '</a>'],
        ],
      ],
      head: [
        [':status', '200'],
        ['x-a', '1'],
      ],
      body: Buffer.from('abc'),
      trailers: [['grpc-status', '0']],
      resetCode: -1,
    });
    await harness.until('the finish', () => harness.exchanges[0]!.finished === 1);
    client.close();
  });

  it('wait for the client to give window, and tell when there is room', async () => {
    const client = await start(silent, { http2: { maxSendBufferSize: 1000 } });
    client.send(settings([0x4, 10])).send(headers(1, get('a')));
    const exchange = await harness.request();
    exchange.leg.respond({ status: 200, fields: [], sensitive: null }, false);
    expect(exchange.leg.write(Buffer.alloc(500), false)).toBe(true);
    expect(exchange.leg.write(Buffer.alloc(600), false)).toBe(false);
    await client.untilFrame(Type.DATA);
    expect(client.response(1).body).toHaveLength(10);
    client.send(windowUpdate(1, 1000));
    await harness.until('room', () => exchange.writable === 1);
    exchange.leg.write(Buffer.alloc(0), true);
    client.send(windowUpdate(1, 1000));
    expect((await client.untilResponse(1)).body).toHaveLength(1100);
    client.close();
  });
});

describe('backpressure', () => {
  it('octets not given back are not granted again, on the stream and on the connection', async () => {
    const window = 100_000;
    const client = await start(exchange => (exchange.autoConsume = false), {
      http2: { initialWindowSize: window, initialConnectionWindowSize: window },
    });
    await client.untilFrame(Type.WINDOW_UPDATE); // the windows are ours now, not the protocol's first ones
    client.send(headers(1, post('a'), END_HEADERS));
    for (let sent = 0; sent < window; sent += 10_000) client.send(data(1, Buffer.alloc(10_000)));
    const exchange = await harness.request();
    await harness.until('the body', () => exchange.body.length === window);
    // A PING goes the whole way round: whatever the server had to say before has come.
    const before = client.frames.length;
    client.send(frame(Type.PING, 0, 0, Buffer.alloc(8)));
    await client.untilFrame(Type.PING);
    expect(client.frames.slice(before).some(({ type }) => type === Type.WINDOW_UPDATE)).toBe(false);
    exchange.leg.consumed(window);
    const granted = (id: number) => (f: Frame) => f.streamId === id && f.payload.readUInt32BE(0) === window;
    await client.untilFrame(Type.WINDOW_UPDATE, granted(1));
    await client.untilFrame(Type.WINDOW_UPDATE, granted(0));
    client.close();
  });

  it('what an aborted exchange held goes back to the connection', async () => {
    const window = 65_535;
    const client = await start(exchange => (exchange.autoConsume = false), {
      http2: { initialWindowSize: window, initialConnectionWindowSize: window },
    });
    client.send(headers(1, post('a'), END_HEADERS));
    for (let sent = 0; sent < 50_000; sent += 10_000) client.send(data(1, Buffer.alloc(10_000)));
    const exchange = await harness.request();
    await harness.until('the body', () => exchange.body.length === 50_000);
    client.send(rstStream(1, CANCEL));
    await harness.until('the abort', () => exchange.aborted !== null);
    exchange.leg.consumed(50_000); // too late, and harmless
    await client.untilFrame(Type.WINDOW_UPDATE, f => f.streamId === 0 && f.payload.readUInt32BE(0) === 50_000);
    client.close();
  });
});

describe('cancellation', () => {
  it('a RST_STREAM of the client aborts the exchange with its code', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a')));
    const exchange = await harness.request();
    client.send(rstStream(1, CANCEL));
    await harness.until('the abort', () => exchange.aborted !== null);
    expect(exchange.aborted).toMatchObject({ code: 'client_reset', h2Code: CANCEL, text: /CANCEL/ });
    // Commands that crossed it do nothing.
    exchange.answer(200, 'late');
    exchange.leg.reset(reason('backend_reset', 'late'));
    client.send(headers(3, get('a')));
    (await harness.request(2)).answer(204, '');
    await client.untilResponse(3);
    expect(client.response(1).head).toBe(null);
    client.close();
  });

  it('a reset by the exchange reaches the client with the code of the reason, and is the last call', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a')));
    const exchange = await harness.request();
    exchange.leg.reset(reason('backend_refused_stream', 'no'));
    expect(await client.untilReset(1)).toBe(7);
    expect(exchange.finished).toBe(1);
    client.close();
  });

  it('a lost connection aborts every exchange on it, once', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a'))).send(headers(3, post('a'), END_HEADERS));
    await harness.request(2);
    client.close();
    await harness.until('the aborts', () => harness.exchanges.every(({ aborted }) => aborted !== null));
  });

  it('a connection error aborts every exchange and tells the rule', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a')));
    await harness.request(1);
    client.send(frame(Type.PING, 0, 1, Buffer.alloc(8)));
    expect((await client.untilGoAway()).code).toBe(1);
    await client.untilEnd();
    await harness.until('the abort', () => harness.exchanges[0]!.aborted !== null);
    expect(harness.exchanges[0]!.aborted?.code).toBe('client_protocol_error');
  });
});

describe('D30: a response that is complete before its request', () => {
  const stop = reason('upload_stopped', 'done');
  const ways: readonly (readonly [name: string, behaviour: (body: string) => Behaviour])[] = [
    [
      'at once',
      body => exchange => {
        exchange.answer(413, body, ['content-length', String(body.length)]);
        exchange.leg.reset(stop);
      },
    ],
    [
      'when it has left',
      body => exchange => {
        exchange.hooks.onFinished = () => exchange.leg.reset(stop);
        exchange.answer(413, body, ['content-length', String(body.length)]);
      },
    ],
  ];
  it.each(ways)('lets the exchange stop the upload with NO_ERROR: %s', async (_, behaviour) => {
    const client = await start(behaviour('too large'));
    client.send(headers(1, post('a'), END_HEADERS));
    expect(await client.untilReset(1)).toBe(NO_ERROR);
    const kinds = client.frames.filter(({ streamId }) => streamId === 1).map(({ type }) => type);
    expect(kinds).toEqual([Type.HEADERS, Type.DATA, Type.RST_STREAM]);
    expect(client.response(1)).toMatchObject({ ended: true, body: Buffer.from('too large') });
    // What was on its way is dropped without complaint and given back.
    client.send(data(1, Buffer.alloc(10_000))).send(headers(3, get('a')));
    expect(await harness.request(2)).toBeTruthy();
    expect(harness.exchanges[0]!.body).toHaveLength(0);
    client.close();
  });

  it.each(ways)('waits for a response that waits for window: %s', async (_, behaviour) => {
    const client = await start(behaviour('0123456789'));
    client.send(settings([0x4, 4])).send(headers(1, post('a'), END_HEADERS));
    await client.untilFrame(Type.DATA);
    client.send(frame(Type.PING, 0, 0, Buffer.alloc(8)));
    await client.untilFrame(Type.PING);
    expect(client.response(1).resetCode).toBe(-1);
    client.send(windowUpdate(1, 100));
    expect(await client.untilReset(1)).toBe(NO_ERROR);
    expect(client.response(1).body.toString()).toBe('0123456789');
    expect(harness.exchanges[0]!.finished).toBe(1);
    client.close();
  });

  it('gives back what still comes when the exchange does not stop it', async () => {
    const client = await start(ok, { http2: { initialWindowSize: 65_535, initialConnectionWindowSize: 65_535 } });
    client.send(headers(1, post('a'), END_HEADERS));
    await client.until('the response', () => client.response(1).ended);
    for (let sent = 0; sent < 60_000; sent += 10_000) client.send(data(1, Buffer.alloc(10_000)));
    await client.untilFrame(Type.WINDOW_UPDATE, ({ streamId }) => streamId === 0);
    expect(harness.exchanges[0]).toMatchObject({ finished: 1, chunks: [] });
    client.close();
  });
});

describe('a stream that stands still with its request incomplete', () => {
  const limits = { streamIdleTimeoutMs: 60, checkIntervalMs: 10 };

  it('is answered 408 when nothing was answered yet', async () => {
    const client = await start(silent, limits);
    client.send(headers(1, post('a'), END_HEADERS)).send(data(1, 'abc'));
    expect(await client.untilReset(1)).toBe(NO_ERROR);
    expect(client.status(1)).toBe('408');
    expect(client.response(1).body.toString()).toMatch(/client_body_timeout/);
    expect(harness.exchanges[0]!.aborted?.code).toBe('client_body_timeout');
    client.close();
  });

  it('is reset when the response has begun', async () => {
    const client = await start(({ leg }) => leg.respond({ status: 200, fields: [], sensitive: null }, false), limits);
    client.send(headers(1, post('a'), END_HEADERS));
    expect(await client.untilReset(1)).toBe(CANCEL);
    client.close();
  });

  it('may do so while the gateway holds its octets back, while a response moves, and when the request is complete', async () => {
    using time = simulateTime();
    const client = await start(exchange => (exchange.autoConsume = false), limits);
    client.send(headers(1, post('a'), END_HEADERS)).send(data(1, 'abc'));
    client.send(headers(3, post('a'), END_HEADERS)).send(headers(5, get('a')));
    const moving = await harness.request(2);
    await harness.request(3);
    moving.leg.respond({ status: 200, fields: [], sensitive: null }, false);
    for (let i = 0; i < 30; i++) {
      moving.leg.write(Buffer.from('.'), false);
      await time.pass(10);
      const sent = `.`.repeat(i + 1);
      await client.until('what moves', () => client.response(3).body.toString() === sent);
    }
    expect(harness.exchanges.map(({ aborted }) => aborted)).toEqual([null, null, null]);
    client.close();
  });
});

it('a refused HEAD request is answered without a body', async () => {
  const client = await start(ok);
  client.send(headers(1, [[':method', 'HEAD'], ...get('a', '/', 'https').slice(1)]));
  expect(await client.untilResponse(1)).toMatchObject({ ended: true, body: Buffer.alloc(0), resetCode: -1 });
  expect(client.status(1)).toBe('400');
  client.close();
});

it('requests that were refused, reset or finished do not count against the limit of the connection', async () => {
  const client = await start(ok, { http2: { maxConcurrentStreams: 2 } });
  let id = 1;
  for (let i = 0; i < 5; i++) {
    client.send(headers(id, get('a', '/', 'https'))); // refused
    await client.untilResponse(id);
    client.send(headers(id + 2, [...get('a'), ['host', 'b']])); // malformed
    await client.untilReset(id + 2);
    client.send(headers(id + 4, get('u@a'))); // malformed for the gateway
    await client.untilReset(id + 4);
    client.send(headers(id + 6, post('a'), END_HEADERS)).send(rstStream(id + 6, CANCEL));
    client.send(headers(id + 8, get('a')));
    await client.untilResponse(id + 8);
    expect(client.status(id + 8)).toBe('200');
    id += 10;
  }
  client.close();
});

describe('draining', () => {
  it('sends GOAWAY in two steps, finishes what is open, then closes', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a')));
    const exchange = await harness.request();
    const closed = harness.listeners.close(5_000);
    expect(await client.untilGoAway()).toMatchObject({ lastStreamId: 0x7fffffff, code: NO_ERROR });
    const ping = await client.untilFrame(Type.PING, ({ flags }) => flags === 0);
    // What crossed the GOAWAY is still served.
    client.send(headers(3, get('a'))).send(frame(Type.PING, 1, 0, ping.payload));
    const crossed = await harness.request(2);
    await client.untilFrame(Type.GOAWAY, f => f.payload.readUInt32BE(0) === 3);
    crossed.answer(200, 'crossed');
    exchange.answer(200, 'late');
    await client.untilResponse(1);
    await client.untilResponse(3);
    await client.untilEnd();
    client.socket.end();
    expect(await closed).toEqual({ finished: 1, cut: [] });
  });

  it('cuts what has not finished by the deadline, and says what', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a'))).send(headers(3, get('a')));
    const { leg } = await harness.request(2);
    const peer = `127.0.0.1:${client.socket.localPort}`;
    const report = await harness.listeners.close(50);
    expect(report).toEqual({
      finished: 0,
      cut: [
        {
          connectionId: leg.facts.connectionId,
          peer,
          protocol: 'h2c',
          openExchanges: 2,
        },
      ],
    });
    await client.untilEnd();
  });

  it('a second call shortens the deadline of the first, and both report what was cut', async () => {
    const client = await start(silent);
    client.send(headers(1, get('a')));
    await harness.request();
    const first = harness.listeners.close(60_000);
    await client.untilGoAway();
    const second = await harness.listeners.close(0);
    expect(second.cut).toHaveLength(1);
    expect(await first).toEqual(second);
  });
});

describe('RFC 9113 9.1, 3.4: connections that do nothing', () => {
  it('are closed when the first SETTINGS do not come', async () => {
    harness = await Harness.start(ok, { limits: { http2: { prefaceTimeoutMs: 50 } } });
    const client = await rawClient(harness.port);
    client.send(PREFACE);
    await client.untilEnd();
  });
});
