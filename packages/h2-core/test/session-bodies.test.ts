import { createHash } from 'node:crypto';
import { Duplex, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { SendStream } from '../src/session/client.ts';
import { ErrorCode, type RecvStream, type Transport, UsageError } from '../src/session/server.ts';
import { inMemory, join, next, pattern, serving, sockets, turn } from './support/session.ts';

const MIB = 1_048_576;

/** Sends `octets` as a program would that heeds back-pressure; gives the largest buffer seen. */
async function send(body: SendStream, octets: number, chunkSize: number): Promise<number> {
  let most = 0;
  for (let from = 0; from < octets; from += chunkSize) {
    const room = body.write(pattern(Math.min(chunkSize, octets - from), from));
    most = Math.max(most, 262_144 - body.capacity);
    if (!room) await body.ready();
  }
  body.end();
  return most;
}

async function digest(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

function digestOf(octets: number, chunkSize: number): string {
  const hash = createHash('sha256');
  for (let from = 0; from < octets; from += chunkSize) hash.update(pattern(Math.min(chunkSize, octets - from), from));
  return hash.digest('hex');
}

const transports: Record<string, () => Promise<readonly [Transport, Transport]>> = {
  'TCP sockets': sockets,
  memory: async () => (await import('../src/session/server.ts')).pair(),
  'WHATWG streams': async () => {
    const [near, far] = await sockets();
    return [Duplex.toWeb(near) as unknown as Transport, Duplex.toWeb(far) as unknown as Transport];
  },
};

for (const [name, make] of Object.entries(transports)) {
  test(`bodies stream both ways at once under back-pressure, over ${name}`, async () => {
    const { server, client } = await join(await make());
    const size = 8 * MIB + 77;
    const served = serving(server, async ({ request, respond }) => {
      const body = respond.send({});
      const [most, received] = await Promise.all([send(body, size, 50_000), digest(request.body)]);
      expect(most).toBeLessThan(262_144 + 50_000 + 1);
      expect(received).toBe(digestOf(size, 70_000));
    });
    const exchange = client.request({ method: 'POST', endStream: false });
    const sent = send(exchange.body, size, 70_000);
    const { body } = await exchange.response;
    expect(await digest(body)).toBe(digestOf(size, 50_000));
    expect(await sent).toBeLessThan(262_144 + 70_000 + 1);
    await exchange.body.finished;
    await served;
  });
}

test('100 MiB each way in bounded memory', async () => {
  // SWN-20, LIM-34
  const { server, client } = await join(await sockets());
  const size = 100 * MIB;
  const block = new Uint8Array(65_536);
  const count = async (body: RecvStream): Promise<number> => {
    let octets = 0;
    for await (const chunk of body) octets += chunk.length;
    return octets;
  };
  const feed = async (body: SendStream): Promise<void> => {
    for (let sent = 0; sent < size; sent += block.length) if (!body.write(block)) await body.ready();
    body.end();
  };
  let received = 0;
  serving(server, async ({ request, respond }) => {
    void feed(respond.send({}));
    received = await count(request.body);
  });
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  let worst = 0;
  const watch = setInterval(() => {
    const now = process.memoryUsage();
    worst = Math.max(worst, now.heapUsed - heapUsed + now.arrayBuffers - arrayBuffers);
  }, 10);
  const exchange = client.request({ method: 'POST', endStream: false });
  void feed(exchange.body);
  expect(await count((await exchange.response).body)).toBe(size);
  await exchange.body.finished;
  while (received < size) await turn();
  clearInterval(watch);
  // Garbage that has not been collected yet counts too; a body held in memory would be 100 MiB.
  expect(worst).toBeLessThan(80 * MIB);
});

test('a reader that stops holds the sender to the window, stream by stream', async () => {
  // SWN-13, SWN-16
  const { server, client } = await inMemory({ initialWindowSize: 100_000 });
  const stuck = client.request({ method: 'POST', path: '/stuck', endStream: false });
  const free = client.request({ method: 'POST', path: '/free', endStream: false });
  const first = await next(server);
  const second = await next(server);
  let sent = 0;
  while (stuck.body.write(pattern(10_000))) sent += 10_000;
  void send(free.body, MIB, 10_000);
  expect(await digest(second.request.body)).toBe(digestOf(MIB, 10_000));
  expect(first.request.body.flowControl.held).toBe(100_000);
  expect(first.request.body.flowControl.window).toBe(0);
  expect(stuck.body.window).toBe(0);
  let ready = false;
  const waited = stuck.body.ready().then(() => {
    ready = true;
  });
  await client.ping();
  expect(ready).toBe(false);
  stuck.body.end();
  expect((await first.request.body.bytes()).length).toBe(sent + 10_000);
  await waited;
});

test('manual flow control: octets go back when released, no sooner, and automatically again when switched', async () => {
  // RWN-03, RWN-05, RWN-06, RWN-07, RWN-21
  const { server, client } = await inMemory({ initialWindowSize: 1000 });
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write(pattern(3000));
  const { request } = await next(server);
  const { flowControl } = request.body;
  expect(() => flowControl.release(1)).toThrow(/manual/);
  flowControl.mode = 'manual';
  const first = await request.body.next();
  expect(first.value?.length).toBe(1000);
  await client.ping();
  expect([flowControl.held, flowControl.window]).toEqual([1000, 0]);
  expect(() => flowControl.release(1001)).toThrow(UsageError);
  flowControl.release(400);
  await client.ping();
  // The peer had nothing left, so it got this at once, and has used it.
  expect([flowControl.held, flowControl.window]).toEqual([1000, 0]);
  expect((await request.body.next()).value?.length).toBe(400);
  flowControl.mode = 'automatic';
  exchange.body.end();
  expect((await request.body.bytes()).length).toBe(1600);
});

test('a body is collected up to a limit; beyond it reading stops with a UsageError', async () => {
  const { server, client } = await inMemory();
  serving(
    server,
    ({ request, respond }) =>
      void respond
        .send({})
        .pipeFrom(request.body)
        .catch(() => {}),
  );
  const ok = client.request({ method: 'POST' }, 'grüße');
  expect(await (await ok.response).body.text(7)).toBe('grüße');
  const large = client.request({ method: 'POST' }, pattern(1000));
  await expect((await large.response).body.bytes(999)).rejects.toThrow(/more than 999/);
});

test('a body comes from text, octets, iterables, Node streams and WHATWG streams', async () => {
  const { server, client } = await inMemory();
  serving(server, ({ request, respond }) => void respond.send({}).pipeFrom(request.body));
  async function* slowly(): AsyncGenerator<string | Uint8Array> {
    yield 'a';
    await turn();
    yield Uint8Array.of(98);
    yield '';
    yield 'c';
  }
  const sources = [
    'abc',
    Uint8Array.of(97, 98, 99),
    ['a', 'b', 'c'],
    slowly(),
    Readable.from([Buffer.from('ab'), Buffer.from('c')]),
    new Blob(['abc']).stream(),
  ];
  for (const source of sources) {
    const { body } = await client.request({ method: 'POST' }, source).response;
    expect(await body.text()).toBe('abc');
  }
});

test('WHATWG views of both halves: reading, writing, cancelling, aborting', async () => {
  const { server, client } = await inMemory();
  const exchange = client.request({ method: 'POST', endStream: false });
  const { request, respond } = await next(server);
  const copied = (request.body.toReadableStream() as ReadableStream<Uint8Array>).pipeTo(
    respond.send({}).toWritableStream() as WritableStream<Uint8Array>,
  );
  const writer = (exchange.body.toWritableStream() as WritableStream<string>).getWriter();
  await writer.write('there ');
  await writer.write('and back');
  await writer.close();
  expect(await (await exchange.response).body.text()).toBe('there and back');
  await copied;

  const cancelled = client.request({ method: 'POST' }, pattern(10));
  const second = await next(server);
  second.respond.send({}).write('never read');
  const { body } = await cancelled.response;
  await (body.toReadableStream() as ReadableStream).cancel();
  const error = await new Promise<{ code: number }>(done => second.respond.onReset(done));
  expect(error.code).toBe(ErrorCode.CANCEL);

  const aborted = client.request({ method: 'POST', endStream: false });
  const third = await next(server);
  await (aborted.body.toWritableStream() as WritableStream).abort();
  await expect(third.request.body.bytes()).rejects.toMatchObject({ codeName: 'CANCEL', initiator: 'remote' });
});

test('a source that fails resets the stream with INTERNAL_ERROR; a stream that is reset stops its source', async () => {
  // SWN-25
  const { server, client } = await inMemory();
  const broken = new Error('the disk is gone');
  async function* failing(): AsyncGenerator<string> {
    yield 'a';
    throw broken;
  }
  const first = client.request({ method: 'POST' }, failing());
  const { request } = await next(server);
  await expect(first.response).rejects.toMatchObject({ initiator: 'user', cause: broken });
  await expect(request.body.bytes()).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR' });

  let stopped = false;
  async function* endless(): AsyncGenerator<string> {
    try {
      for (;;) {
        await turn();
        yield 'x';
      }
    } finally {
      stopped = true;
    }
  }
  const second = client.request({});
  const { respond } = await next(server);
  const piped = respond.send({}).pipeFrom(endless());
  (await second.response).body.cancel();
  await expect(piped).rejects.toMatchObject({ codeName: 'CANCEL' });
  while (!stopped) await turn();

  const third = client.request({});
  const mine = (await next(server)).respond.send({}).pipeFrom(failing());
  await expect(mine).rejects.toBe(broken);
  await expect((await third.response).body.bytes()).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR' });
});

test('1000 streams at once', async () => {
  const { server, client } = await join(await sockets(), { maxConcurrentStreams: 1000 });
  const held: (() => void)[] = [];
  serving(server, ({ request, respond }) => {
    held.push(() => void respond.send({ headers: { 'x-path': request.path } }).pipeFrom(request.body));
    if (held.length === 1000) for (const answer of held) answer();
  });
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async (_, i) => {
      const exchange = client.request({ method: 'POST', path: `/${i}` }, pattern(5000, i));
      const { headers, body } = await exchange.response;
      return headers.get('x-path') === `/${i}` && Buffer.compare(await body.bytes(), pattern(5000, i)) === 0;
    }),
  );
  expect(answers.every(Boolean)).toBe(true);
  await client.ping();
  expect([client.openStreams, server.openStreams]).toEqual([0, 0]);
  expect(server.counters).toMatchObject({ streamsOpened: 1000, streamsClosed: 1000, streamsReset: 0 });
});

test('thousands of messages of a few octets in one segment are no flood to a program that reads them', async () => {
  // LIM-25
  const { server, client } = await inMemory();
  serving(server, ({ request, respond }) => void respond.send({}).pipeFrom(request.body));
  const exchange = client.request({ method: 'POST', endStream: false });
  const echoed = exchange.response.then(({ body }) => body.bytes());
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 5000; i++) exchange.body.write('tiny');
    await exchange.body.ready();
    await turn();
  }
  exchange.body.end();
  expect((await echoed).length).toBe(20 * 5000 * 4);
  expect(server.error).toBe(null);
});

test('7541 7.1.3: the never-indexed mark travels with trailers and informational responses too', async () => {
  // HPD-13, HPE-06
  const { server, client } = await inMemory();
  const secret = [['x-open', '1'], { name: 'x-secret', value: 's3', sensitive: true }] as const;
  const exchange = client.request({ path: '/', method: 'POST', endStream: false });
  exchange.body.trailers(secret);
  const { request, respond } = await next(server);
  const trailers = await request.body.trailers();
  expect([trailers?.isSensitive('x-secret'), trailers?.isSensitive('x-open')]).toEqual([true, false]);
  respond.informational(103, secret);
  respond.send({}).trailers(trailers?.lines() ?? []);
  const [hint] = await Promise.all([exchange.informational[Symbol.asyncIterator]().next(), exchange.response]);
  expect(hint.value?.headers.isSensitive('x-secret')).toBe(true);
  const answered = await (await exchange.response).body.trailers();
  expect([answered?.isSensitive('x-secret'), answered?.isSensitive('x-open')]).toEqual([true, false]);
});
