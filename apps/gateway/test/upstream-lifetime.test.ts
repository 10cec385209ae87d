/** How long connections and exchanges with backends may last, on both protocols; and what becomes of refused streams. */
import { createServer as createHttp, type Server } from 'node:http';
import { createServer as createH2, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { AddressWatch } from '../src/upstream/address-watch.ts';
import { createBackend } from '../src/upstream/backend.ts';
import type { UpstreamOptions } from '../src/upstream/options.ts';
import type { Resolve } from '../src/upstream/resolve.ts';
import { parseTarget } from '../src/upstream/target.ts';
import { simulateTime } from './support/simulated-time.ts';
import { END_STREAM, rst, ScriptedH2, settings, T } from './upstream-h2-kit.ts';
import { eventually, RawBackend, Recorder, request } from './upstream-kit.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close();
});

function client(url: string, options: UpstreamOptions = {}): Backend {
  const backend = createBackend(url, options);
  open.push({ close: () => backend.close(0) });
  return backend;
}

/** A server that answers with the number of its connection; `/hang` sends the head and no more. */
async function numbering(scheme: 'http' | 'h2c'): Promise<string> {
  let connections = 0;
  const numbers = new WeakMap<object, number>();
  const server: Server | Http2Server = scheme === 'http' ? createHttp() : createH2();
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket: object) => {
    numbers.set(socket, ++connections);
    sockets.add(socket as { destroy(): void });
  });
  server.on('request', (incoming, response) => {
    const socket: object = scheme === 'http' ? incoming.socket : [...sockets].at(-1)!;
    if (incoming.url === '/hang') response.write('begun');
    else response.end(String(numbers.get(socket)));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise(resolve => server.close(resolve));
    },
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ask(backend: Backend): Promise<string> {
  const exchange = Recorder.send(backend, request());
  await exchange.finished();
  return exchange.error?.code ?? exchange.body;
}

describe.each(['http', 'h2c'] as const)('%s', scheme => {
  it('a response that takes longer in all than it may is cut, though it moves', async () => {
    using time = simulateTime();
    const backend = client(await numbering(scheme), { totalTimeoutMs: 60 });
    const exchange = Recorder.send(backend, request({ path: '/hang' }));
    await exchange.responded.promise;
    await time.until('the end', () => exchange.error !== null);
    expect(exchange.error).toMatchObject({ code: 'backend_total_timeout', status: 504, retryable: false });
    expect(await ask(backend)).toMatch(/^\d$/);
  });

  it('a connection serves so many requests and no more', async () => {
    const backend = client(await numbering(scheme), { maxConnectionRequests: 1 });
    expect([await ask(backend), await ask(backend), await ask(backend)]).toEqual(['1', '2', '3']);
  });

  it('a connection that is old serves no more', async () => {
    using time = simulateTime();
    const backend = client(await numbering(scheme), { maxConnectionAgeMs: 40 });
    const seen = [await ask(backend), await ask(backend)];
    await time.pass(100);
    expect([...seen, await ask(backend)]).toEqual(['1', '1', '2']);
  });
});

describe('RFC 9113 8.7: REFUSED_STREAM from a backend that still works for what was reset', () => {
  async function scripted(): Promise<{ backend: Backend; peers: ScriptedH2[] }> {
    const peers: ScriptedH2[] = [];
    const server = await new RawBackend(connection => {
      const peer = new ScriptedH2(connection);
      peers.push(peer);
      peer.send(settings());
    }).listen();
    open.push(server);
    return { backend: client(`h2c://127.0.0.1:${server.port}`), peers };
  }

  it('the exchange waits on the same connection and is served', async () => {
    const { backend, peers } = await scripted();
    const first = Recorder.send(backend, request());
    await eventually(() => peers.length === 1, 'a connection');
    const server = peers[0]!;
    await server.frame(T.HEADERS, 1);
    const second = Recorder.send(backend, request({ method: 'POST' }));
    await server.frame(T.HEADERS, 3);
    server.send(rst(3, 7));
    await server.frame(T.HEADERS, 5);
    server.send(rst(5, 7));
    await server.frame(T.HEADERS, 7);
    server.send(server.head(7, 201, [], END_STREAM), server.head(1, 200, [], END_STREAM));
    await Promise.all([first.finished(), second.finished()]);
    expect([first.status, second.status]).toEqual([200, 201]);
    expect(peers).toHaveLength(1);
  });

  it('a backend that refuses though it has nothing else to do is believed at once', async () => {
    const { backend, peers } = await scripted();
    const only = Recorder.send(backend, request());
    await eventually(() => peers.length === 1, 'a connection');
    await peers[0]!.frame(T.HEADERS, 1);
    peers[0]!.send(rst(1, 7));
    await only.finished();
    expect(only.error).toMatchObject({ code: 'backend_refused_stream', retryable: true });
  });

  it('it does not wait for ever', async () => {
    const { backend, peers } = await scripted();
    Recorder.send(backend, request());
    await eventually(() => peers.length === 1, 'a connection');
    const server = peers[0]!;
    await server.frame(T.HEADERS, 1);
    const refused = Recorder.send(backend, request());
    let answered = 0;
    await eventually(() => {
      for (const { type, stream } of server.read()) {
        if (type === T.HEADERS && stream > Math.max(1, answered)) {
          answered = stream;
          server.send(rst(stream, 7));
        }
      }
      return refused.error !== null;
    }, 'an error');
    expect(refused.error).toMatchObject({ code: 'backend_refused_stream' });
  });
});

describe('names that come to stand for other machines', () => {
  it('are resolved again; literals and localhost are not', async () => {
    const told: string[][] = [];
    const asked: string[] = [];
    const watch = (url: string): AddressWatch =>
      new AddressWatch(
        parseTarget(url),
        5,
        (host, done) => {
          asked.push(host);
          if (asked.length === 1) done(new Error('ENOTFOUND'), []);
          else done(null, ['192.0.2.1', '192.0.2.2']);
        },
        addresses => told.push([...addresses]),
      );
    const watches = ['http://127.0.0.1', 'http://localhost:1', 'http://unix:/a', 'http://app.test'].map(watch);
    await eventually(() => told.length > 0, 'an answer');
    for (const each of watches) each.stop();
    expect(new Set(asked)).toEqual(new Set(['app.test']));
    expect(told[0]).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  /** Two machines with one port; a name stands for the first of them until told otherwise. */
  async function machines(): Promise<{
    hosts: RawBackend[];
    port: number;
    moved: () => void;
    options: UpstreamOptions;
  }> {
    const port = await freePort();
    const first = await new RawBackend().listen('127.0.0.1', port);
    const second = await new RawBackend().listen('127.0.0.2', port);
    open.push(first, second);
    let address = '127.0.0.1';
    const resolve: Resolve = (host, done) => {
      setImmediate(() => (host === 'app.test' ? done(null, [address]) : done(new Error(host), [])));
    };
    const moved = (): void => {
      address = '127.0.0.2';
    };
    return { hosts: [first, second], port, moved, options: { resolve, resolveIntervalMs: 5 } };
  }

  it('HTTP/1.1: an idle connection is closed, one in use ends with its exchange, and new ones go elsewhere', async () => {
    const { hosts, port, moved, options } = await machines();
    const backend = client(`http://app.test:${port}`, options);
    const [used, idle] = [Recorder.send(backend, request()), Recorder.send(backend, request())];
    const connections = [await hosts[0]!.connection(0), await hosts[0]!.connection(1)];
    for (const connection of connections) await connection.heads();
    connections[1]!.send('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    await idle.finished();
    moved();
    await connections[1]!.gone();
    const next = Recorder.send(backend, request());
    const other = await hosts[1]!.connection();
    await other.heads();
    other.send('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nnew');
    expect((await next.finished()).body).toBe('new');
    connections[0]!.send('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold');
    expect((await used.finished()).body).toBe('old');
    await connections[0]!.gone();
    expect(hosts.map(host => host.connections.length)).toEqual([2, 1]);
  });

  it('HTTP/2: the connection drains, and new streams go elsewhere', async () => {
    const { hosts, port, moved, options } = await machines();
    const backend = client(`h2c://app.test:${port}`, options);
    const speak = async (host: RawBackend): Promise<ScriptedH2> => {
      const peer = new ScriptedH2(await host.connection());
      peer.send(settings());
      await peer.frame(T.HEADERS, 1);
      return peer;
    };
    const used = Recorder.send(backend, request());
    const old = await speak(hosts[0]!);
    moved();
    await old.frame(T.GOAWAY);
    const next = Recorder.send(backend, request());
    const other = await speak(hosts[1]!);
    other.send(other.head(1, 201, [], END_STREAM));
    old.send(old.head(1, 200, [], END_STREAM));
    await Promise.all([used.finished(), next.finished()]);
    expect([used.status, next.status]).toEqual([200, 201]);
    await old.connection.gone();
  });
});
