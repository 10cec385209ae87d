/**
 * A connection that dies in the middle of anything can be collected at once, with all it had: no timer, no queue and no
 * table of the module keeps it. Each case makes a connection, brings it to its end, and lets go of it.
 */
import { getEventListeners } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Connection, type Handler, type Stream, type Tap } from '../src/index.ts';
import { attach, now } from '../src/node/index.ts';
import { type ClientConnection, connect } from '../src/session/client.ts';
import { handshake, pair, type ServerConnection } from '../src/session/server.ts';
import { get } from './support/endpoint.ts';
import {
  block,
  concat,
  data,
  F,
  frame,
  GET,
  goAway,
  header,
  headers,
  POST,
  ping,
  preface,
  rst,
  S,
  settings,
  settingsAck,
  T,
  u32,
} from './support/frames.ts';
import { collected } from './support/heap.ts';
import { inMemory, next, turn } from './support/session.ts';

const OPEN = F.END_HEADERS;
const begun = concat(preface, settings(), settingsAck);

/** Two connected sockets that nothing else holds. */
async function sockets(): Promise<[Socket, Socket]> {
  const listener = createServer();
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  const accepted = new Promise<Socket>(done => listener.once('connection', done));
  const socket = dial((listener.address() as AddressInfo).port, '127.0.0.1');
  const other = await accepted;
  listener.close();
  return [other, socket];
}

/** A tap that hears everything and keeps nothing. */
const deaf = new Proxy({}, { get: () => () => {} }) as Tap;

interface Made {
  readonly connection: Connection;
  readonly streams: Stream[];
}

function made(role: 'server' | 'client', handler: Handler = {}, tap: Tap | null = null, options = {}): Made {
  const streams: Stream[] = [];
  const connection: Connection = new Connection(
    {
      role,
      tap,
      ...options,
      handler: {
        onRequest: stream => void streams.push(stream),
        onPush: (_, promised) => void streams.push(promised),
        ...handler,
      },
    },
    now(),
  );
  return { connection, streams };
}

/** What comes from the peer, and what the program has done by then, when the socket dies. */
interface Death {
  readonly role: 'server' | 'client';
  readonly input: readonly Uint8Array[];
  readonly handler?: Handler;
  readonly tap?: Tap;
  readonly options?: object;
  readonly act?: (made: Made) => void;
}

const promise = frame(T.PUSH_PROMISE, OPEN, 1, concat(u32(2), block(GET)));
const many = new Uint8Array(1_000_000);

const DEATHS: Readonly<Record<string, Death>> = {
  'before any octet': { role: 'server', input: [] },
  'within the preface': { role: 'server', input: [preface.slice(0, 9)] },
  'within a frame header': { role: 'server', input: [begun, header(100, T.SETTINGS, 0, 0).slice(0, 5)] },
  'within a frame': { role: 'server', input: [begun, headers(1, GET).slice(0, 20)] },
  'within a field block': { role: 'server', input: [begun, frame(T.HEADERS, 0, 1, block(GET))] },
  'within DATA': { role: 'server', input: [begun, headers(1, POST, OPEN), data(1, new Uint8Array(9000)).slice(0, 99)] },
  'with requests open': { role: 'server', input: [begun, headers(1, POST, OPEN), headers(3, GET)] },
  'with octets nobody released': {
    role: 'server',
    input: [begun, headers(1, POST, OPEN), data(1, new Uint8Array(9000))],
  },
  'with writers that wait for a window': {
    role: 'server',
    input: [concat(preface, settings(S.INITIAL_WINDOW_SIZE, 10)), headers(1, GET)],
    act: ({ connection, streams }) => {
      connection.respond(streams[0] as Stream, 200, [], false);
      expect(connection.write(streams[0] as Stream, many, false)).toBe(false);
    },
  },
  'with trailers that wait for a window': {
    role: 'server',
    input: [concat(preface, settings(S.INITIAL_WINDOW_SIZE, 0)), headers(1, GET)],
    act: ({ connection, streams }) => {
      connection.respond(streams[0] as Stream, 200, [], false);
      connection.write(streams[0] as Stream, many, false);
      connection.trailers(streams[0] as Stream, ['x', 'y']);
    },
  },
  'with streams that are held': {
    role: 'server',
    input: [begun, headers(1, GET)],
    act: ({ connection, streams }) => connection.hold(streams[0] as Stream),
  },
  'with a promise that was not kept': {
    role: 'server',
    input: [begun, headers(1, GET)],
    act: ({ connection, streams }) => void connection.push(streams[0] as Stream, get('/a')),
  },
  'with pings and SETTINGS unanswered, shutting down': {
    role: 'server',
    input: [begun, headers(1, GET)],
    act: ({ connection }) => {
      connection.ping(new Uint8Array(8));
      connection.updateSettings([S.MAX_CONCURRENT_STREAMS, 5]);
      connection.shutdown();
    },
  },
  'after a connection error': { role: 'server', input: [begun, headers(1, POST, OPEN), ping([1, 2, 3])] },
  'after the peer’s GOAWAY with an error': { role: 'server', input: [begun, headers(1, POST, OPEN), goAway(0, 2)] },
  'with a tap': { role: 'server', input: [begun, headers(1, POST, OPEN)], tap: deaf },
  'with reading paused': {
    role: 'server',
    input: [begun, ...new Array<Uint8Array>(20).fill(ping([1, 2, 3, 4, 5, 6, 7, 8]))],
    options: { maxQueuedReplies: 10 },
  },
  'a client: before SETTINGS': {
    role: 'client',
    input: [],
    act: ({ connection }) => void connection.request(get(), true),
  },
  'a client: with requests that wait for a slot': {
    role: 'client',
    input: [settings(S.MAX_CONCURRENT_STREAMS, 0)],
    act: ({ connection }) => void connection.request(get(), true),
  },
  'a client: within a response': {
    role: 'client',
    input: [settings(), settingsAck],
    act: ({ connection }) => {
      connection.request(get(), true);
      connection.receive(concat(headers(1, [[':status', '200']], OPEN), data(1, 'half')), now());
    },
  },
  'a client: with promised streams reserved': {
    role: 'client',
    input: [settings(), settingsAck],
    act: ({ connection }) => {
      connection.request(get(), true);
      connection.receive(promise, now());
    },
  },
};

/** How the transport goes away. */
const ENDS: Readonly<Record<string, (socket: Socket, other: Socket, connection: Connection) => void>> = {
  'the socket is destroyed': socket => void socket.destroy(),
  'the peer resets it': (_, other) => void other.resetAndDestroy(),
  'the peer ends it': (_, other) => void other.end(),
  'the program ends the connection': (_socket, other, connection) => {
    connection.destroy(2);
    other.resume().once('end', () => other.end());
  },
};

describe('a connection that dies can be collected', () => {
  // LIM-38, GOA-19
  const cases = Object.keys(DEATHS).flatMap((death, i) => {
    // Each death by each end would be many sockets for little: they take turns, and the first one has all.
    const ends = Object.keys(ENDS);
    return (i === 0 ? ends : [ends[i % ends.length] as string]).map((end): [string, string] => [death, end]);
  });

  test.each(cases)('%s, when %s', async (death, end) => {
    const [near, far] = await sockets();
    far.on('error', () => {});
    const ref = await (async () => {
      const { role, input, handler, tap, options, act } = DEATHS[death] as Death;
      const all = made(role, handler, tap ?? null, options);
      attach(near, all.connection);
      for (const octets of input) all.connection.receive(octets, now());
      act?.(all);
      await turn();
      const closed = new Promise<void>(done => near.once('close', () => done()));
      (ENDS[end] as (typeof ENDS)[string])(near, far, all.connection);
      await closed;
      expect(all.connection.isClosed).toBe(true);
      expect(all.connection.openStreams).toBe(0);
      return new WeakRef(all.connection);
    })();
    for (const event of ['data', 'end', 'error', 'close', 'drain']) near.removeAllListeners(event);
    await collected(ref);
  });

  test('... also when its handler throws', async () => {
    const ref = (() => {
      const { connection } = made('server', {
        onRequest: () => {
          throw new Error('a defect of the program');
        },
      });
      expect(() => connection.receive(concat(begun, headers(1, GET)), now())).toThrow('a defect');
      return new WeakRef(connection);
    })();
    await collected(ref);
  });
});

describe('what a connection keeps of its streams', () => {
  test('nothing, once they have ended: not the context of the last one, not its message', async () => {
    const { connection, streams } = made('server', {
      onData: (stream, chunk) => connection.release(stream, chunk.length),
    });
    const refs = await (async () => {
      connection.receive(concat(begun, headers(1, POST, OPEN), data(1, 'all', F.END_STREAM)), now());
      const stream = streams.pop() as Stream;
      const context = { of: 'the program' };
      stream.context = context;
      connection.respond(stream, 204, [], true);
      connection.takeOutput();
      return [new WeakRef(stream), new WeakRef(context)];
    })();
    for (const ref of refs) await collected(ref);
    expect(connection.openStreams).toBe(0);
  });

  test('nothing of streams that were reset either, by whom it may be', async () => {
    const { connection, streams } = made('server');
    const refs = await (async () => {
      connection.receive(concat(begun, headers(1, POST, OPEN), headers(3, POST, OPEN), headers(5, POST, OPEN)), now());
      connection.receive(concat(rst(1, 8), data(3, 'x')), now());
      connection.reset(streams[1] as Stream, 8);
      connection.receive(frame(T.WINDOW_UPDATE, 0, 5, u32(0)), now());
      connection.takeOutput();
      return streams.splice(0).map(stream => new WeakRef(stream));
    })();
    expect(refs).toHaveLength(3);
    for (const ref of refs) await collected(ref);
  });
});

describe('who keeps something of the async API keeps no transport', () => {
  /** What the program holds on to, made over sockets that have closed since. */
  async function after<T extends object>(
    keep: (ends: { server: ServerConnection; client: ClientConnection }) => Promise<T> | T,
  ): Promise<{ kept: T; sockets: WeakRef<Socket>[] }> {
    const [near, far] = await sockets();
    const [server, client] = await Promise.all([handshake(near), connect(far, { authority: 'test.example' })]);
    const kept = await keep({ server, client });
    const closed = [near, far].map(socket => new Promise<void>(done => socket.once('close', () => done())));
    client.destroy();
    await Promise.all([...closed, server.closed, client.closed]);
    return { kept, sockets: [new WeakRef(near), new WeakRef(far)] };
  }

  const KEEPERS: Readonly<Record<string, Parameters<typeof after>[0]>> = {
    'a response': async ({ server, client }) => {
      const { response } = client.request({ path: '/' });
      (await next(server)).respond.send({}).end('hello');
      return await response;
    },
    'a request': async ({ server, client }) => {
      client.request({ path: '/' }).response.catch(() => {});
      return (await next(server)).request;
    },
    'a body in the middle of being read': async ({ server, client }) => {
      const { response } = client.request({ path: '/' });
      const sent = (await next(server)).respond.send({});
      sent.write(new Uint8Array(100));
      const { body } = await response;
      const reader = body[Symbol.asyncIterator]();
      await reader.next();
      return reader;
    },
    'a pending read, as a promise': async ({ server, client }) => {
      const { response } = client.request({ path: '/' });
      (await next(server)).respond.send({});
      const { body } = await response;
      const pending = body[Symbol.asyncIterator]().next();
      pending.catch(() => {});
      return { pending };
    },
    'a pending accept and a pending ping': ({ server, client }) => {
      const accepting = server.accept();
      const pinging = client.ping();
      pinging.catch(() => {});
      return { accepting, pinging };
    },
    'a writer that waits': async ({ server, client }) => {
      client.request({ path: '/' }).response.catch(() => {});
      const sent = (await next(server)).respond.send({});
      while (sent.write(new Uint8Array(100_000))) await turn();
      sent.ready().catch(() => {});
      return sent;
    },
    'the connection itself': ({ client }) => client,
  };

  test.each(Object.keys(KEEPERS))('%s', async name => {
    const { kept, sockets: refs } = await after(KEEPERS[name] as Parameters<typeof after>[0]);
    for (const ref of refs) await collected(ref);
    // It is still there, and nobody collected it meanwhile.
    expect(typeof kept).toBe('object');
  });

  test('a connection in memory goes with both its ends', async () => {
    const refs = await (async () => {
      const [near, far] = pair();
      const [server, client] = await Promise.all([handshake(near), connect(far, { authority: 'a.example' })]);
      client.request({ path: '/' }).response.catch(() => {});
      await next(server);
      server.destroy(2);
      await Promise.all([server.closed, client.closed]);
      return [new WeakRef(server), new WeakRef(client)];
    })();
    for (const ref of refs) await collected(ref);
  });

  test('an abort signal that lives on keeps no exchange', async () => {
    const { server, client } = await inMemory();
    const controller = new AbortController();
    const ref = await (async () => {
      const exchange = client.request({ path: '/', signal: controller.signal });
      (await next(server)).respond.send({}).end();
      await (await exchange.response).body.text();
      await client.ping();
      return new WeakRef(exchange);
    })();
    await collected(ref);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});
