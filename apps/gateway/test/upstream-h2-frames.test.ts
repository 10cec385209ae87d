/** The HTTP/2 client against servers that are scripted frame by frame. */
import { describe, expect, it } from 'vitest';
import { simulateTime } from './support/simulated-time.ts';
import { END_STREAM, frame, goAway, rst, settings, T } from './upstream-h2-kit.ts';
import { client, open, scripted } from './upstream-h2-server-kit.ts';
import { eventually, RawBackend, Recorder, request, text, upload } from './upstream-kit.ts';

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
    using time = simulateTime();
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port, { bodyIdleTimeoutMs: 40 }), request(), true);
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200), frame(T.DATA, 0, 1, Buffer.from('half')));
    await eventually(() => exchange.withheld === 4, 'half');
    await time.pass(120);
    expect(exchange.error).toBeNull();
    exchange.resume();
    await time.until('the end', () => exchange.error !== null);
    expect(exchange.error?.code).toBe('backend_idle_timeout');
  });

  it('a slow upload of the client is not held against the backend', async () => {
    using time = simulateTime();
    const { port, peer } = await scripted();
    const exchange = Recorder.send(client(port, { firstByteTimeoutMs: 30, bodyIdleTimeoutMs: 30 }), upload());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    await time.pass(120);
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
