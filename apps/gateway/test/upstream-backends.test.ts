import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import {
  createServer as createHttp,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { type Credentials, DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { reason } from '../src/exchange/reason.ts';
import { type ConnectionFacts, NO_TRACE, type Trace } from '../src/trace/trace.ts';
import { createBackend, probe, type UpstreamOptions } from '../src/upstream/backend.ts';
import { parseTarget } from '../src/upstream/target.ts';
import { simulateTime } from './support/simulated-time.ts';
import { settings } from './upstream-h2-kit.ts';
import {
  CANCELLED,
  eventually,
  RawBackend,
  type RawConnection,
  Recorder,
  request,
  text,
  upload,
} from './upstream-kit.ts';

let directory: string;
let ca: DevelopmentCa;
let credentials: Credentials;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'upstream-'));
  ca = await DevelopmentCa.open({ directory: join(directory, 'ca') });
  credentials = await ca.issue({ names: ['localhost', '127.0.0.1'] });
});
afterAll(() => rm(directory, { recursive: true }));

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close();
});

function client(url: string, options: UpstreamOptions = {}, trace: Trace = NO_TRACE): Backend {
  const backend = createBackend(url, { ca: ca.rootCertificate, ...options }, trace);
  open.push({ close: () => backend.close(0) });
  return backend;
}

/** Listens, remembers its sockets for closing, and answers the port. */
async function listening(server: Server | HttpServer, port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise(resolve => server.close(resolve));
    },
  });
  return (server.address() as AddressInfo).port;
}

const answer = (protocol: string) => (_: unknown, response: { end(body: string): unknown }) => {
  response.end(protocol);
};

/** Both protocols by ALPN, saying which was spoken. */
function both(): ReturnType<typeof createSecureServer> {
  const server = createSecureServer({ ...credentials, allowHTTP1: true }, (incoming, response) => {
    response.end(incoming.httpVersion);
  });
  server.on('session', session => session.on('error', () => {}));
  return server;
}

describe('TLS', () => {
  it('https:// takes HTTP/2 where ALPN offers it, on one connection', async () => {
    const port = await listening(both());
    const backend = client(`https://localhost:${port}`);
    const exchanges = Array.from({ length: 5 }, () => Recorder.send(backend, request()));
    await Promise.all(exchanges.map(exchange => exchange.finished()));
    expect(exchanges.map(exchange => exchange.body)).toEqual(Array(5).fill('2.0'));
    expect(new Set(exchanges.map(exchange => exchange.leg.connectionId)).size).toBe(1);
  });

  it('https:// takes HTTP/1.1 from a server without HTTP/2, reuses connections, carries bodies', async () => {
    const server = createHttps({ ...credentials }, (incoming, response) => {
      incoming.pipe(response);
    });
    const port = await listening(server);
    const backend = client(`https://127.0.0.1:${port}`);
    const first = Recorder.send(backend, upload());
    first.leg.write(text('before it is known'), false);
    first.leg.write(text(' and the end'), true);
    await first.finished();
    expect(first.body).toBe('before it is known and the end');
    const second = Recorder.send(backend, upload(2));
    second.leg.write(text('ok'), true);
    await second.finished();
    expect(second.body).toBe('ok');
    expect(second.leg.connectionId).toBe(first.leg.connectionId);
    expect(second.leg.streamId).toBe(2);
  });

  it('h2:// refuses a server that has no HTTP/2', async () => {
    const port = await listening(createHttps({ ...credentials }, answer('1.1')));
    const exchange = await Recorder.send(client(`h2://localhost:${port}`), request()).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_tls_failed', retryable: true, status: 502 });
  });

  it.each(['https', 'h2'])('%s:// does not trust an unknown authority, unless told so', async scheme => {
    const port = await listening(both());
    const url = `${scheme}://localhost:${port}`;
    const backend = createBackend(url);
    open.push({ close: () => backend.close(0) });
    const exchange = await Recorder.send(backend, request()).finished();
    expect(exchange.error?.code).toBe('backend_tls_failed');
    const trusting = createBackend(url, { verifyCertificate: false });
    open.push({ close: () => trusting.close(0) });
    expect((await Recorder.send(trusting, request()).finished()).body).toBe('2.0');
  });

  it('a handshake that is not answered times out', async () => {
    const port = await listening(createTcp(() => {}));
    const exchange = await Recorder.send(
      client(`https://127.0.0.1:${port}`, { connectTimeoutMs: 60 }),
      request(),
    ).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_connect_timeout', status: 504, retryable: true });
  });

  it('refused connections and plain servers are named', async () => {
    const refused = await Recorder.send(client(`https://127.0.0.1:${await freePort()}`), request()).finished();
    expect(refused.error?.code).toBe('backend_refused');
    const plain = await listening(createHttp(answer('x')));
    const exchange = await Recorder.send(client(`https://127.0.0.1:${plain}`), request()).finished();
    expect(exchange.error?.code).toBe('backend_tls_failed');
  });

  it('never dials a forbidden address', async () => {
    const port = await listening(both());
    for (const host of ['127.0.0.1', 'localhost']) {
      const backend = client(`https://${host}:${port}`, { forbidden: () => true });
      expect((await Recorder.send(backend, request()).finished()).error?.code).toBe('admin_target');
    }
  });

  it('cancelling while the protocol is being found out leaves no event', async () => {
    const port = await listening(both());
    const backend = client(`https://localhost:${port}`);
    const cancelled = Recorder.send(backend, request());
    cancelled.leg.cancel(CANCELLED);
    expect((await Recorder.send(backend, request()).finished()).body).toBe('2.0');
    expect(cancelled.log).toEqual([]);
  });

  it('finds out anew when the backend is replaced by one that speaks something else', async () => {
    const first = both();
    const port = await listening(first);
    const backend = client(`https://localhost:${port}`);
    expect((await Recorder.send(backend, request()).finished()).body).toBe('2.0');
    await open.find(item => item !== open.at(-1))!.close();
    open.shift();
    await listening(createHttps({ ...credentials }, answer('1.1')), port);
    const between = await Recorder.send(backend, request()).finished();
    const after = between.error === null ? between : await Recorder.send(backend, request()).finished();
    expect(after.body).toBe('1.1');
  });

  it('a connection nobody waits for any more when its protocol is known is closed', async () => {
    const server = createHttps({ ...credentials }, answer('1.1'));
    const accepted = once(server, 'connection');
    const { leg } = Recorder.send(client(`https://127.0.0.1:${await listening(server)}`), request());
    leg.cancel(reason('client_reset', 'changed its mind'));
    const [socket] = (await accepted) as [Socket];
    await once(socket, 'close');
  });

  it('tells the trace what was agreed', async () => {
    const port = await listening(both());
    const facts: ConnectionFacts[] = [];
    const trace: Trace = {
      ...NO_TRACE,
      connectionOpened: opened => {
        facts.push(opened);
        return 7;
      },
    };
    const exchange = await Recorder.send(client(`https://localhost:${port}`, {}, trace), request()).finished();
    expect(exchange.leg.connectionId).toBe(7);
    expect(facts[0]).toMatchObject({ leg: 1, protocol: 'h2', negotiation: 'alpn', peer: `127.0.0.1:${port}` });
    expect(facts[0]!.tls).toMatchObject({ version: 'TLSv1.3', servername: 'localhost' });
  });
});

describe('the trace of HTTP/1.1', () => {
  it('hears of connection, request, response, body and end, in order', async () => {
    const log: string[] = [];
    const trace: Trace = {
      ...NO_TRACE,
      connectionOpened: ({ protocol }) => log.push(`open ${protocol}`),
      connectionClosed: (id, why) => log.push(`close ${id} ${why?.code ?? 'clean'}`),
      http1Request: (id, ordinal, method, target, _fields, host) =>
        log.push(`request ${id}/${ordinal} ${method} ${target} of ${host}`),
      http1Response: (id, ordinal, status) => log.push(`response ${id}/${ordinal} ${status}`),
      http1Body: (id, ordinal, direction, bytes) => log.push(`body ${id}/${ordinal} ${direction} ${bytes}`),
      http1End: (id, ordinal, why) => log.push(`end ${id}/${ordinal} ${why?.code ?? 'clean'}`),
    };
    const port = await listening(createHttp((incoming, response) => incoming.pipe(response)));
    const backend = client(`http://127.0.0.1:${port}`, {}, trace);
    const exchange = Recorder.send(backend, upload(2, { path: '/a', authority: 'example.test' }));
    exchange.leg.write(text('ok'), true);
    await exchange.finished();
    await backend.close(0);
    expect(log).toEqual([
      'open http/1.1',
      'request 1/1 POST /a of example.test',
      'body 1/1 1 2',
      'response 1/1 200',
      'body 1/1 0 2',
      'end 1/1 clean',
      'close 1 clean',
    ]);
  });
});

describe('WebSocket over HTTP/1.1 (RFC 6455)', () => {
  const proof = (key: string): string =>
    createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

  async function upgrading(accept: (key: string) => string): Promise<RawBackend> {
    const server = await new RawBackend(async (connection: RawConnection) => {
      const head = await connection.heads();
      const key = /sec-websocket-key: (.*)\r\n/.exec(head)![1]!;
      connection.send(accept(key));
      await connection.until('hello');
      connection.send('world');
    }).listen();
    open.push(server);
    return server;
  }
  const switching = (key: string): string =>
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: ${proof(key)}\r\n\r\n`;
  const websocket = request({
    protocol: 'websocket',
    method: 'CONNECT',
    path: '/chat',
    fields: ['sec-websocket-version', '13'],
  });

  it('D28: makes the key, holds octets back until the 101, then is a tunnel', async () => {
    const server = await upgrading(switching);
    const exchange = Recorder.send(client(server.url), websocket);
    exchange.leg.write(text('hello'), false);
    await exchange.responded.promise;
    expect(exchange.status).toBe(200);
    expect(exchange.field('sec-websocket-accept')).toBeUndefined();
    await eventually(() => exchange.body === 'world', 'world');
    const [head, rest] = server.connections[0]!.received.split('\r\n\r\n');
    expect(head).toMatch(/^GET \/chat HTTP\/1\.1\r\nhost: example\.com\r\n/);
    expect(head).toMatch(/\r\nconnection: upgrade\r\nupgrade: websocket$/);
    expect(rest).toBe('hello');
    exchange.leg.write(new Uint8Array(0), true);
    await server.connections[0]!.gone();
    server.connections[0]!.socket.end();
    await exchange.finished();
    expect(exchange.log.at(-1)).toBe('body 0 end');
  });

  it('passes on the client key and the proof', async () => {
    const server = await upgrading(switching);
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const exchange = Recorder.send(client(server.url), { ...websocket, fields: ['sec-websocket-key', key] });
    await exchange.responded.promise;
    expect(exchange.field('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(server.connections[0]!.received.match(/sec-websocket-key/g)).toHaveLength(1);
  });

  it.each([
    ['a wrong proof', () => switching('other')],
    ['no proof', () => 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['another protocol', (key: string) => switching(key).replace('WebSocket\r\n', 'h2c\r\n')],
    ['200 instead of 101', () => 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ])('%s is a 502', async (_, accept) => {
    const server = await upgrading(accept);
    const exchange = await Recorder.send(client(server.url), websocket).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_protocol_error', status: 502 });
    await server.connections[0]!.gone();
  });

  it('a refusal is an ordinary response', async () => {
    const server = await upgrading(() => 'HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    const exchange = await Recorder.send(client(server.url), websocket).finished();
    expect([exchange.status, exchange.body]).toEqual([403, 'no']);
  });
});

describe('unix sockets', () => {
  it('http://unix:/path', async () => {
    const path = join(directory, 'backend.sock');
    const server = createHttp((incoming: IncomingMessage, response: ServerResponse) => {
      response.end(incoming.url);
    });
    await new Promise<void>(resolve => server.listen(path, resolve));
    open.push({ close: () => new Promise(resolve => server.close(resolve)) });
    const backend = client(`http://unix:${path}`);
    expect((await Recorder.send(backend, request({ path: '/over/unix' })).finished()).body).toBe('/over/unix');
    const missing = await Recorder.send(client(`http://unix:${path}.gone`), request()).finished();
    expect(missing.error?.code).toBe('backend_refused');
  });
});

describe('targets', () => {
  it.each([
    ['http://localhost:3000', { scheme: 'http', host: 'localhost', port: 3000, tls: false, label: 'localhost:3000' }],
    ['h2c://[::1]:81', { scheme: 'h2c', host: '::1', port: 81, label: '[::1]:81' }],
    ['https://example.com', { scheme: 'https', port: 443, tls: true }],
    ['h2://example.com/', { scheme: 'h2', port: 443, tls: true }],
    ['h2c://unix:/run/a.sock', { scheme: 'h2c', socketPath: '/run/a.sock', label: 'unix:/run/a.sock' }],
  ])('%s', (url, expected) => {
    expect(parseTarget(url)).toMatchObject(expected);
  });

  it.each([
    'localhost:3000',
    'ftp://x',
    'http://',
    'http://u:p@x',
    'http://x/path',
    'http://x?q',
    'http://x#f',
    'http://x:0',
    'http://x:99999',
    '',
  ])('%j is refused with the URL in the message', url => {
    expect(() => parseTarget(url)).toThrow(`"${url}"`);
  });

  it('options out of range are named', () => {
    expect(() => createBackend('http://x', { maxConnections: 0 })).toThrow(/maxConnections is 0.*1 to 65535/);
    expect(() => createBackend('http://x', { firstByteTimeoutMs: -1 })).toThrow(/firstByteTimeoutMs/);
  });
});

describe('probe', () => {
  it('HTTP/1.1, without an application seeing anything', async () => {
    let requests = 0;
    const port = await listening(createHttp(() => requests++));
    expect(await probe(`http://127.0.0.1:${port}`)).toMatchObject({
      reachable: true,
      protocol: 'http/1.1',
      text: 'HTTP/1.1',
    });
    expect(await probe(`h2c://127.0.0.1:${port}`)).toMatchObject({ protocol: null });
    expect(requests).toBe(0);
  });

  it('h2c, and the hint when it is spoken to in HTTP/1.1', async () => {
    const server = await new RawBackend(connection => {
      connection.send(settings());
      void connection.until('OPTIONS').then(
        () => connection.socket.end(),
        () => {},
      );
    }).listen();
    open.push(server);
    expect(await probe(`h2c://127.0.0.1:${server.port}`)).toMatchObject({ reachable: true, protocol: 'h2' });
    const wrong = await probe(`http://127.0.0.1:${server.port}`);
    expect(wrong).toMatchObject({ reachable: true, protocol: null });
    expect(wrong.text).toContain(`use h2c://127.0.0.1:${server.port}`);
  });

  it('TLS, both protocols, and the hint on a cleartext URL', async () => {
    const port = await listening(both());
    expect(await probe(`https://127.0.0.1:${port}`, { ca: ca.rootCertificate })).toMatchObject({
      reachable: true,
      protocol: 'h2',
    });
    expect((await probe(`https://127.0.0.1:${port}`)).protocol).toBeNull();
    expect((await probe(`http://127.0.0.1:${port}`)).text).toContain('https://');
  });

  it('refused: says so, and what to do', async () => {
    const port = await freePort();
    const result = await probe(`http://127.0.0.1:${port}`);
    expect(result).toMatchObject({ reachable: false, protocol: null });
    expect(result.text).toBe(`127.0.0.1:${port} refused (is the app running?)`);
  });

  it('a silent server does not hold up the start', async () => {
    using time = simulateTime();
    const port = await listening(createTcp(() => {}));
    const results: Awaited<ReturnType<typeof probe>>[] = [];
    void probe(`http://127.0.0.1:${port}`).then(result => results.push(result));
    await time.pass(1000);
    expect(results).toMatchObject([{ confirmed: false, text: expect.stringContaining('does not answer') }]);
  });

  it('leaves no connection behind', async () => {
    const server = await new RawBackend(connection => connection.send('HTTP/1.1 400 Bad\r\n\r\n')).listen();
    open.push(server);
    await probe(server.url);
    await server.connections[0]!.gone();
    const socket = connect(server.port, '127.0.0.1');
    socket.destroy();
  });
});
