import { afterEach, describe, expect, it } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { createBackend } from '../src/upstream/backend.ts';
import type { UpstreamOptions } from '../src/upstream/options.ts';
import { eventually, RawBackend, type RawConnection, Recorder, request, text, upload } from './upstream-kit.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close();
});

async function raw(script?: (connection: RawConnection, index: number) => void): Promise<RawBackend> {
  const server = await new RawBackend(script).listen();
  open.push(server);
  return server;
}

function client(server: RawBackend | string, options: UpstreamOptions = {}): Backend {
  const backend = createBackend(typeof server === 'string' ? server : server.url, options);
  open.push({ close: () => backend.close(0) });
  return backend;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Answers every request head with the same octets. */
function answering(response: string): (connection: RawConnection) => Promise<void> {
  return async connection => {
    for (let count = 1; ; count++) {
      await connection.heads(count);
      if (connection.closed) return;
      connection.send(response);
    }
  };
}

describe('request as octets (D29: only our own framing)', () => {
  it('writes request line, one Host from the authority, fields as given', async () => {
    const server = await raw(answering(OK));
    const exchange = Recorder.send(
      client(server),
      request({ path: '/a?b=c', fields: ['accept', '*/*', 'x-a', 'caf\u00e9'] }),
    );
    await exchange.finished();
    expect(server.connections[0]!.received).toBe(
      'GET /a?b=c HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\nx-a: caf\u00e9\r\n\r\n',
    );
    expect(exchange.log).toEqual(['assigned', 'response 200', 'body 2 end']);
    expect(exchange.leg.connectionId).toBeGreaterThan(0);
    expect(exchange.leg.streamId).toBe(1);
  });

  it('drops framing, connection and host fields that slipped into the message', async () => {
    const server = await raw(answering(OK));
    const fields = [
      'host',
      'evil',
      'content-length',
      '5',
      'transfer-encoding',
      'chunked',
      'connection',
      'x',
      'upgrade',
      'h2c',
    ];
    await Recorder.send(
      client(server),
      request({ fields: [...fields, 'http2-settings', 'AAA', 'keep-alive', '1'] }),
    ).finished();
    expect(server.connections[0]!.received).toBe('GET / HTTP/1.1\r\nhost: example.com\r\n\r\n');
  });

  it.each([
    ['CRLF in a value', request({ fields: ['x', 'a\r\nevil: 1'] })],
    ['a code point that would be cut to CR', request({ fields: ['x', 'a\u010db'] })],
    ['NUL in a value', request({ fields: ['x', 'a\0b'] })],
    ['a space in a name', request({ fields: ['x y', 'a'] })],
    ['a space in the path', request({ path: '/a HTTP/1.1' })],
    ['CRLF in the authority', request({ authority: 'a\r\nb: c' })],
    ['a method that is no token', request({ method: 'GET /' })],
  ])('refuses %s and keeps the connection', async (_, message) => {
    const server = await raw(answering(OK));
    const backend = client(server);
    const refused = await Recorder.send(backend, message).finished();
    expect(refused.error?.code).toBe('request_rejected');
    const next = await Recorder.send(backend, request()).finished();
    expect(next.status).toBe(200);
    expect(server.connections).toHaveLength(1);
    expect(server.connections[0]!.received).toBe('GET / HTTP/1.1\r\nhost: example.com\r\n\r\n');
  });

  it('repeated and changed values are each written as given, and each is checked', async () => {
    const server = await raw(answering(OK));
    const backend = client(server);
    const values = ['one', 'one', 'two', 'one', 'x'.repeat(600), 'one'];
    for (const value of values) await Recorder.send(backend, request({ fields: ['x-value', value] })).finished();
    const bad = await Recorder.send(backend, request({ fields: ['x-value', 'o\rne'] })).finished();
    expect(bad.error?.code).toBe('request_rejected');
    const written = [...server.connections[0]!.received.matchAll(/x-value: (.*)\r\n/g)].map(match => match[1]);
    expect(written).toEqual(values);
  });

  it('says content-length: 0 for POST without a body, nothing for GET (RFC 9110 8.6)', async () => {
    const server = await raw(answering(OK));
    const backend = client(server);
    await Recorder.send(backend, request({ method: 'POST' })).finished();
    await Recorder.send(backend, request({ method: 'DELETE' })).finished();
    expect(server.connections[0]!.received).toBe(
      'POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 0\r\n\r\nDELETE / HTTP/1.1\r\nhost: example.com\r\n\r\n',
    );
  });

  it('sends a body of known length with content-length, in one segment with the head', async () => {
    const segments: string[] = [];
    const server = await raw(connection => {
      connection.socket.on('data', chunk => segments.push(String(chunk)));
      void connection.until('hello').then(() => connection.send(OK));
    });
    const exchange = Recorder.send(client(server), upload(5));
    exchange.leg.write(text('hello'), true);
    await exchange.finished();
    expect(segments).toEqual(['POST / HTTP/1.1\r\nhost: example.com\r\ncontent-length: 5\r\n\r\nhello']);
  });

  it('D24: GET with a body is framed explicitly', async () => {
    const server = await raw(connection => void connection.until('0\r\n\r\n').then(() => connection.send(OK)));
    const exchange = Recorder.send(client(server), request({ hasBody: true }));
    exchange.leg.write(text('abc'), true);
    await exchange.finished();
    expect(server.connections[0]!.received).toBe(
      'GET / HTTP/1.1\r\nhost: example.com\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    );
  });

  it('sends a body of unknown length in chunks, one per turn, and trailers after it', async () => {
    const server = await raw(connection => void connection.until('x-sum').then(() => connection.send(OK)));
    const exchange = Recorder.send(client(server), upload());
    exchange.leg.write(text('abc'), false);
    exchange.leg.write(text('def'), false);
    await (await server.connection()).until('abcdef\r\n');
    exchange.leg.write(text('g'), false);
    exchange.leg.trailers(['x-sum', '7', 'content-length', '9', 'x-bad', 'a\r\nb']);
    await exchange.finished();
    expect(server.connections[0]!.received.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
      '6\r\nabcdef\r\n1\r\ng\r\n0\r\nx-sum: 7\r\n\r\n',
    );
  });

  it('names te in Connection when it sends TE (RFC 9110 10.1.4)', async () => {
    const server = await raw(answering(OK));
    await Recorder.send(client(server), request({ fields: ['te', 'trailers'] })).finished();
    expect(server.connections[0]!.received).toContain('te: trailers\r\nconnection: te\r\n');
  });

  it('uses chunks for announced trailers even when the length is known', async () => {
    const server = await raw(connection => void connection.until('x-t: 1').then(() => connection.send(OK)));
    const exchange = Recorder.send(client(server), upload(3, { fields: ['trailer', 'x-t'] }));
    exchange.leg.write(text('abc'), false);
    exchange.leg.trailers(['x-t', '1']);
    await exchange.finished();
    expect(server.connections[0]!.received).not.toContain('content-length');
  });

  it.each([
    ['D1 above', 3, 'abcd', false],
    ['D2 below', 5, 'abcd', true],
  ])('%s the announced content-length: the backend connection is discarded', async (_, length, body, end) => {
    const server = await raw();
    const exchange = Recorder.send(client(server), upload(length));
    const connection = await server.connection();
    await connection.heads();
    exchange.leg.write(text(body), end);
    await exchange.finished();
    expect(exchange.error?.code).toBe('client_protocol_error');
    await connection.gone();
    expect(connection.received).not.toContain('d');
  });

  it('D4: trailers before the announced length discard the connection', async () => {
    const server = await raw();
    const exchange = Recorder.send(client(server), upload(5));
    exchange.leg.write(text('abc'), false);
    exchange.leg.trailers([]);
    await exchange.finished();
    expect(exchange.error?.code).toBe('client_protocol_error');
  });
});

describe('keep-alive and reuse (RFC 9112 9.3)', () => {
  it('uses one connection for exchanges one after another and numbers them', async () => {
    const server = await raw(answering(OK));
    const backend = client(server);
    for (let i = 1; i <= 5; i++) {
      const exchange = await Recorder.send(backend, request()).finished();
      expect(exchange.leg.streamId).toBe(i);
    }
    expect(server.connections).toHaveLength(1);
  });

  it.each([
    ['connection: close', 'HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['keep-alive: timeout=1', 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=3\r\ncontent-length: 2\r\n\r\nok'],
  ])('does not reuse after %s', async (_, response) => {
    const server = await raw(answering(response));
    const backend = client(server);
    for (let i = 0; i < 2; i++) expect((await Recorder.send(backend, request()).finished()).body).toBe('ok');
    expect(server.connections).toHaveLength(2);
    await server.connections[0]!.gone();
  });

  it('reuses HTTP/1.0 with connection: keep-alive', async () => {
    const server = await raw(answering('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok'));
    const backend = client(server);
    for (let i = 0; i < 2; i++) await Recorder.send(backend, request()).finished();
    expect(server.connections).toHaveLength(1);
  });

  it('closes an idle connection after its time', async () => {
    const server = await raw(answering(OK));
    const backend = client(server, { keepAliveTimeoutMs: 40 });
    await Recorder.send(backend, request()).finished();
    await server.connections[0]!.gone();
    await Recorder.send(backend, request()).finished();
    expect(server.connections).toHaveLength(2);
  });

  it('uses the idle connection that was used last', async () => {
    const server = await raw(answering(OK));
    const backend = client(server);
    const pair = [Recorder.send(backend, request()), Recorder.send(backend, request())];
    await Promise.all(pair.map(exchange => exchange.finished()));
    expect(server.connections).toHaveLength(2);
    const third = await Recorder.send(backend, request()).finished();
    const fourth = await Recorder.send(backend, request()).finished();
    expect(fourth.leg.connectionId).toBe(third.leg.connectionId);
  });

  it('D23: octets on an idle connection destroy it', async () => {
    const server = await raw(answering(OK));
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    server.connections[0]!.send('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison');
    await server.connections[0]!.gone();
    const next = await Recorder.send(backend, request()).finished();
    expect(next.body).toBe('ok');
    expect(server.connections).toHaveLength(2);
  });

  it('cancelling before the head went out keeps the connection', async () => {
    const server = await raw(answering(OK));
    const backend = client(server);
    await Recorder.send(backend, request()).finished();
    const given = Recorder.send(backend, request({ path: '/given-up' }));
    given.leg.cancel({ code: 'client_reset', text: '', status: 499, h2Code: 8, retryable: false, rule: '', rfc: '' });
    await Recorder.send(backend, request()).finished();
    expect(server.connections).toHaveLength(1);
    expect(server.connections[0]!.received).not.toContain('given-up');
    expect(given.log).toEqual([]);
  });

  it('cancelling later destroys the connection', async () => {
    const server = await raw();
    const exchange = Recorder.send(client(server), request());
    const connection = await server.connection();
    await connection.heads();
    exchange.leg.cancel({
      code: 'client_reset',
      text: '',
      status: 499,
      h2Code: 8,
      retryable: false,
      rule: '',
      rfc: '',
    });
    await connection.gone();
    await exchange.settled.promise;
    expect(exchange.log).toEqual(['assigned', 'settled']);
  });
});

describe('early responses (D21, D30)', () => {
  it.each([
    [
      'a final response to Expect before the body',
      ['expect', '100-continue'],
      'HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n',
    ],
    ['a response before the body is complete', [], 'HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno'],
    [
      'a chunked response before the body is complete',
      [],
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    ],
  ])('%s is delivered, the upload stopped, the connection not reused', async (_, fields, response) => {
    const server = await raw((connection, index) => {
      void connection.heads().then(() => connection.send(index === 0 ? response : OK));
    });
    const backend = client(server);
    const exchange = Recorder.send(backend, upload(100, { fields }));
    await exchange.finished();
    expect(exchange.error).toBeNull();
    expect(exchange.stopped).toBe(true);
    expect(exchange.leg.write(text('late'), false)).toBe(true);
    await server.connections[0]!.gone();
    expect(server.connections[0]!.received).not.toContain('late');
    expect((await Recorder.send(backend, request()).finished()).body).toBe('ok');
    expect(server.connections).toHaveLength(2);
  });

  it('a response that goes on while the request is sent does not stop the upload', async () => {
    const server = await raw(connection => {
      void connection.heads().then(() => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab'));
      void connection.until('tail').then(() => connection.send('cd'));
    });
    const backend = client(server);
    const exchange = Recorder.send(backend, upload());
    await exchange.responded.promise;
    exchange.leg.write(text('tail'), true);
    await exchange.finished();
    expect(exchange.body).toBe('abcd');
    expect(exchange.stopped).toBe(false);
    await Recorder.send(backend, request());
    expect(server.connections).toHaveLength(1);
  });

  it('an answer before a reset is not lost, however much is being uploaded', async () => {
    const server = await raw(connection => {
      void connection.heads().then(() => {
        connection.send('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno');
        // With octets unread, closing sends a reset, and our next write fails.
        connection.socket.destroySoon();
      });
    });
    const backend = client(server);
    for (let round = 0; round < 20; round++) {
      const exchange = Recorder.send(backend, upload());
      let over = false;
      void exchange.finished().then(() => {
        over = true;
      });
      while (!over) {
        for (let count = 0; count < 4; count++) exchange.leg.write(new Uint8Array(32768), false);
        await new Promise(resolve => setImmediate(resolve));
      }
      expect(exchange.error?.text).toBeUndefined();
      expect([exchange.status, exchange.body, exchange.stopped]).toEqual([413, 'no', true]);
    }
  });

  it('a reset without an answer is an error without delay', async () => {
    const server = await raw(connection => void connection.heads().then(() => connection.socket.resetAndDestroy()));
    const exchange = Recorder.send(client(server), upload());
    const begun = performance.now();
    while (exchange.error === null) {
      exchange.leg.write(new Uint8Array(32768), false);
      await new Promise(resolve => setImmediate(resolve));
    }
    expect(exchange.error).toMatchObject({ code: 'backend_reset', retryable: false });
    expect(performance.now() - begun).toBeLessThan(900);
  });

  it('relays 100 and other informational responses', async () => {
    const server = await raw(connection => {
      void connection
        .heads()
        .then(() => connection.send('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'));
      void connection.until('body').then(() => connection.send(OK));
    });
    const exchange = Recorder.send(client(server), upload(4, { fields: ['expect', '100-continue'] }));
    await eventually(() => exchange.log.includes('informational 103'), '103');
    exchange.leg.write(text('body'), true);
    await exchange.finished();
    expect(exchange.log).toEqual(['assigned', 'informational 100', 'informational 103', 'response 200', 'body 2 end']);
  });
});

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

describe('limits and timeouts', () => {
  it('queues above maxConnections, in order, and refuses above maxQueued', async () => {
    const server = await raw();
    const backend = client(server, { maxConnections: 1, maxQueued: 1 });
    const first = Recorder.send(backend, request({ path: '/1' }));
    const connection = await server.connection();
    await connection.heads(1);
    const second = Recorder.send(backend, request({ path: '/2' }));
    const third = await Recorder.send(backend, request({ path: '/3' })).finished();
    expect(third.error?.code).toBe('backend_queue_full');
    expect(third.error?.retryable).toBe(true);
    connection.send(OK);
    await first.finished();
    await connection.heads(2);
    connection.send(OK);
    await second.finished();
    expect(server.connections).toHaveLength(1);
  });

  it('gives up waiting in the queue', async () => {
    const server = await raw();
    const backend = client(server, { maxConnections: 1, queueTimeoutMs: 40 });
    Recorder.send(backend, request());
    await (await server.connection()).heads();
    const exchange = await Recorder.send(backend, request()).finished();
    expect(exchange.error?.code).toBe('backend_queue_timeout');
  });

  it('a cancelled waiter leaves the queue', async () => {
    const server = await raw(answering(OK));
    const backend = client(server, { maxConnections: 1, maxQueued: 1 });
    const first = Recorder.send(backend, request());
    const waiter = Recorder.send(backend, request({ path: '/waiter' }));
    waiter.leg.cancel({ code: 'client_reset', text: '', status: 499, h2Code: 8, retryable: false, rule: '', rfc: '' });
    const third = Recorder.send(backend, request({ path: '/third' }));
    await Promise.all([first.finished(), third.finished()]);
    expect(server.connections[0]!.received).not.toContain('/waiter');
  });

  it('times out before the first byte', async () => {
    const server = await raw();
    const exchange = await Recorder.send(client(server, { firstByteTimeoutMs: 40 }), request()).finished();
    expect(exchange.error).toMatchObject({ code: 'backend_first_byte_timeout', status: 504, retryable: false });
    await server.connections[0]!.gone();
  });

  it('does not hold a slow client upload against the backend', async () => {
    const server = await raw(connection => void connection.until('late').then(() => connection.send(OK)));
    const exchange = Recorder.send(client(server, { firstByteTimeoutMs: 30, bodyIdleTimeoutMs: 30 }), upload(4));
    await new Promise(resolve => setTimeout(resolve, 120));
    exchange.leg.write(text('late'), true);
    expect((await exchange.finished()).status).toBe(200);
  });

  it('times out on a body that stops', async () => {
    const server = await raw(connection => {
      void connection.heads().then(() => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'));
    });
    const exchange = await Recorder.send(client(server, { bodyIdleTimeoutMs: 40 }), request()).finished();
    expect(exchange.log).toEqual(['assigned', 'response 200', 'body 4', 'error backend_idle_timeout']);
  });

  it('times out on a backend that does not read the request', async () => {
    const server = await raw(connection => connection.socket.pause());
    const exchange = Recorder.send(client(server, { bodyIdleTimeoutMs: 60 }), upload());
    const chunk = new Uint8Array(65536);
    while (exchange.error === null) {
      const before = exchange.writable;
      while (exchange.error === null && exchange.leg.write(chunk, false));
      await eventually(() => exchange.writable > before || exchange.error !== null, 'room or the timeout');
    }
    expect(exchange.error).toMatchObject({ code: 'backend_idle_timeout', status: 504 });
    expect(exchange.error.text).toContain('took no request octets');
  });

  it('times out on connecting', async () => {
    // TEST-NET-1 (RFC 5737) is never routed; a machine that answers for it at once gives another dial failure.
    const exchange = await Recorder.send(client('http://192.0.2.1:81', { connectTimeoutMs: 50 }), request()).finished();
    expect(['backend_connect_timeout', 'backend_unreachable', 'backend_refused']).toContain(exchange.error?.code);
  });

  it('a stalled reader does not count as a silent backend', async () => {
    const server = await raw(connection => {
      void connection
        .heads()
        .then(() => connection.send(`HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n${'x'.repeat(300000)}`));
    });
    const exchange = Recorder.send(
      client(server, { bodyIdleTimeoutMs: 40, receiveHighWaterBytes: 65536 }),
      request(),
      true,
    );
    await eventually(() => exchange.withheld >= 65536, 'stall');
    await new Promise(resolve => setTimeout(resolve, 120));
    exchange.resume();
    await exchange.finished();
    expect(exchange.bodyBytes).toBe(300000);
  });
});

describe('backpressure', () => {
  it('a stalled reader bounds what is read, and resuming delivers everything', async () => {
    const total = 8 * 1024 * 1024;
    const server = await raw(connection => {
      void connection.heads().then(() => {
        connection.send(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
        connection.send(Buffer.alloc(total, 'x'));
      });
    });
    const exchange = Recorder.send(client(server, { receiveHighWaterBytes: 131072 }), request(), true);
    await eventually(() => exchange.withheld >= 131072, 'stall');
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(exchange.withheld).toBeLessThanOrEqual(131072 + 65536);
    exchange.resume();
    await exchange.finished();
    expect(exchange.bodyBytes).toBe(total);
  });

  it('a backend that does not read makes write answer false, and onWritable follows', async () => {
    const server = await raw(connection => connection.socket.pause());
    const exchange = Recorder.send(client(server), upload());
    await server.connection();
    let written = 0;
    const chunk = new Uint8Array(65536).fill(0x61);
    while (written < 64 * 1024 * 1024) {
      written += chunk.length;
      if (!exchange.leg.write(chunk, false)) {
        const before = exchange.writable;
        await new Promise(resolve => setTimeout(resolve, 30));
        if (exchange.writable === before) break;
      }
    }
    expect(written).toBeLessThan(64 * 1024 * 1024);
    server.connections[0]!.socket.resume();
    const before = exchange.writable;
    await eventually(() => exchange.writable > before, 'writable');
    exchange.leg.write(text('end'), true);
    await server.connections[0]!.until('0\r\n\r\n');
    server.connections[0]!.send(OK);
    await exchange.finished();
    expect(exchange.status).toBe(200);
  });

  it('holds back a body while no connection is there, and says when there is room', async () => {
    const server = await raw();
    const backend = client(server, { maxConnections: 1 });
    const first = Recorder.send(backend, request());
    const connection = await server.connection();
    await connection.heads();
    const second = Recorder.send(backend, upload());
    let accepted = 0;
    while (second.leg.write(new Uint8Array(65536), false)) accepted += 65536;
    expect(accepted).toBeLessThanOrEqual(262144);
    connection.send(OK);
    await first.finished();
    await eventually(() => second.writable === 1, 'writable');
  });
});

describe('close', () => {
  it('lets a busy exchange finish, refuses new ones, closes idle connections', async () => {
    const server = await raw();
    const backend = client(server);
    const idle = Recorder.send(backend, request());
    const busy = Recorder.send(backend, request());
    const [one, two] = [await server.connection(0), await server.connection(1)];
    await Promise.all([one.heads(), two.heads()]);
    one.send(OK);
    await idle.finished();
    const closed = backend.close(5000);
    await one.gone();
    expect((await Recorder.send(backend, request()).finished()).error?.code).toBe('shutting_down');
    two.send(OK);
    await busy.finished();
    expect(busy.body).toBe('ok');
    await closed;
  });

  it('cuts at the deadline', async () => {
    const server = await raw();
    const backend = client(server);
    const busy = Recorder.send(backend, request());
    await (await server.connection()).heads();
    await backend.close(30);
    expect(busy.error?.code).toBe('shutting_down');
  });
});
