import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { reason } from '../src/exchange/reason.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { CANCEL, data, END_HEADERS, END_STREAM, type Fields, get, headers, Type } from './support/h2-frames.ts';
import { type RawClient, rawClient, rawH2Client } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** RFC 6455 1.3: the proof for that key. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const upgrade = (more = ''): string =>
  `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\n` +
  `Sec-WebSocket-Version: 13\r\n${more}\r\n`;

const connect: Fields = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  ...get('a', '/ws').slice(1),
  ['sec-websocket-version', '13'],
];

describe('RFC 6455 4.2: the listener on HTTP/1.1', () => {
  let harness: Harness;
  let client: RawClient;

  const start = async (behaviour: Behaviour, limits: object = {}): Promise<void> => {
    harness = await Harness.start(behaviour, { limits });
    client = await rawClient(harness.port);
  };
  const silent: Behaviour = () => {};
  const open = { status: 200, fields: ['sec-websocket-protocol', 'chat'], sensitive: null };

  afterEach(async () => {
    client.close();
    await harness.stop();
  });

  it('tells the exchange of a tunnel, and a 200 of it is a 101 with the proof', async () => {
    await start(exchange => exchange.leg.respond(open, false));
    client.send(upgrade());
    expect(await client.untilText('\r\n\r\n')).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
        `sec-websocket-accept: ${ACCEPT}\r\n\r\n`,
    );
    const { request } = await harness.request();
    expect(request).toMatchObject({
      method: 'GET',
      protocol: 'websocket',
      path: '/ws',
      hasBody: true,
      contentLength: -1,
    });
    expect(request.fields).toContain(KEY);
  });

  it('keeps the proof of the backend when there is one', async () => {
    await start(exchange => exchange.leg.respond({ ...open, fields: ['sec-websocket-accept', 'theirs'] }, false));
    client.send(upgrade());
    expect((await client.untilText('\r\n\r\n')).match(/sec-websocket-accept: .*/g)).toEqual([
      'sec-websocket-accept: theirs',
    ]);
  });

  it('D28: octets before the 101 are held, and none is lost', async () => {
    await start(silent);
    client.send(`${upgrade()}early`);
    const exchange = await harness.request();
    client.send('-more');
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(exchange.body).toHaveLength(0);
    exchange.leg.respond(open, false);
    await harness.until('the octets', () => exchange.body.toString() === 'early-more');
    exchange.leg.write(Buffer.from('back'), false);
    await client.untilText('\r\n\r\nback');
  });

  it('each end closes by itself', async () => {
    await start(exchange => exchange.leg.respond(open, false));
    client.send(upgrade());
    await client.untilText('\r\n\r\n');
    const exchange = await harness.request();
    client.socket.end();
    await harness.until('the end', () => exchange.complete);
    expect(exchange.aborted).toBe(null);
    exchange.leg.write(Buffer.from('bye'), true);
    expect(await client.untilEnd()).toMatch(/\r\n\r\nbye$/);
    await harness.until('the finish', () => exchange.finished === 1);
  });

  it('octets not given back stop the client', async () => {
    await start(
      exchange => {
        exchange.autoConsume = false;
        exchange.leg.respond(open, false);
      },
      { bodyWindowBytes: 50_000 },
    );
    client.send(upgrade());
    client.socket.write(Buffer.alloc(10_000_000));
    const exchange = await harness.request();
    await harness.until('the window', () => exchange.body.length >= 50_000);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    const held = exchange.body.length;
    expect(held).toBeLessThan(50_000 + 2 * 65_536);
    exchange.autoConsume = true;
    exchange.leg.consumed(held);
    const received = (): number => exchange.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    await harness.until('the rest', () => received() === 10_000_000);
  });

  it('a refusal is an ordinary response, the last of its connection', async () => {
    await start(exchange => exchange.answer(403, 'no', ['content-length', '2']));
    client.send(`${upgrade()}GET /second HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await client.untilEnd()).toBe('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
    expect(harness.exchanges).toHaveLength(1);
  });

  it('RFC 9110 8.6: a refusal by 304 says nothing of a length it does not know', async () => {
    await start(exchange => exchange.answer(304, ''));
    client.send(upgrade());
    expect(await client.untilEnd()).toBe('HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n');
  });

  it('a client that breaks off aborts the exchange; a reset breaks the client off', async () => {
    await start(exchange => exchange.leg.respond(open, false));
    client.send(upgrade());
    await client.untilText('\r\n\r\n');
    client.socket.resetAndDestroy();
    await harness.until('the abort', () => harness.exchanges[0]!.aborted?.code === 'client_closed');
    client = await rawClient(harness.port);
    client.send(upgrade());
    await client.untilText('\r\n\r\n');
    (await harness.request(2)).leg.reset(reason('backend_reset', 'gone'));
    await client.untilEnd();
    expect(client.wasReset).toBe(true);
  });

  for (const [name, octets] of [
    ['with a body', upgrade('Content-Length: 0\r\n').replace('Length: 0', 'Length: 5')],
    ['with two keys', upgrade(`Sec-WebSocket-Key: ${KEY}\r\n`)],
    ['without a key', upgrade().replace(/Sec-WebSocket-Key.*\r\n/, '')],
    ['that is no GET', upgrade().replace('GET', 'PUT')],
    ['not named by Connection', upgrade().replace('keep-alive, Upgrade', 'keep-alive')],
  ] as const) {
    it(`an Upgrade ${name} is served as an ordinary request`, async () => {
      await start(exchange => exchange.answer(200, 'plain', ['content-length', '5']));
      client.send(octets);
      await client.untilText('plain');
      expect(harness.exchanges[0]!.request.protocol).toBe('');
    });
  }

  it('nor is any when switched off', async () => {
    await start(exchange => exchange.answer(200, 'plain', ['content-length', '5']), { webSocket: false });
    client.send(upgrade());
    await client.untilText('plain');
  });
});

describe('RFC 8441: the listener on HTTP/2', () => {
  let harness: Harness;

  afterEach(() => harness.stop());

  it('advertises extended CONNECT and takes it as a tunnel', async () => {
    harness = await Harness.start(({ leg }) => leg.respond({ status: 200, fields: [], sensitive: null }, false));
    const client = await rawH2Client(harness.port);
    const settings = await client.untilFrame(Type.SETTINGS, ({ flags }) => flags === 0);
    expect(settings.payload.toString('hex')).toContain('000800000001');
    client.send(headers(1, connect, END_HEADERS)).send(data(1, 'there'));
    const exchange = await harness.request();
    await harness.until('the octets', () => exchange.body.toString() === 'there');
    expect(exchange.request).toMatchObject({ method: 'GET', protocol: 'websocket', path: '/ws', hasBody: true });
    exchange.leg.write(Buffer.from('back'), true);
    await client.untilResponse(1);
    expect(client.response(1)).toMatchObject({ head: [[':status', '200']], body: Buffer.from('back') });
    client.close();
  });

  it.each([
    [
      'another protocol',
      '501',
      [...connect.slice(0, 1), [':protocol', 'connect-udp'], ...connect.slice(2)],
      END_HEADERS,
    ],
    ['a tunnel closed from the start', '400', connect, END_HEADERS | END_STREAM],
  ] as const)('%s is answered %s', async (_, status, fields, flags) => {
    harness = await Harness.start(() => {});
    const client = await rawH2Client(harness.port);
    client.send(headers(1, fields as Fields, flags));
    await client.until('the answer', () => client.status(1) === status);
    expect(harness.exchanges).toHaveLength(0);
    client.close();
  });
});

describe('through the gateway to an HTTP/1.1 backend', () => {
  let gateway: Gateway;
  const closing: (() => unknown)[] = [];

  /** A backend that echoes, and shows the upgrade requests it got. */
  async function start(): Promise<IncomingMessage[]> {
    const server = createServer((_, response) => response.end('no websocket'));
    const sockets = new WebSocketServer({ server, handleProtocols: () => 'chat' });
    const seen: IncomingMessage[] = [];
    sockets.on('connection', (socket, request) => {
      seen.push(request);
      socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    gateway = await startGateway({
      ...DEFAULT_SETTINGS,
      to: [`http://127.0.0.1:${port}`],
      http: { host: '127.0.0.1', port: 0 },
      https: null,
      inspector: null,
      logLevel: 'error',
    });
    closing.push(
      () => gateway.close(0),
      () => {
        for (const socket of sockets.clients) socket.terminate();
      },
      () => server.close(),
    );
    return seen;
  }

  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('a WebSocket client of HTTP/1.1 talks to it', async () => {
    const seen = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.http!.port}/ws?x`, 'chat');
    await once(socket, 'open');
    expect(socket.protocol).toBe('chat');
    for (const message of ['hello', 'x'.repeat(200_000)]) {
      socket.send(message);
      const [echo] = (await once(socket, 'message')) as [Buffer];
      expect(echo.toString()).toBe(message);
    }
    expect(seen[0]!.url).toBe('/ws?x');
    expect(seen[0]!.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', upgrade: 'websocket' });
    socket.close(1000, 'done');
    const [code, why] = (await once(socket, 'close')) as [number, Buffer];
    expect(`${code} ${why}`).toBe('1000 done');
  });

  it('a client of HTTP/2 talks to it by extended CONNECT', async () => {
    const seen = await start();
    const client = await rawH2Client(gateway.http!.port);
    await client.untilFrame(Type.SETTINGS);
    client.send(headers(1, connect, END_HEADERS));
    // RFC 6455 5.2: a masked text frame "hi", mask 0.
    client.send(data(1, Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])));
    await client.until('the echo', () => client.response(1).body.length >= 4);
    expect(client.status(1)).toBe('200');
    expect(client.response(1).body).toEqual(Buffer.from([0x81, 0x02, 0x68, 0x69]));
    expect(client.response(1).head!.map(([name]) => name)).not.toContain('sec-websocket-accept');
    expect(seen[0]!.headers['sec-websocket-key']).toBeTruthy();
    // A reset by the client reaches the backend as a lost connection.
    const lost = once(seen[0]!.socket, 'close');
    client.send(Buffer.concat([Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, 1]), Buffer.from([0, 0, 0, CANCEL])]));
    await lost;
    client.close();
  });

  it('a gateway that closes does not wait for its deadline when only WebSockets are open', async () => {
    const seen = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.http!.port}/ws`, 'chat');
    await once(socket, 'open');
    const client = await rawH2Client(gateway.http!.port);
    client.send(headers(1, connect, END_HEADERS));
    await client.until('the tunnel', () => client.status(1) === '200');
    socket.on('error', () => {});
    const ended = once(socket, 'close');
    const lost = seen.map(request => once(request.socket, 'close'));
    expect(lost).toHaveLength(2);
    expect((await gateway.close(60_000)).cut).toEqual([]);
    expect(client.response(1).resetCode).toBe(CANCEL);
    await Promise.all([ended, ...lost]);
    client.close();
  });
});
