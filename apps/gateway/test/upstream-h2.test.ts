/** The HTTP/2 client against an independent server. */
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { H2Pool } from '../src/upstream/h2/pool.ts';
import { client, node, open } from './upstream-h2-server-kit.ts';
import { CANCELLED, eventually, Recorder, request, text, upload } from './upstream-kit.ts';

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
    exchange.leg.trailers({ fields: ['x-sum', '9'], sensitive: null });
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
