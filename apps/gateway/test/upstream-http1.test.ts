/** The HTTP/1.1 client: requests as octets, connections used again, responses that come early. */
import { describe, expect, it } from 'vitest';
import { simulateTime } from './support/simulated-time.ts';
import { answering, client, OK, raw } from './upstream-http1-kit.ts';
import { CANCELLED, eventually, Recorder, request, text, upload } from './upstream-kit.ts';

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
    exchange.leg.trailers({ fields: ['x-sum', '7', 'content-length', '9', 'x-bad', 'a\r\nb'], sensitive: null });
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
    exchange.leg.trailers({ fields: ['x-t', '1'], sensitive: null });
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
    exchange.leg.trailers({ fields: [], sensitive: null });
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
    exchange.leg.cancel(CANCELLED);
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
    // No time passes.
    using _ = simulateTime();
    const exchange = Recorder.send(client(server), upload());
    while (exchange.error === null) {
      exchange.leg.write(new Uint8Array(32768), false);
      await new Promise(resolve => setImmediate(resolve));
    }
    expect(exchange.error).toMatchObject({ code: 'backend_reset', retryable: false });
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
