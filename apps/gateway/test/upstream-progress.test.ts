/** Backends that drip: what they owe has a least pace, what they only might say has none. */
import { describe, expect, it } from 'vitest';
import { Pace } from '../src/upstream/progress.ts';
import { simulateTime } from './support/simulated-time.ts';
import { END_STREAM, frame, settings, T } from './upstream-h2-kit.ts';
import { client as h2Client, scripted } from './upstream-h2-server-kit.ts';
import { client, raw } from './upstream-http1-kit.ts';
import { eventually, type RawConnection, Recorder, request, upload } from './upstream-kit.ts';

/** Runs until the exchange is over: something every few milliseconds. */
async function every(ms: number, exchange: Recorder, act: () => void, times = Number.POSITIVE_INFINITY): Promise<void> {
  for (let i = 0; i < times && !exchange.done.isResolved; i++) {
    act();
    await new Promise(resolve => setTimeout(resolve, ms));
  }
}

const FAST = { progressTimeoutMs: 60, minimumProgressBytes: 1_000_000 };

describe('the pace', () => {
  it('is too slow only when octets move, and too few of them for the whole time', () => {
    const pace = new Pace(0, 0);
    expect(pace.isTooSlow(99, 5, 100, 10)).toBe(false);
    expect(pace.isTooSlow(200, 5, 100, 10)).toBe(false);
    expect(pace.isTooSlow(201, 6, 100, 10)).toBe(true);
  });

  it('begins anew with the least number of octets', () => {
    const pace = new Pace(0, 7);
    expect(pace.isTooSlow(99, 17, 100, 10)).toBe(false);
    expect(pace.isTooSlow(198, 18, 100, 10)).toBe(false);
    expect(pace.isTooSlow(199, 19, 100, 10)).toBe(true);
  });

  it('a burst after a long pause is none', () => {
    const pace = new Pace(0, 0);
    expect(pace.isTooSlow(10_000, 10, 100, 10)).toBe(false);
  });
});

describe('HTTP/1.1: a response', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\n';

  async function answered(head: string, options = {}): Promise<{ exchange: Recorder; connection: RawConnection }> {
    const server = await raw();
    const exchange = Recorder.send(client(server, { ...FAST, ...options }), request());
    const connection = await server.connection();
    await connection.heads();
    connection.send(head);
    return { exchange, connection };
  }

  it('of known length that drips is ended by name', async () => {
    const { exchange, connection } = await answered(`${HEAD}content-length: 100000\r\n\r\n`);
    await every(5, exchange, () => connection.send('x'));
    expect(exchange.error).toMatchObject({ code: 'backend_progress_timeout', status: 504 });
    expect(exchange.error?.text).toMatch(/sent fewer than 1000000 octets in 60 ms$/);
    await connection.gone();
  });

  it('of known length at the pace goes on', async () => {
    const { exchange, connection } = await answered(`${HEAD}content-length: 400\r\n\r\n`, { minimumProgressBytes: 1 });
    await every(5, exchange, () => connection.send('xxxxx'));
    expect(exchange.error).toBeNull();
    expect(exchange.bodyBytes).toBe(400);
  });

  it('of known length that stands still is left to the idle timeout', async () => {
    using time = simulateTime();
    const { exchange, connection } = await answered(`${HEAD}content-length: 4\r\n\r\nab`);
    await eventually(() => exchange.body === 'ab', 'the first half');
    await time.pass(200);
    expect(exchange.error).toBeNull();
    connection.send('cd');
    expect((await exchange.finished()).body).toBe('abcd');
  });

  it('without a length, such as server-sent events, drips as it likes', async () => {
    const { exchange, connection } = await answered(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    await every(5, exchange, () => connection.send('1\r\nx\r\n'), 50);
    connection.send('0\r\n\r\n');
    expect((await exchange.finished()).body).toBe('x'.repeat(50));
  });

  it('with the limit off drips as it likes', async () => {
    const { exchange, connection } = await answered(`${HEAD}content-length: 50\r\n\r\n`, { progressTimeoutMs: 0 });
    await every(5, exchange, () => connection.send('x'));
    expect(exchange.body).toHaveLength(50);
  });

  it.each([
    ['a head', 'firstByte', 'HTTP/1.1 200 OK\r\nx: ', 'backend_first_byte_timeout'],
    ['the line before a chunk', 'bodyIdle', `${HEAD}transfer-encoding: chunked\r\n\r\n5;`, 'backend_idle_timeout'],
    ['trailers', 'bodyIdle', `${HEAD}transfer-encoding: chunked\r\n\r\n0\r\nx: `, 'backend_idle_timeout'],
  ])('%s in single octets is no progress', async (_, timeout, begun, code) => {
    const { exchange, connection } = await answered(begun, { [`${timeout}TimeoutMs`]: 60 });
    await every(5, exchange, () => connection.send('x'));
    expect(exchange.error?.code).toBe(code);
  });

  it('a 1xx is progress', async () => {
    using time = simulateTime();
    const { exchange, connection } = await answered('', { firstByteTimeoutMs: 500 });
    for (let i = 1; i <= 6; i++) {
      connection.send('HTTP/1.1 102 Processing\r\n\r\n');
      await eventually(() => exchange.log.filter(line => line === 'informational 102').length === i, 'the 102');
      await time.pass(120);
    }
    connection.send(`${HEAD}content-length: 0\r\n\r\n`);
    expect((await exchange.finished()).status).toBe(200);
  });
});

describe('HTTP/1.1: an upload', () => {
  /** A backend that reads `octets` every `ms`. */
  async function reading(octets: number, ms: number, options: object): Promise<Recorder> {
    const server = await raw(({ socket }) => void socket.removeAllListeners('data').pause());
    const exchange = Recorder.send(client(server, options), upload());
    const { socket } = await server.connection();
    exchange.leg.write(new Uint8Array(24 << 20), true);
    let left = 24 << 20;
    await every(ms, exchange, () => {
      left -= (socket.read(octets) as Buffer | null)?.length ?? 0;
      if (left <= 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
    return exchange;
  }

  it('taken in a trickle is ended by name', async () => {
    const exchange = await reading(65_536, 10, { progressTimeoutMs: 300, minimumProgressBytes: 20 << 20 });
    expect(exchange.error?.code).toBe('backend_progress_timeout');
    expect(exchange.error?.text).toMatch(/took fewer than \d+ octets in 300 ms$/);
  });

  it('whose one write takes longer than the idle timeout is not idle', async () => {
    const began = performance.now();
    const exchange = await reading(262_144, 20, { bodyIdleTimeoutMs: 1000 });
    expect(exchange.status).toBe(200);
    expect(performance.now() - began).toBeGreaterThan(1200);
  });
});

describe('HTTP/2', () => {
  it('a response of known length that drips is ended by name, with CANCEL to the backend', async () => {
    const { port, peer } = await scripted();
    const exchange = Recorder.send(h2Client(port, FAST), request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200, ['content-length', '100000']));
    await every(5, exchange, () => server.send(frame(T.DATA, 0, 1, Buffer.from('x'))));
    expect(exchange.error).toMatchObject({ code: 'backend_progress_timeout', status: 504 });
    expect((await server.frame(T.RST, 1)).payload.readUInt32BE(0)).toBe(8);
  });

  it('a response without a length, such as messages of gRPC, drips as it likes', async () => {
    const { port, peer } = await scripted();
    const exchange = Recorder.send(h2Client(port, FAST), request());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(server.head(1, 200));
    await every(5, exchange, () => server.send(frame(T.DATA, 0, 1, Buffer.from('x'))), 50);
    server.send(frame(T.DATA, END_STREAM, 1));
    expect((await exchange.finished()).body).toBe('x'.repeat(50));
  });

  it('an upload whose window opens octet by octet is ended by name', async () => {
    const { port, peer } = await scripted(settings([4, 0]));
    const exchange = Recorder.send(h2Client(port, FAST), upload());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    exchange.leg.write(new Uint8Array(1000), false);
    const one = Buffer.from([0, 0, 0, 1]);
    await every(5, exchange, () => server.send(frame(T.WINDOW_UPDATE, 0, 1, one)));
    expect(exchange.error?.code).toBe('backend_progress_timeout');
    expect(exchange.error?.text).toMatch(/took fewer than/);
  });

  it('an upload that the backend leaves standing is left to the idle timeout, however many seconds that is', async () => {
    using time = simulateTime();
    const { port, peer } = await scripted(settings([4, 0]));
    const exchange = Recorder.send(h2Client(port), upload());
    const server = await peer();
    await server.frame(T.HEADERS, 1);
    server.send(frame(T.SETTINGS, 1, 0));
    exchange.leg.write(new Uint8Array(1000), true);
    for (let second = 0; second < 100; second++) {
      await time.pass(1000);
      // The connection is alive, and says so.
      for (const { flags, payload } of server.read().filter(({ type }) => type === T.PING)) {
        if (flags === 0) server.send(frame(T.PING, 1, 0, payload));
      }
      await new Promise(setImmediate);
    }
    expect(exchange.error).toBeNull();
    server.send(frame(T.WINDOW_UPDATE, 0, 1, Buffer.from([0, 0, 8, 0])), server.head(1, 200, [], END_STREAM));
    await eventually(() => exchange.done.isResolved, 'the answer');
  });
});
