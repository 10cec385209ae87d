/** The HTTP/1.1 client: limits, timeouts, backpressure, and its end. */
import { describe, expect, it } from 'vitest';
import { simulateTime } from './support/simulated-time.ts';
import { answering, client, OK, raw } from './upstream-http1-kit.ts';
import { eventually, Recorder, request, text, upload } from './upstream-kit.ts';

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
    using time = simulateTime();
    const exchange = Recorder.send(client(server, { firstByteTimeoutMs: 30, bodyIdleTimeoutMs: 30 }), upload(4));
    await (await server.connection()).heads();
    await time.pass(120);
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
    using time = simulateTime();
    const exchange = Recorder.send(
      client(server, { bodyIdleTimeoutMs: 40, receiveHighWaterBytes: 65536 }),
      request(),
      true,
    );
    await eventually(() => exchange.withheld >= 65536, 'stall');
    await time.pass(120);
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
