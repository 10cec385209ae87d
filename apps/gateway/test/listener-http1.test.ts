import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { reason } from '../src/exchange/reason.ts';
import { Http1Connection } from '../src/listener/http1-connection.ts';
import type { ListenersOptions } from '../src/listener/listeners.ts';
import { itWith, run } from './support/peers.ts';
import { rawClient } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';
import { simulateTime } from './support/simulated-time.ts';

let harness: Harness;

async function start(behaviour: Behaviour, limits: NonNullable<ListenersOptions['limits']> = {}): Promise<number> {
  harness = await Harness.start(behaviour, { limits });
  return harness.port;
}

afterEach(() => harness.stop());

const ok: Behaviour = exchange => exchange.answer(200, 'hello', ['content-length', '5', 'content-type', 'text/plain']);

describe('RFC 9112: requests', () => {
  it('reach the exchange with lower-case names, order and duplicates kept, and no framing fields', async () => {
    const port = await start(exchange => {
      exchange.hooks.onBody = (_, end) => end && ok(exchange);
    });
    const client = await rawClient(port);
    client.send('POST /a?b=1 HTTP/1.1\r\nHost: EXAMPLE.com:80\r\nX-A: 1\r\nContent-Length: 3\r\nx-a: 2\r\n\r\nabc');
    await client.untilText('hello');
    const { request, body, leg } = await harness.request();
    expect(request).toEqual({
      method: 'POST',
      scheme: 'http',
      authority: 'EXAMPLE.com:80',
      path: '/a?b=1',
      fields: ['x-a', '1', 'x-a', '2'],
      sensitive: null,
      hasBody: true,
      contentLength: 3,
      protocol: '',
    });
    expect(body.toString()).toBe('abc');
    expect(leg.facts).toMatchObject({ address: '127.0.0.1', protocol: 'http/1.1', tls: false, streamId: 1 });
    client.close();
  });

  it('keep the connection and are numbered on it', async () => {
    const client = await rawClient(await start(ok));
    for (let i = 1; i <= 3; i++) {
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(`response ${i}`, () => client.text.split('hello').length === i + 1);
    }
    expect(harness.exchanges.map(({ leg }) => leg.facts.streamId)).toEqual([1, 2, 3]);
    expect(new Set(harness.exchanges.map(({ leg }) => leg.facts.connectionId)).size).toBe(1);
    expect(harness.exchanges.every(({ finished }) => finished === 1)).toBe(true);
    client.close();
  });

  it('that are pipelined are served one after the other, in order', async () => {
    const client = await rawClient(await start(() => {}));
    client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    const first = await harness.request(1);
    expect(harness.exchanges).toHaveLength(1);
    first.answer(200, 'one', ['content-length', '3']);
    const second = await harness.request(2);
    second.answer(200, 'two', ['content-length', '3']);
    const text = await client.untilText('two');
    expect(text.indexOf('one')).toBeLessThan(text.indexOf('two'));
    client.close();
  });

  it('that are pipelined without end stay in the client, not in the memory', async () => {
    const read = vi.spyOn(Http1Connection.prototype, 'onRequest');
    const client = await rawClient(await start(() => {}, { maxPipelined: 2 }));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100_000));
    await harness.request();
    let before = 0;
    const isStill = () => {
      const last = before;
      before = read.mock.calls.length;
      return before === last;
    };
    await expect.poll(isStill, { interval: 250 }).toBe(true);
    // What came in one read from the socket was parsed, and nothing after it.
    expect(before).toBeLessThan(10_000);
    read.mockRestore();
    for (let i = 1; i <= 3; i++) (await harness.request(i)).answer(200, '');
    const text = await client.untilEnd();
    expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(3);
  });

  it('that are pipelined beyond the limit end the connection after those before were answered', async () => {
    const port = await start(() => {}, { maxPipelined: 2 });
    const client = await rawClient(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5));
    for (let i = 1; i <= 3; i++) (await harness.request(i)).answer(200, '');
    const text = await client.untilEnd();
    expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(3);
    expect(text.match(/Connection: close/gi)).toHaveLength(1);
    expect(harness.exchanges).toHaveLength(3);
  });

  it('RFC 6585 5: with more trailers than fields are allowed are refused, and the connection closed', async () => {
    const client = await rawClient(await start(() => {}, { maxHeaderFields: 2 }));
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const exchange = await harness.request();
    client.send('1\r\nx\r\n0\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 431 .*3 trailers, at most 2 are allowed/s);
    expect(exchange.aborted).toMatchObject({ code: 'request_too_large', rule: 'http1.fields' });
    expect(exchange.trailers).toBeNull();
    expect(harness.exchanges).toHaveLength(1);
  });

  it('with a chunked body and trailers arrive in pieces', async () => {
    const client = await rawClient(await start(() => {}));
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n');
    const exchange = await harness.request();
    await harness.until('the first chunk', () => exchange.body.length === 3);
    expect(exchange.complete).toBe(false);
    expect(exchange.request.contentLength).toBe(-1);
    client.send('2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n');
    await harness.until('the end', () => exchange.complete);
    expect(exchange.body.toString()).toBe('abcde');
    expect(exchange.trailers).toEqual(['x-sum', '5']);
    exchange.answer(204, '');
    expect(await client.untilText('\r\n\r\n')).not.toMatch(/content-length|transfer-encoding/i);
    client.close();
  });

  it('in absolute-form name the same origin as Host; their path is taken', async () => {
    const client = await rawClient(await start(ok));
    client.send('GET http://A.example/x?y HTTP/1.1\r\nHost: a.example:80\r\n\r\n');
    await client.untilText('hello');
    client.send('OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n');
    const second = await harness.request(2);
    expect(harness.exchanges[0]!.request).toMatchObject({ authority: 'A.example', path: '/x?y' });
    expect(second.request).toMatchObject({ method: 'OPTIONS', path: '*' });
    client.close();
  });

  it('keep every field line, also beyond the number at which Node by itself drops them', async () => {
    const client = await rawClient(await start(ok, { maxHeaderFields: 3000 }));
    const lines = Array.from({ length: 2500 }, (_, i) => `x: ${i}\r\n`).join('');
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    expect((await harness.request()).request.fields).toHaveLength(5000);
    client.close();
  });

  it('of HTTP/1.0 are answered without chunks and the connection is closed', async () => {
    const port = await start(exchange => {
      exchange.leg.inform({ status: 103, fields: ['link', '</a>'], sensitive: null });
      exchange.leg.respond({ status: 200, fields: [], sensitive: null }, false);
      exchange.leg.write(Buffer.from('abc'), false);
      exchange.leg.trailers({ fields: ['x-t', '1'], sensitive: null });
    });
    const client = await rawClient(port);
    client.send('GET / HTTP/1.0\r\n\r\n');
    const text = await client.untilEnd();
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(text).toMatch(/\r\n\r\nabc$/);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(harness.exchanges[0]!.leg.facts.protocol).toBe('http/1.0');
    expect(harness.exchanges[0]!.request.authority).toBe('');
  });
});

describe('RFC 9112: responses', () => {
  it('are chunked without a length, with trailers, and 1xx before them', async () => {
    const port = await start(({ leg }) => {
      leg.inform({ status: 103, fields: ['link', '</a.css>; rel=preload', 'link', '</b.js>'], sensitive: null });
      leg.inform({ status: 101, fields: [], sensitive: null });
      leg.respond({ status: 200, fields: ['set-cookie', 'a=1', 'set-cookie', 'b=2'], sensitive: null }, false);
      leg.write(Buffer.from('abc'), false);
      leg.trailers({ fields: ['grpc-status', '0'], sensitive: null });
    });
    const client = await rawClient(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const text = await client.untilText('grpc-status: 0\r\n\r\n');
    expect(text).toContain(
      'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>\r\n\r\nHTTP/1.1 200 OK',
    );
    expect(text).not.toContain('101');
    expect(text).toContain('set-cookie: a=1\r\nset-cookie: b=2\r\n');
    expect(text).toContain('\r\n\r\n3\r\nabc\r\n0\r\ngrpc-status: 0\r\n\r\n');
    client.close();
  });

  it('to HEAD, 204 and 304 have no body and no invented length', async () => {
    const port = await start(exchange => {
      const { method, path } = exchange.request;
      if (method === 'HEAD')
        exchange.leg.respond({ status: 200, fields: ['content-length', '9'], sensitive: null }, true);
      else exchange.answer(Number(path.slice(1)), '', path === '/204' ? ['content-length', '0'] : []);
    });
    const client = await rawClient(port);
    client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\n');
    client.send('GET /304 HTTP/1.1\r\nHost: a\r\n\r\nGET /200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const heads = (await client.untilEnd()).split('\r\n\r\n');
    expect(heads).toHaveLength(5);
    expect(heads[0]).toMatch(/200 OK.*content-length: 9/s);
    expect(heads[1]).toMatch(/204 No Content/);
    expect(heads[1]).not.toMatch(/content-length|transfer-encoding/i);
    expect(heads[2]).not.toMatch(/content-length|transfer-encoding/i);
    expect(heads[3]).toMatch(/200 OK.*content-length: 0/s);
  });

  it('announce trailers only where they can be carried, and then in chunks', async () => {
    const port = await start(({ leg, request }) => {
      const end = request.path === '/end';
      const fields = ['trailer', 'x-t', ...(end ? [] : ['content-length', '2'])];
      leg.respond({ status: 200, fields, sensitive: null }, end || request.method === 'HEAD');
      leg.write(Buffer.from('ok'), false);
      leg.trailers({ fields: ['x-t', '1'], sensitive: null });
    });
    const client = await rawClient(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.untilText('\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n')).toMatch(/trailer: x-t\r\n.*chunked/is);
    client.close();
    for (const request of ['GET / HTTP/1.0', 'HEAD / HTTP/1.1', 'GET /end HTTP/1.1']) {
      const other = await rawClient(port);
      other.send(`${request}\r\nHost: a\r\n\r\n`);
      expect(await other.untilText('\r\n\r\n')).not.toMatch(/trailer|chunked/i);
      other.close();
    }
  });

  it('begin before their body is there', async () => {
    const client = await rawClient(
      await start(({ leg }) => leg.respond({ status: 200, fields: [], sensitive: null }, false)),
    );
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.untilText('HTTP/1.1 200 OK');
    client.close();
  });

  it('that are reset end in a TCP reset, so that nobody takes them for complete', async () => {
    const port = await start(({ leg }) => {
      leg.respond({ status: 200, fields: [], sensitive: null }, false);
      leg.write(Buffer.from('half'), false);
    });
    const client = await rawClient(port);
    client.send('GET / HTTP/1.0\r\n\r\n');
    await client.untilText('half');
    harness.exchanges[0]!.leg.reset(reason('backend_reset', 'gone'));
    await client.untilEnd();
    expect(client.wasReset).toBe(true);
    expect(harness.exchanges[0]!.finished).toBe(1);
  });
});

describe('RFC 9110 10.1.1: Expect', () => {
  const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n';

  it('100-continue waits for the exchange', async () => {
    const client = await rawClient(await start(() => {}));
    client.send(HEAD);
    const exchange = await harness.request();
    expect(exchange.field('expect')).toBe('100-continue');
    expect(client.text).toBe('');
    exchange.leg.inform({ status: 100, fields: [], sensitive: null });
    expect(await client.untilText('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    await harness.until('the body', () => exchange.complete);
    exchange.answer(200, '');
    expect(await client.untilText('200 OK')).not.toMatch(/connection: close/i);
    client.close();
  });

  it('D21: with an early final response the connection closes, since the body may or may not follow', async () => {
    const client = await rawClient(await start(exchange => exchange.answer(403, 'no', ['content-length', '2'])));
    client.send(HEAD);
    expect(await client.untilEnd()).toMatch(/403 Forbidden.*connection: close.*no$/is);
  });
});

describe('the two ends of an exchange', () => {
  it('a client that disconnects aborts it', async () => {
    const client = await rawClient(await start(() => {}));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const exchange = await harness.request();
    client.close();
    await harness.until('the abort', () => exchange.aborted !== null);
    expect(exchange.aborted?.code).toBe('client_closed');
    expect(exchange.leg.write(Buffer.from('x'), true)).toBe(true);
  });

  it('a client that disconnects in its body aborts it', async () => {
    const client = await rawClient(await start(() => {}));
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    const exchange = await harness.request();
    await harness.until('the body', () => exchange.body.length === 3);
    client.close();
    await harness.until('the abort', () => exchange.aborted !== null);
    expect(exchange.complete).toBe(false);
  });

  it('octets not given back stop the client', async () => {
    const client = await rawClient(
      await start(exchange => (exchange.autoConsume = false), { bodyWindowBytes: 100_000 }),
    );
    const total = 20_000_000;
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
    client.socket.write(Buffer.alloc(total));
    const exchange = await harness.request();
    await harness.until('the window', () => exchange.body.length >= 100_000);
    // Nothing more comes however long the event loop turns: what was in flight may, up to one read.
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    const held = exchange.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    expect(held).toBeLessThan(100_000 + 2 * 65_536);
    exchange.autoConsume = true;
    exchange.leg.consumed(held);
    await harness.until('the rest', () => exchange.complete);
    exchange.answer(200, '');
    await client.untilText('200 OK');
    client.close();
  });

  it('a client that does not read stops the response', async () => {
    const client = await rawClient(await start(() => {}));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const exchange = await harness.request();
    exchange.leg.respond({ status: 200, fields: [], sensitive: null }, false);
    await client.untilText('200 OK');
    client.socket.pause();
    let written = 0;
    while (exchange.leg.write(Buffer.alloc(65_536), false)) {
      written += 65_536;
      expect(written).toBeLessThan(50_000_000);
      await new Promise(setImmediate);
    }
    client.socket.resume();
    await harness.until('room', () => exchange.writable === 1);
    exchange.leg.write(Buffer.from('end'), true);
    await harness.until('the finish', () => exchange.finished === 1);
    client.close();
  });

  it('D30: an upload nobody wants any more is dropped, and the connection kept when it ends soon', async () => {
    const client = await rawClient(await start(exchange => exchange.answer(413, 'no', ['content-length', '2'])));
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await client.untilText('no');
    const exchange = await harness.request();
    await harness.until('the finish', () => exchange.finished === 1);
    exchange.leg.reset(reason('upload_stopped', 'done'));
    client.send('defghijGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await harness.request(2)).request.path).toBe('/2');
    client.close();
  });

  it('D30: an upload that goes on for ever is cut', async () => {
    const port = await start(exchange => exchange.answer(413, 'no', ['content-length', '2']), { lingerTimeoutMs: 50 });
    const client = await rawClient(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await client.untilEnd();
    expect(client.text).toContain('413');
  });
});

describe('limits: slowloris on an HTTP server that never listens', () => {
  it('headersTimeout cuts a head that does not end', async () => {
    const port = await start(ok, { headersTimeoutMs: 150, checkIntervalMs: 30 });
    const client = await rawClient(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 408 .*client_header_timeout/s);
    expect(harness.exchanges).toHaveLength(0);
  });

  it('bodyTimeout cuts a body that does not come', async () => {
    const port = await start(() => {}, { bodyTimeoutMs: 100, checkIntervalMs: 20 });
    const client = await rawClient(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 408 .*client_body_timeout/s);
    expect(harness.exchanges[0]!.aborted?.code).toBe('client_body_timeout');
  });

  it('bodyTimeout does not count while the gateway itself holds the body back', async () => {
    using time = simulateTime();
    const limits = { bodyTimeoutMs: 60, checkIntervalMs: 10, bodyWindowBytes: 2 };
    const client = await rawClient(await start(exchange => (exchange.autoConsume = false), limits));
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    const exchange = await harness.request();
    await harness.until('the body', () => exchange.body.length === 3);
    await time.pass(200);
    expect(exchange.aborted).toBe(null);
    exchange.answer(200, '');
    await client.untilText('200 OK');
    client.close();
  });

  it('writeStallTimeout cuts a client that does not read', async () => {
    const limits = { writeStallTimeoutMs: 100, checkIntervalMs: 20 };
    const client = await rawClient(await start(() => {}, limits));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const exchange = await harness.request();
    exchange.leg.respond({ status: 200, fields: [], sensitive: null }, false);
    client.socket.pause();
    // The kernel takes a few megabytes before the socket is really full.
    const fill = (): void => {
      while (exchange.leg.write(Buffer.alloc(65_536), false));
    };
    exchange.hooks.onWritable = fill;
    fill();
    await harness.until('the abort', () => exchange.aborted !== null);
    expect(exchange.aborted?.code).toBe('client_write_timeout');
    client.close();
  });

  it('an idle connection is closed after keepAliveTimeout', async () => {
    const client = await rawClient(await start(ok, { keepAliveTimeoutMs: 100 }));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.untilText('hello');
    await client.untilEnd();
  });
});

describe('draining', () => {
  it('closes idle connections, lets the busy one finish with Connection: close', async () => {
    const port = await start(() => {});
    const idle = await rawClient(port);
    const busy = await rawClient(port);
    idle.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    (await harness.request(1)).answer(200, '');
    await idle.untilText('200 OK');
    busy.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const exchange = await harness.request(2);
    const closed = harness.listeners.close(5_000);
    await idle.untilEnd();
    exchange.answer(200, 'late', ['content-length', '4']);
    expect(await busy.untilEnd()).toMatch(/connection: close.*late$/is);
    expect(await closed).toEqual({ finished: 2, cut: [] });
  });

  it('cuts what has not finished by the deadline, and says what', async () => {
    const client = await rawClient(await start(() => {}));
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const exchange = await harness.request();
    const { connectionId } = exchange.leg.facts;
    const peer = `127.0.0.1:${client.socket.localPort}`;
    const report = await harness.listeners.close(50);
    expect(report).toEqual({
      finished: 0,
      cut: [{ connectionId, peer, protocol: 'http/1.1', openExchanges: 1 }],
    });
    await client.untilEnd();
    await harness.until('the abort', () => exchange.aborted !== null);
  });

  it('takes no new connections', async () => {
    const port = await start(ok);
    await harness.listeners.close(0);
    await expect(rawClient(port)).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('connection limits', () => {
  it('one connection above the limit of an address is closed at once', async () => {
    const port = await start(ok, { maxConnectionsPerAddress: 1 });
    const first = await rawClient(port);
    first.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await first.untilText('hello');
    await (await rawClient(port)).untilEnd();
    first.close();
    await once(first.socket, 'close');
    // The place is free again once the server has seen the close.
    await expect.poll(() => harness.listeners.connections).toBe(0);
    const second = await rawClient(port);
    second.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await second.untilText('hello');
    second.close();
  });
});

describe('peers', () => {
  itWith('curl', 'curl --http1.1', async () => {
    const url = `http://127.0.0.1:${await start(ok)}/x`;
    expect(await run('curl', '-si', '--http1.1', url)).toMatch(/HTTP\/1.1 200 OK.*hello/s);
    expect(harness.exchanges[0]!.request).toMatchObject({ method: 'GET', path: '/x', hasBody: false });
  });

  itWith('curl', 'curl --http1.0', async () => {
    const url = `http://127.0.0.1:${await start(ok)}/`;
    expect(await run('curl', '-si', '--http1.0', url)).toMatch(/200 OK.*hello/s);
  });

  itWith('curl', 'curl uploads a chunked body', async () => {
    const url = `http://127.0.0.1:${await start(exchange => {
      exchange.hooks.onBody = (_, end) => end && exchange.answer(200, `${exchange.body.length}`);
    })}/`;
    const args = ['-s', '--http1.1', '-H', 'transfer-encoding: chunked', '--data-binary', 'x'.repeat(100_000), url];
    expect(await run('curl', ...args)).toBe('100000');
  });
});
