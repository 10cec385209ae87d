import { Duplex, PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { connect } from '../src/session/client.ts';
import { ErrorCode, type H2Error, handshake, handshakeUpgraded, pair } from '../src/session/server.ts';
import { concat, GET, headers, ping, preface, settings, settingsAck, windowUpdate } from './support/frames.ts';
import { failure, join, next, serving, sockets, turn, until } from './support/session.ts';

test('a transport that fails ends the connection and is named as the cause', async () => {
  // GOA-18
  const [near, far] = await sockets();
  const { server, client } = await join([near, far]);
  const exchange = client.request({});
  const { respond } = await next(server);
  const told = new Promise<H2Error>(done => respond.onReset(done));
  const broken = new Error('cable cut');
  near.destroy(broken);
  expect((await told).cause).toBe(broken);
  const info = await server.closed;
  expect([info.cause, info.initiator, info.error?.rule]).toEqual([broken, 'remote', 'transport.closed']);
  const lost = await failure(exchange.response);
  expect([lost.rule, lost.retryable]).toEqual(['transport.closed', false]);
  expect((await client.closed).error?.rule).toBe('transport.closed');
});

test('a socket that cannot be connected fails the handshake; a server that is none fails connect', async () => {
  // PRE-04
  const { createServer, connect: dial } = await import('node:net');
  const listener = createServer(socket => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  const { port } = listener.address() as { port: number };
  const wrong = await failure(connect(dial(port, '127.0.0.1')));
  expect([wrong.rule, wrong.initiator]).toEqual(['preface.http1', 'library']);
  await new Promise(done => listener.close(done));
  const refused = await failure(connect(dial(port, '127.0.0.1')));
  expect([refused.rule, refused.retryable]).toEqual(['transport.connect', true]);
  expect((refused.cause as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
});

test('a TLS socket that fails in its handshake fails connect, with the reason', async () => {
  const { createServer } = await import('node:net');
  const { connect: dialTls } = await import('node:tls');
  const listener = createServer(socket => socket.resume().end('this is no TLS'));
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  const { port } = listener.address() as { port: number };
  const socket = dialTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
  const error = await failure(connect(socket));
  expect((error.cause as NodeJS.ErrnoException).code).toMatch(/^(ERR_SSL|EPROTO)/);
  await new Promise(done => listener.close(done));
});

test('WHATWG streams that carry something else than octets end the connection, with the reason', async () => {
  const readable = new ReadableStream({ start: controller => controller.enqueue('PRI') });
  const connection = await handshake({ readable, writable: new WritableStream() } as never);
  expect(((await connection.closed).cause as Error).message).toMatch(/does not deliver Uint8Array/);
});

test('any Duplex is a transport; one that delivers strings is refused loudly', async () => {
  const up = new PassThrough();
  const down = new PassThrough();
  const { server, client } = await join([
    Duplex.from({ readable: up, writable: down }),
    Duplex.from({ readable: down, writable: up }),
  ]);
  serving(server, ({ respond }) => respond.send({}).end('through'));
  expect(await (await client.request({}).response).body.text()).toBe('through');

  const text = new PassThrough();
  text.setEncoding('utf8');
  void handshake(text);
  expect(() => text.emit('data', 'PRI')).toThrow(/does not deliver octets/);
  text.destroy();
});

test('ends of pair() pass on the end of the other side, with what was written before it', async () => {
  const [near, far] = pair();
  const server = handshake(near);
  const heard: number[] = [];
  const over = new Promise<void>(done =>
    far.start({ received: chunk => heard.push(chunk.length), drained: () => {}, closed: () => done() }),
  );
  far.write([new TextEncoder().encode('GET / HTTP/1.1\r\n')]);
  const connection = await server;
  await over;
  expect(heard.length).toBeGreaterThan(0);
  expect(far.isWritable).toBe(true);
  far.end(() => {});
  far.destroy();
  expect(far.write([new Uint8Array(1)])).toBe(true);
  expect((await connection.closed).error?.rule).toBe('preface.client');
});

test('a peer that does not read cannot hold a connection that is over', async () => {
  const [near, far] = await sockets();
  far.write(concat(preface, settings(4, 2 ** 31 - 1), settingsAck, windowUpdate(0, 2 ** 30), headers(1, GET)));
  const server = await handshake(near);
  const { respond } = await next(server);
  const body = respond.send({});
  const block = new Uint8Array(1_048_576);
  // Until the socket is full: nothing is cut any more and what is written stays in the buffer.
  do {
    body.write(block);
    await turn();
  } while (body.capacity > 0 || near.writableLength < 262_144);
  server.destroy(ErrorCode.ENHANCE_YOUR_CALM);
  expect((await server.closed).code).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  await until(() => near.destroyed);
});

test('6.8: the last octets of a connection that ends in order reach a reader that is slower than a second', async () => {
  const size = 1_000_000;
  let octets = 0;
  let finished = false;
  const slow = new Duplex({
    read: () => {},
    write: (chunk: Uint8Array, _, done) => {
      octets += chunk.length;
      if (octets > size) setTimeout(done, 1300);
      else done();
    },
    final: done => {
      finished = true;
      done();
    },
  });
  const gone = new Promise(done => slow.on('close', done));
  const pong = ping([0x67, 0x6c, 0x61, 0x73, 0x73, 0x74, 0x6f, 0x70], 1);
  slow.push(concat(preface, settings(4, 2 ** 31 - 1), settingsAck, windowUpdate(0, 2 ** 30), headers(1, GET)));
  const server = await handshake(slow);
  const { respond } = await next(server);
  const report = server.shutdown();
  respond.send({}).end(new Uint8Array(size));
  slow.push(pong);
  expect((await report).cut).toEqual([]);
  await gone;
  expect([finished, octets > size]).toEqual([true, true]);
});

test('a socket that was paused while an HTTP/1.1 head was taken off it goes on, with what came behind the head', async () => {
  // PRE-10
  const [near, far] = await sockets();
  far.write('GET / HTTP/1.1\r\n\r\n');
  const taken = new Promise<Uint8Array>(done => {
    near.once('data', chunk => {
      near.pause();
      done(chunk as Uint8Array);
    });
  });
  expect((await taken).length).toBe(18);
  const request = { method: 'GET', authority: 'a.example', path: '/' };
  far.write(concat(preface, settings(), settingsAck, headers(3, GET)));
  const server = await handshakeUpgraded(near, { settings: '', request });
  expect([(await next(server)).request.streamId, (await next(server)).request.streamId]).toEqual([1, 3]);
  server.destroy();
});
