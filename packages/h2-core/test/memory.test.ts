/**
 * Streams and connections that are over leave nothing behind. `GLASSWAY_MEMORY=1 npx vitest run test/memory.test.ts`
 * runs a million streams and a hundred thousand connections; the suite runs a part of that.
 */
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { Connection, type Handler } from '../src/index.ts';
import { attach, now } from '../src/node/index.ts';
import { connect } from '../src/session/client.ts';
import { handshake, pair, type Transport } from '../src/session/server.ts';
import { get } from './support/endpoint.ts';
import { bytes } from './support/frames.ts';
import { leftBehind, PART, repetitions, SLACK } from './support/heap.ts';
import { sockets } from './support/session.ts';

const BODY = bytes('hello '.repeat(20));
const HOURS = { timeout: PART !== 0 ? 7_200_000 : 30_000 };

/** Prints what a whole run has left, for people. */
function report(left: number): void {
  if (PART !== 0) process.stdout.write(`${expect.getState().currentTestName}: ${left} octets\n`);
}

/** Answers everything and reads everything. */
const serving = (of: () => Connection): Handler => ({
  onRequest: stream => {
    of().respond(stream, 200, ['content-type', 'text/plain'], false);
    of().write(stream, BODY, true);
  },
});

/** Two cores that pass octets to each other by hand. */
function cores(): { client: Connection; server: Connection; exchange: () => void } {
  const server: Connection = new Connection({ role: 'server', handler: serving(() => server) });
  const client: Connection = new Connection({
    role: 'client',
    handler: { onData: (stream, chunk) => client.release(stream, chunk.length) },
  });
  const exchange = (): void => {
    while (client.wantsWrite || server.wantsWrite) {
      for (const part of client.takeOutput()) server.receive(part, 0);
      for (const part of server.takeOutput()) client.receive(part, 0);
    }
  };
  exchange();
  return { client, server, exchange };
}

test('streams, one after the other, over the bare core', HOURS, async () => {
  // ROB-04, STA-16
  const { client, exchange } = cores();
  const left = await leftBehind(repetitions(60_000, 1_000_000), async count => {
    for (let i = 0; i < count; i++) {
      client.request(get(), true);
      exchange();
    }
  });
  report(left);
  expect(left).toBeLessThan(SLACK);
  expect(client.openStreams).toBe(0);
});

test('streams that are reset by either side, over the bare core', HOURS, async () => {
  // ROB-04, RST-10
  const { client, server, exchange } = cores();
  const left = await leftBehind(repetitions(20_000, 300_000), async count => {
    for (let i = 0; i < count; i++) {
      const stream = client.request({ ...get(), method: 'POST' }, false);
      exchange();
      // Every third one is left to the server's END_STREAM, then ended by the client.
      if (i % 3 === 0) client.write(stream, BODY, true);
      else if (i % 3 === 1) client.reset(stream, 8);
      else client.trailers(stream, ['x', 'y']);
      exchange();
    }
  });
  expect([client.error, server.error]).toEqual([null, null]);
  report(left);
  expect(left).toBeLessThan(SLACK);
});

test('connections over the bare core, ended in order or by an error', HOURS, async () => {
  const left = await leftBehind(repetitions(2000, 100_000), async count => {
    for (let i = 0; i < count; i++) {
      const { client, server, exchange } = cores();
      client.request(get(), i % 2 === 0);
      exchange();
      if (i % 3 === 0) client.shutdown();
      else if (i % 3 === 1) server.receive(bytes('no frame at all, but octets enough'), 0);
      else server.destroy(2);
      exchange();
    }
  });
  report(left);
  expect(left).toBeLessThan(SLACK);
});

/** Connections of the async API over any transport: so many, with so many requests each. */
async function sessions(
  ends: () => Promise<readonly [Transport, Transport]>,
  connections: number,
  requests: number,
): Promise<void> {
  for (let i = 0; i < connections; i++) {
    const [near, far] = await ends();
    const [server, client] = await Promise.all([handshake(near), connect(far, { authority: 'test.example' })]);
    const served = (async () => {
      for await (const { respond } of server) respond.send({ status: 200 }).end(BODY);
    })();
    for (let j = 0; j < requests; j++) {
      const { response } = client.request({ path: '/' });
      const { body } = await response;
      await body.text();
    }
    await client.shutdown();
    await Promise.all([served, server.closed]);
  }
}

test('streams of the async API in memory', HOURS, async () => {
  const left = await leftBehind(repetitions(3000, 1_000_000), count => sessions(async () => pair(), 1, count));
  report(left);
  expect(left).toBeLessThan(SLACK);
});

test('connections of the async API in memory', HOURS, async () => {
  const left = await leftBehind(repetitions(300, 100_000), count => sessions(async () => pair(), count, 1));
  report(left);
  expect(left).toBeLessThan(SLACK);
});

/** Both ends of a new connection to `listener`. */
async function dialled(listener: Server): Promise<readonly [Socket, Socket]> {
  const accepted = new Promise<Socket>(done => listener.once('connection', done));
  const socket = dial((listener.address() as AddressInfo).port, '127.0.0.1');
  return [await accepted, socket];
}

test('connections of the async API over sockets', HOURS, async () => {
  const listener = createServer();
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  afterAll(() => void listener.close());
  const left = await leftBehind(repetitions(150, 100_000), count => sessions(() => dialled(listener), count, 1));
  report(left);
  expect(left).toBeLessThan(SLACK);
});

test('streams of the core over a socket', HOURS, async () => {
  const [near, far] = await sockets();
  const server: Connection = new Connection({ role: 'server', handler: serving(() => server) }, now());
  let answered = (): void => {};
  const client: Connection = new Connection(
    {
      role: 'client',
      handler: {
        onData: (stream, chunk) => client.release(stream, chunk.length),
        onStreamClosed: () => answered(),
      },
    },
    now(),
  );
  attach(near, server);
  attach(far, client);
  const left = await leftBehind(repetitions(10_000, 1_000_000), async count => {
    // Fifty at a time, as a busy client has them.
    for (let i = 0; i < count; i += 50) {
      let open = 50;
      const all = new Promise<void>(done => {
        answered = () => {
          if (--open === 0) done();
        };
      });
      for (let j = 0; j < 50; j++) client.request(get(), true);
      await all;
    }
  });
  report(left);
  expect(left).toBeLessThan(SLACK);
});
