/** The HTTP/1.1 client: what is not HTTP/1.1, what is sent again, and what every failure is called. */
import { describe, expect, it } from 'vitest';
import { answering, client, OK, open, raw } from './upstream-http1-kit.ts';
import { eventually, RawBackend, type RawConnection, Recorder, request, text, upload } from './upstream-kit.ts';

describe('D22: what is not HTTP/1.1 ends exchange and connection', () => {
  it.each([
    ['HEAD with a body', 'HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab'],
    ['204 with a body', 'GET', 'HTTP/1.1 204 None\r\n\r\nab'],
    ['304 with a body', 'GET', 'HTTP/1.1 304 Not\r\ncontent-length: 2\r\n\r\nab'],
    ['more than content-length', 'GET', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab'],
    ['both CL and TE', 'GET', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['obs-fold', 'GET', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n'],
    ['bare LF', 'GET', 'HTTP/1.1 200 OK\ncontent-length: 0\n\n'],
    ['33 informational responses', 'GET', 'HTTP/1.1 103 Hints\r\n\r\n'.repeat(33)],
    ['a wrong chunk', 'GET', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
    ['a second response', 'GET', 'HTTP/1.1 204 A\r\n\r\nHTTP/1.1 204 B\r\n\r\n'],
  ])('%s', async (_, method, octets) => {
    const server = await raw(answering(octets));
    const exchange = await Recorder.send(client(server), request({ method })).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_protocol_error', status: 502, retryable: false });
    expect(exchange.error?.rfc).toMatch(/^91\d\d /);
    expect(exchange.log.some(line => line.endsWith('end'))).toBe(false);
    await server.connections[0]!.gone();
  });

  it('closing at any octet of a response is an error, never a short success', async () => {
    const whole = 'HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nt: u\r\n\r\n';
    const server = await raw(connection => {
      void connection.heads().then(head => {
        const at = Number(/^GET \/(\d+)/.exec(head)?.[1]);
        connection.socket.end(whole.slice(0, at));
      });
    });
    const backend = client(server);
    for (let at = 0; at < whole.length; at++) {
      const exchange = await Recorder.send(backend, request({ path: `/${at}` })).finished();
      expect(exchange.error?.code).toBe('backend_closed');
    }
    const complete = await Recorder.send(backend, request({ path: `/${whole.length}` })).finished();
    expect(complete.error).toBeNull();
    expect([complete.body, complete.trailers]).toEqual(['hello', ['t', 'u']]);
  });

  it('a response that drips octet by octet is read as if it came at once', async () => {
    const whole =
      'HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nt: u\r\n\r\n';
    const server = await raw(connection => void connection.heads().then(() => connection.drip(whole)));
    const exchange = await Recorder.send(client(server), request()).finished();
    expect([exchange.status, exchange.body, exchange.trailers]).toEqual([200, 'hello', ['t', 'u']]);
  });
});

describe('retry (RFC 9110 9.2.2)', () => {
  /** The first connection answers once and dies when the second request arrives. */
  const dying = (connection: RawConnection, index: number): void => {
    void connection.heads(1).then(() => connection.send(OK));
    void connection.heads(2).then(() => (index === 0 ? connection.socket.resetAndDestroy() : undefined));
  };

  it.each([
    ['GET', request()],
    ['PUT without a body', request({ method: 'PUT' })],
    ['POST with a body that has not begun', upload(5)],
  ])('%s goes to a fresh connection when a reused one dies before any octet', async (_, message) => {
    const server = await raw(dying);
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const exchange = await Recorder.send(backend, message).finished();
    expect(exchange.error).toBeNull();
    expect(exchange.status).toBe(200);
    expect(server.connections).toHaveLength(2);
    expect(exchange.leg.streamId).toBe(1);
  });

  it.each([
    ['chunks', -1],
    ['content-length 0', 0],
  ])('POST with a body of no octets (%s) is not sent twice: the backend had all of it', async (_, contentLength) => {
    const server = await raw(dying);
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const exchange = Recorder.send(backend, upload(contentLength));
    exchange.leg.write(new Uint8Array(0), true);
    await exchange.finished();
    expect(exchange.error).toMatchObject({ code: expect.stringMatching(/^backend_(closed|reset)$/), retryable: false });
    expect(server.connections).toHaveLength(1);
  });

  it('POST with content-length 0 is not sent twice, although its end was not told', async () => {
    const server = await raw(dying);
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const exchange = await Recorder.send(backend, upload(0)).finished();
    expect(exchange.error).toMatchObject({ code: expect.stringMatching(/^backend_(closed|reset)$/), retryable: false });
    expect(server.connections).toHaveLength(1);
  });

  it('POST without a body is not sent twice', async () => {
    const server = await raw(dying);
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const exchange = await Recorder.send(backend, request({ method: 'POST' })).finished();
    expect(exchange.error?.code).toMatch(/^backend_(closed|reset)$/);
    expect(exchange.error?.retryable).toBe(false);
    expect(server.connections).toHaveLength(1);
  });

  it('a body that has begun is not sent twice', async () => {
    const server = await raw(dying);
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const exchange = Recorder.send(backend, upload(5));
    exchange.leg.write(text('he'), false);
    await exchange.finished();
    expect(exchange.error?.code).toMatch(/^backend_(closed|reset)$/);
    expect(server.connections).toHaveLength(1);
  });

  it('a fresh connection that dies is an error, and the retry happens once', async () => {
    const server = await raw((connection, index) => {
      void connection.heads(1).then(() => (index === 0 ? connection.send(OK) : connection.socket.destroy()));
      void connection.heads(2).then(() => connection.socket.destroy());
    });
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const exchange = await Recorder.send(backend, request()).finished();
    expect(exchange.error?.code).toMatch(/^backend_(closed|reset)$/);
    expect(exchange.error?.text).toContain('before responding');
    expect(server.connections).toHaveLength(2);
  });
});

describe('failures', () => {
  it('killed in the middle of a body: error, never a clean end', async () => {
    const server = await raw(connection => {
      void connection.heads().then(() => {
        connection.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
        connection.socket.end();
      });
    });
    const exchange = await Recorder.send(client(server), request()).finished();
    expect(exchange.log).toEqual(['assigned', 'response 200', 'body 4', 'error backend_closed']);
  });

  it('reset in the middle of a body that ends with the connection: error', async () => {
    const server = await raw(connection => {
      void connection.heads().then(() => connection.send('HTTP/1.1 200 OK\r\n\r\nhalf'));
    });
    const exchange = Recorder.send(client(server), request());
    await eventually(() => exchange.body === 'half', 'half');
    server.connections[0]!.socket.resetAndDestroy();
    await exchange.finished();
    expect(exchange.error?.code).toBe('backend_reset');
  });

  it('localhost: both loopback addresses are tried and named', async () => {
    const server = await raw();
    const { port } = server;
    await server.close();
    open.length = 0;
    const exchange = await Recorder.send(client(`http://localhost:${port}`), request()).finished();
    expect(exchange.error?.code).toBe('backend_refused');
    expect(exchange.error?.text).toMatch(new RegExp(`^127\\.0\\.0\\.1:${port}.* refused \\(is the app running\\?\\)$`));
    expect(exchange.error?.retryable).toBe(true);
  });

  it('localhost finds a backend on ::1 only', async context => {
    const server = new RawBackend(answering(OK));
    try {
      await server.listen('::1');
    } catch {
      context.skip('this machine has no IPv6 loopback');
      return;
    }
    open.push(server);
    const exchange = await Recorder.send(client(`http://localhost:${server.port}`), request()).finished();
    expect(exchange.body).toBe('ok');
  });

  it('never dials a forbidden address, literal or resolved', async () => {
    const server = await raw(answering(OK));
    const forbidden = (_: string, port: number): boolean => port === server.port;
    for (const host of ['127.0.0.1', 'localhost']) {
      const exchange = await Recorder.send(
        client(`http://${host}:${server.port}`, { forbidden }),
        request(),
      ).finished();
      expect(exchange.error?.code).toBe('admin_target');
    }
    expect(server.connections).toHaveLength(0);
  });

  it('an unresolvable name says so', async () => {
    const exchange = await Recorder.send(client('http://no-such-host.invalid'), request()).finished();
    expect(exchange.error?.code).toBe('backend_unreachable');
    expect(exchange.error?.text).toContain('no-such-host.invalid');
  });
});
