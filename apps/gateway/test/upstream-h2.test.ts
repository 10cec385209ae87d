import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { createBackend } from '../src/upstream/backend.ts';
import type { H2Pool } from '../src/upstream/h2/pool.ts';
import type { UpstreamOptions } from '../src/upstream/options.ts';
import { END_STREAM, frame, goAway, rst, ScriptedH2, settings, T } from './upstream-h2-kit.ts';
import { eventually, RawBackend, Recorder, request, text, upload } from './upstream-kit.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close();
});

const CANCELLED = { code: 'client_reset', text: '', status: 499, h2Code: 8, retryable: false, rule: '', rfc: '' };

function client(port: number, options: UpstreamOptions = {}): Backend {
  const backend = createBackend(`h2c://127.0.0.1:${port}`, options);
  open.push({ close: () => backend.close(0) });
  return backend;
}

/** An independent HTTP/2 server. */
async function node(
  onStream: (stream: ServerHttp2Stream, path: string) => void,
  maxConcurrentStreams = 100,
): Promise<number> {
  const server: Http2Server = createServer({ settings: { maxConcurrentStreams, enableConnectProtocol: true } });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', session => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, String(headers[':path']));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const session of sessions) session.destroy();
      return new Promise(resolve => server.close(resolve));
    },
  });
  return (server.address() as AddressInfo).port;
}

/** Scripted servers, one per connection, which have sent `first` (SETTINGS). */
async function scripted(
  first: Buffer = settings(),
): Promise<{ port: number; peer: (index?: number) => Promise<ScriptedH2> }> {
  const peers: ScriptedH2[] = [];
  const server = await new RawBackend(connection => {
    const peer = new ScriptedH2(connection);
    peers.push(peer);
    peer.send(first);
  }).listen();
  open.push(server);
  return {
    port: server.port,
    peer: async (index = 0) => {
      await eventually(() => peers.length > index, `connection ${index}`);
      return peers[index]!;
    },
  };
}

describe('exchanges over h2c, against node:http2', () => {
  it('request and response with fields, body and trailers both ways', async () => {
    const seen: string[] = [];
    const port = await node(stream => {
      stream.on('data', chunk => seen.push(`data ${chunk}`));
      stream.on('trailers', trailers => seen.push(`trailers ${trailers['x-sum']}`));
      stream.on('end', () => {
        stream.respond({ ':status': 201, 'x-a': 'b' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end('answer');
      });
    });
    const exchange = Recorder.send(client(port), upload());
    exchange.leg.write(text('question'), false);
    exchange.leg.trailers(['x-sum', '9']);
    await exchange.finished();
    expect(exchange.error).toBeNull();
    expect(seen).toEqual(['data question', 'trailers 9']);
    expect(exchange.status).toBe(201);
    expect(exchange.field('x-a')).toBe('b');
    expect(exchange.body).toBe('answer');
    expect(exchange.trailers).toEqual(['grpc-status', '0']);
    expect(exchange.log[0]).toBe('assigned');
    expect(exchange.leg).toMatchObject({ streamId: 1 });
  });

  it('carries content-length, and the pseudo-fields of the message', async () => {
    const heads: Record<string, unknown>[] = [];
    const server = createServer();
    server.on('stream', (stream, headers) => {
      heads.push({ ...headers });
      stream.respond({ ':status': 204 }, { endStream: true });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise(resolve => server.close(resolve)) });
    const exchange = Recorder.send(
      client((server.address() as AddressInfo).port),
      upload(5, { path: '/p?q', fields: ['te', 'trailers'] }),
    );
    exchange.leg.write(text('hello'), true);
    await exchange.finished();
    expect(exchange.log).toEqual(['assigned', 'response 204 end']);
    expect(heads[0]).toMatchObject({
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': 'example.com',
      ':path': '/p?q',
      'content-length': '5',
      te: 'trailers',
    });
  });

  it('multiplexes on one connection and opens another at the stream limit', async () => {
    // CNC-13, RTY-13
    const waiting: ServerHttp2Stream[] = [];
    const port = await node(stream => {
      waiting.push(stream);
    }, 4);
    const backend = client(port) as H2Pool;
    const exchanges = Array.from({ length: 10 }, (_, i) => Recorder.send(backend, request({ path: `/${i}` })));
    await eventually(() => waiting.length === 10, 'all streams');
    expect(backend.counts).toMatchObject({ total: 3, active: 10, waiting: 0 });
    for (const stream of waiting) {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    }
    await Promise.all(exchanges.map(exchange => exchange.finished()));
    expect(new Set(exchanges.map(exchange => exchange.leg.connectionId)).size).toBe(3);
    expect(exchanges.every(exchange => exchange.body === 'ok')).toBe(true);
    expect(backend.counts.active).toBe(0);
  });

  it('waits at the connection limit and goes on when a stream ends', async () => {
    const waiting: ServerHttp2Stream[] = [];
    const port = await node(stream => {
      waiting.push(stream);
    }, 1);
    const backend = client(port, { maxConnections: 1, maxQueued: 1 });
    const first = Recorder.send(backend, request());
    await eventually(() => waiting.length === 1, 'first');
    const second = Recorder.send(backend, request());
    const third = await Recorder.send(backend, request()).finished();
    expect(third.error?.code).toBe('backend_queue_full');
    waiting[0]!.respond({ ':status': 200 }, { endStream: true });
    await first.finished();
    await eventually(() => waiting.length === 2, 'second');
    waiting[1]!.respond({ ':status': 200 }, { endStream: true });
    await second.finished();
    expect(second.leg.connectionId).toBe(first.leg.connectionId);
  });

  it('relays informational responses', async () => {
    const port = await node(stream => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const exchange = await Recorder.send(client(port), request()).finished();
    expect(exchange.log).toEqual(['assigned', 'informational 103', 'response 200 end']);
  });

  it('cancelling resets the stream with CANCEL and leaves the connection', async () => {
    const codes: number[] = [];
    const port = await node((stream, path) => {
      if (path === '/slow') stream.on('close', () => codes.push(stream.rstCode));
      else stream.respond({ ':status': 200 }, { endStream: true });
      if (path === '/slow') stream.respond({ ':status': 200 });
    });
    const backend = client(port) as H2Pool;
    const slow = Recorder.send(backend, request({ path: '/slow' }));
    await slow.responded.promise;
    slow.leg.cancel(CANCELLED);
    await eventually(() => codes.length === 1, 'reset');
    expect(codes).toEqual([8]);
    const next = await Recorder.send(backend, request()).finished();
    expect(next.leg.connectionId).toBe(slow.leg.connectionId);
    expect(backend.counts.total).toBe(1);
  });

  it('D30: a response before the end of the request stops the upload with a reset', async () => {
    const closed: number[] = [];
    const port = await node(stream => {
      stream.on('close', () => closed.push(stream.rstCode));
      stream.respond({ ':status': 413 });
      stream.end('no');
    });
    const exchange = Recorder.send(client(port), upload());
    exchange.leg.write(text('begin'), false);
    await exchange.finished();
    expect(exchange.stopped).toBe(true);
    expect(exchange.leg.write(text('late'), true)).toBe(true);
    await eventually(() => closed.length === 1, 'reset');
    expect(exchange.error).toBeNull();
  });

  it('a stalled reader bounds what is read; resuming delivers everything', async () => {
    const total = 8 * 1024 * 1024;
    const port = await node(stream => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(total, 'x'));
    });
    const backend = client(port);
    const exchange = Recorder.send(backend, request(), true);
    await eventually(() => exchange.withheld >= 524_288, 'a full window');
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(exchange.withheld).toBe(524_288);
    exchange.resume();
    await exchange.finished();
    expect(exchange.bodyBytes).toBe(total);
  });

  it('stalled readers do not stop others on the same connection', async () => {
    const port = await node((stream, path) => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(path === '/small' ? 100_000 : 600_000, 'x'));
    });
    const backend = client(port);
    const stalled = Array.from({ length: 12 }, () => Recorder.send(backend, request(), true));
    await eventually(() => stalled.every(exchange => exchange.withheld >= 524_288), 'all are stalled');
    const small = await Recorder.send(backend, request({ path: '/small' })).finished();
    expect(small.bodyBytes).toBe(100_000);
    expect(small.leg.connectionId).toBe(stalled[0]!.leg.connectionId);
  });

  it('a backend that does not read makes write answer false, and onWritable follows', async () => {
    const streams: ServerHttp2Stream[] = [];
    const port = await node(stream => {
      streams.push(stream);
    });
    const exchange = Recorder.send(client(port), upload());
    await eventually(() => exchange.assigned > 0, 'assigned');
    let written = 0;
    while (exchange.leg.write(new Uint8Array(16384), false)) written += 16384;
    expect(written).toBeLessThan(1_048_576);
    await eventually(() => streams.length === 1, 'stream');
    expect(exchange.writable).toBe(0);
    streams[0]!.resume();
    await eventually(() => exchange.writable > 0, 'writable');
    exchange.leg.write(text('end'), true);
    streams[0]!.respond({ ':status': 200 }, { endStream: true });
    await exchange.finished();
    expect(exchange.error).toBeNull();
  });

  it.each([
    ['above', 3, 'abcd', false],
    ['below', 5, 'abcd', true],
  ])('a body %s its content-length resets the stream', async (_, length, body, end) => {
    const codes: number[] = [];
    const port = await node(stream => stream.on('close', () => codes.push(stream.rstCode)));
    const exchange = Recorder.send(client(port), upload(length));
    await eventually(() => exchange.assigned > 0, 'assigned');
    exchange.leg.write(text(body), end);
    await exchange.finished();
    expect(exchange.error?.code).toBe('client_protocol_error');
    await eventually(() => codes.length === 1, 'reset');
    expect(codes).toEqual([8]);
  });

  it('WebSocket by extended CONNECT (RFC 8441): a tunnel both ways', async () => {
    const heads: Record<string, unknown>[] = [];
    const port = await node(stream => {
      stream.respond({ ':status': 200 });
      stream.on('data', chunk => stream.write(`echo ${chunk}`));
      stream.on('end', () => stream.end());
      heads.push({ ...stream.sentHeaders });
    });
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const exchange = Recorder.send(
      client(port),
      request({ protocol: 'websocket', fields: ['sec-websocket-key', key] }),
    );
    await exchange.responded.promise;
    expect(exchange.status).toBe(200);
    // The sample of RFC 6455 1.3.
    expect(exchange.field('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    exchange.leg.write(text('hi'), false);
    await eventually(() => exchange.body === 'echo hi', 'echo');
    exchange.leg.write(new Uint8Array(0), true);
    await exchange.finished();
    expect(exchange.error).toBeNull();
  });
});

describe('what backends say about connections and streams, frame by frame', () => {
  it('sends nothing but the preface before the peer SETTINGS', async () => {
    const { port, peer } = await scripted(Buffer.alloc(0));
    const exchange = Recorder.send(client(port), request());
    const server = await peer();
    await server.frame(T.SETTINGS);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(server.count(T.HEADERS)).toBe(0);
    expect(exchange.log).toEqual([]);
    server.send(settings());
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200, [], END_STREAM));
    await exchange.finished();
    expect(exchange.log).toEqual(['assigned', 'response 200 end']);
  });

  it('GOAWAY: what is above the last stream moves to a new connection, what is below finishes', async () => {
    const { port, peer } = await scripted();
    const backend = client(port);
    const first = Recorder.send(backend, request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    const second = Recorder.send(backend, request({ method: 'POST' }));
    await server.frame(T.HEADERS, 3);
    server.send(goAway(1, 0));
    const other = await peer(1);
    await other.frame(T.HEADERS, 1);
    const third = Recorder.send(backend, request());
    await other.frame(T.HEADERS, 3);
    server.send(server.head(1, 200, [], END_STREAM));
    other.send(other.head(1, 201, [], END_STREAM), other.head(3, 202, [], END_STREAM));
    await Promise.all([first.finished(), second.finished(), third.finished()]);
    expect([first.status, second.status, third.status]).toEqual([200, 201, 202]);
    expect(second.log).toEqual(['assigned', 'assigned', 'response 201 end']);
    await server.connection.gone();
  });

  it('GOAWAY: a body that has begun cannot move; the error says that nothing was processed', async () => {
    // RTY-03
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port), upload());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    exchange.leg.write(text('begun'), false);
    await server.frame(T.DATA, 1);
    server.send(goAway(0, 0));
    await exchange.finished();
    expect(exchange.error).toMatchObject({ code: 'backend_going_away', retryable: true, status: 503 });
  });

  it('REFUSED_STREAM is retryable, other resets are not and pass their code on', async () => {
    const { port, peer } = await scripted();
    const backend = client(port);
    const refused = Recorder.send(backend, request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(rst(1, 7));
    await refused.finished();
    expect(refused.error).toMatchObject({ code: 'backend_refused_stream', retryable: true });
    const broken = Recorder.send(backend, request());
    await server.frame(T.HEADERS, 3);
    server.send(server.head(3, 200), rst(3, 0xb));
    await broken.finished();
    expect(broken.error).toMatchObject({ code: 'backend_reset', retryable: false, h2Code: 0xb });
    expect(broken.error?.text).toContain('ENHANCE_YOUR_CALM');
  });

  it('RST_STREAM(NO_ERROR) after a complete response is no error (RFC 9113 8.1)', async () => {
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port), upload());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200), frame(T.DATA, END_STREAM, 1, Buffer.from('ok')), rst(1, 0));
    await exchange.finished();
    expect(exchange.error).toBeNull();
    expect(exchange.body).toBe('ok');
    expect(exchange.stopped).toBe(true);
  });

  it('a connection that closes: safe requests that had no answer go out once more, others fail', async () => {
    const { port, peer } = await scripted();
    const backend = client(port);
    const get = Recorder.send(backend, request());
    const post = Recorder.send(backend, request({ method: 'POST' }));
    const begun = Recorder.send(backend, request());
    const server = await peer();
    await server.frame(T.HEADERS, 5);
    server.send(server.head(5, 200), frame(T.DATA, 0, 5, Buffer.from('half')));
    await begun.responded.promise;
    server.connection.socket.destroy();
    await Promise.all([post.finished(), begun.finished()]);
    expect(post.error).toMatchObject({ retryable: false });
    expect(post.error?.code).toMatch(/^backend_(closed|reset)$/);
    expect(begun.error?.text).toContain('in the middle of the response');
    const other = await peer(1);
    await other.frame(T.HEADERS, 1);
    other.connection.socket.destroy();
    await get.finished();
    expect(get.error?.code).toMatch(/^backend_(closed|reset)$/);
  });

  it('a malformed response is a 502 that names the rule; the connection goes on', async () => {
    const { port, peer } = await scripted();
    const backend = client(port);
    const bad = Recorder.send(backend, request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200, ['Upper', 'case']));
    await bad.finished();
    expect(bad.error).toMatchObject({ code: 'backend_protocol_error', status: 502, rfc: '9113 8.2.1' });
    const short = Recorder.send(backend, request());
    await server.frame(T.HEADERS, 3);
    server.send(server.head(3, 200, ['content-length', '5']), frame(T.DATA, END_STREAM, 3, Buffer.from('abc')));
    await short.finished();
    expect(short.error?.code).toBe('backend_protocol_error');
    const good = Recorder.send(backend, request());
    await server.frame(T.HEADERS, 5);
    server.send(server.head(5, 200, [], END_STREAM));
    expect((await good.finished()).status).toBe(200);
  });

  it('more than 32 informational responses fail', async () => {
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port), request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    for (let i = 0; i < 33; i++) server.send(server.head(1, 103));
    await exchange.finished();
    expect(exchange.error?.code).toBe('backend_protocol_error');
    expect(exchange.log.filter(line => line === 'informational 103')).toHaveLength(32);
    await server.frame(T.RST, 1);
  });

  it('an HTTP/1.1 backend is named as such, and the request was not sent', async () => {
    const server = await new RawBackend(
      connection =>
        void connection.heads().then(() => connection.send('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')),
    ).listen();
    open.push(server);
    const exchange = await Recorder.send(client(server.port), request()).finished();
    expect(exchange.error?.code).toBe('backend_protocol_error');
    expect(exchange.error?.text).toMatch(/http:\/\/ backend\?|HTTP\/1/);
    expect(server.connections[0]!.received).not.toContain('example.com');
  });

  it('refused and unreachable backends are named', async () => {
    const server = await new RawBackend().listen();
    await server.close();
    const exchange = await Recorder.send(client(server.port), request()).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_refused', retryable: true });
  });

  it('a backend that allows no streams', async () => {
    const { port } = await scripted(settings([3, 0]));
    const exchange = await Recorder.send(client(port), request()).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_refused_stream', retryable: true });
  });

  it('no extended CONNECT offered: refused without a word to the backend', async () => {
    const { port, peer } = await scripted();
    const exchange = await Recorder.send(client(port), request({ protocol: 'websocket' })).finished();
    expect(exchange.error).toMatchObject({ code: 'connect_refused', status: 501 });
    expect((await peer()).count(T.HEADERS)).toBe(0);
  });
});

describe('timeouts', () => {
  it('before SETTINGS', async () => {
    const { port } = await scripted(Buffer.alloc(0));
    const exchange = await Recorder.send(client(port, { connectTimeoutMs: 60 }), request()).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_connect_timeout', status: 504, retryable: true });
  });

  it('before the first byte, with CANCEL to the backend', async () => {
    const { port, peer } = await scripted();
    const exchange = await Recorder.send(client(port, { firstByteTimeoutMs: 40 }), request()).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_first_byte_timeout', status: 504 });
    expect((await (await peer()).frame(T.RST, 1)).payload.readUInt32BE(0)).toBe(8);
  });

  it('in the body, but not while the client holds octets back', async () => {
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port, { bodyIdleTimeoutMs: 40 }), request(), true);
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200), frame(T.DATA, 0, 1, Buffer.from('half')));
    await eventually(() => exchange.withheld === 4, 'half');
    await new Promise(resolve => setTimeout(resolve, 120));
    expect(exchange.error).toBeNull();
    exchange.resume();
    await exchange.finished();
    expect(exchange.error?.code).toBe('backend_idle_timeout');
  });

  it('a slow upload of the client is not held against the backend', async () => {
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port, { firstByteTimeoutMs: 30, bodyIdleTimeoutMs: 30 }), upload());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    await new Promise(resolve => setTimeout(resolve, 120));
    exchange.leg.write(text('late'), true);
    await server.frame(T.DATA, 1);
    server.send(server.head(1, 200, [], END_STREAM));
    expect((await exchange.finished()).status).toBe(200);
  });
});

describe('close', () => {
  it('lets streams finish, refuses new ones', async () => {
    const { port, peer } = await scripted();
    const backend = client(port);
    const busy = Recorder.send(backend, request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    const closed = backend.close(5000);
    expect((await Recorder.send(backend, request()).finished()).error?.code).toBe('shutting_down');
    await server.frame(T.GOAWAY);
    server.send(server.head(1, 200, [], END_STREAM));
    await busy.finished();
    expect(busy.status).toBe(200);
    await closed;
  });

  it('cuts at the deadline', async () => {
    const { port, peer } = await scripted();
    const backend = client(port);
    const busy = Recorder.send(backend, request());
    await (await peer()).frame(T.HEADERS, 1);
    await backend.close(30);
    expect(busy.error?.code).toBe('shutting_down');
  });
});
