/** Requests that wait until the program has done other work: CVE-2023-44487, rapid reset, and clients that mean well. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { connect } from '../src/session/client.ts';
import { serve } from '../src/session/fetch.ts';
import {
  type Accepted,
  type CutStream,
  ErrorCode,
  type H2Error,
  handshake,
  pair,
  type ServerOptions,
} from '../src/session/server.ts';
import { type Ends, failure, inMemory, next, pattern, serving, turn, until } from './support/session.ts';

/** A server that works for a request whose client has given it up, its only place being taken by that. */
async function busy(options: ServerOptions = {}): Promise<Ends & { held: Accepted }> {
  const ends = await inMemory({ maxConcurrentStreams: 1, ...options }, { holdCancelledSlots: false });
  const { server, client } = ends;
  const exchange = client.request({ path: '/held' });
  exchange.response.catch(() => {});
  const held = await next(server);
  exchange.reset();
  await client.ping();
  expect([server.openStreams, server.requestsInHand]).toEqual([0, 1]);
  return { ...ends, held };
}

test('a client at its limit that cancels and asks again in the same segment is not refused', async () => {
  // LIM-10, LIM-14
  const { server, client } = await inMemory({ maxConcurrentStreams: 4 }, { holdCancelledSlots: false });
  let most = 0;
  serving(server, async ({ request, respond }) => {
    most = Math.max(most, server.requestsInHand);
    // Hears of its reset, but not in the turn in which that comes.
    if (request.path === '/slow') await new Promise(told => respond.onReset(told));
    else respond.send({}).end(request.path);
  });
  const { oddities } = server.counters;
  for (let round = 0; round < 20; round++) {
    const slow = [0, 1, 2, 3].map(() => client.request({ path: '/slow' }));
    for (const { response } of slow) response.catch(() => {});
    await client.ping();
    for (const exchange of slow) exchange.reset();
    const again = [0, 1, 2, 3].map(i => client.request({ path: `/${i}` }));
    const texts = await Promise.all(again.map(async ({ response }) => (await response).body.text()));
    expect(texts).toEqual(['/0', '/1', '/2', '/3']);
  }
  expect(most).toBeLessThanOrEqual(4);
  expect([server.counters.oddities, server.requestsInHand, server.pendingAccept]).toEqual([oddities, 0, 0]);
});

test('a request waits until other work is done; its body waits with it, under its windows, and comes whole', async () => {
  // LIM-14
  const { server, client, held } = await busy({ initialWindowSize: 50_000 });
  const exchange = client.request({ method: 'POST', path: '/waits', endStream: false });
  const sent = pattern(120_000);
  exchange.body.write(sent);
  exchange.body.trailers({ 'x-end': '1' });
  const accepted = server.accept();
  let isGiven = false;
  void accepted.then(() => {
    isGiven = true;
  });
  await client.ping();
  await client.ping();
  expect([isGiven, server.pendingAccept, server.unreleasedBytes]).toEqual([false, 1, 50_000]);
  held.respond.abort();
  const { request, respond } = (await accepted) as Accepted;
  expect([request.path, server.pendingAccept, server.requestsInHand]).toEqual(['/waits', 0, 1]);
  expect(Buffer.compare(await request.body.bytes(), sent)).toBe(0);
  expect((await request.body.trailers())?.get('x-end')).toBe('1');
  respond.send({}).end('done');
  expect(await (await exchange.response).body.text()).toBe('done');
  expect(server.unreleasedBytes).toBe(0);
});

test('expect: 100-continue is answered when the program reads, not while the request waits', async () => {
  const { server, client, held } = await busy();
  const exchange = client.request({ method: 'POST', headers: { expect: '100-continue' }, endStream: false });
  const hint = exchange.informational[Symbol.asyncIterator]().next();
  let isHinted = false;
  void hint.then(() => {
    isHinted = true;
  });
  await client.ping();
  await client.ping();
  expect(isHinted).toBe(false);
  held.respond.abort();
  const { request, respond } = await next(server);
  const text = request.body.text();
  expect((await hint).value?.status).toBe(100);
  exchange.body.end('now');
  expect(await text).toBe('now');
  respond.send({}, { endStream: true });
  expect((await exchange.response).status).toBe(200);
});

test('what is reset while it waits never reaches the program, and is charged as an early reset', async () => {
  // LIM-10, LIM-11, LIM-14
  const { server, client, held } = await busy({ earlyResetPauseMs: 1, maxPendingAcceptResetStreams: 0 });
  const given: string[] = [];
  serving(server, ({ request, respond }) => {
    given.push(request.path);
    respond.send({}, { endStream: true });
  });
  for (let i = 0; i < 450; i++) {
    const exchange = client.request({ path: `/${i}` });
    exchange.response.catch(() => {});
    if (i % 7 === 0) await client.ping();
    exchange.reset();
  }
  await until(() => server.counters.streamsReset === 451);
  expect(server.counters.readPauses).toBe(1);
  expect([server.pendingAccept, server.requestsInHand, given]).toEqual([0, 1, []]);
  held.respond.abort();
  expect((await client.request({ path: '/last' }).response).status).toBe(200);
  expect(given).toEqual(['/last']);
});

test('requests that are reset as they wait for other work count as those that wait for accept', async () => {
  // LIM-11
  const { server, client, held } = await busy({ maxPendingAcceptResetStreams: 20, earlyResetPauseMs: 0 });
  serving(server, ({ respond }) => respond.send({}, { endStream: true }));
  const flood = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const exchange = client.request({});
      exchange.response.catch(() => {});
      exchange.reset();
    }
    await client.ping().catch(() => {});
  };
  await flood(19);
  const { response } = client.request({});
  held.respond.abort();
  expect((await response).status).toBe(200);
  // That one was given to the program: the count begins anew.
  await flood(19);
  expect(server.isClosed).toBe(false);
});

test('a limit that rises lets more through once it is acknowledged; a limit of 0 keeps back none that was let in', async () => {
  // LIM-14
  const { server, client, held } = await busy();
  const paths: string[] = [];
  const open: Accepted[] = [];
  serving(server, accepted => {
    paths.push(accepted.request.path);
    open.push(accepted);
  });
  const answers = [client.request({ path: '/1' }).response];
  await client.ping();
  expect(paths).toEqual([]);
  server.setMaxConcurrentStreams(3);
  await until(() => paths.length === 1);
  answers.push(client.request({ path: '/2' }).response, client.request({ path: '/3' }).response);
  await until(() => paths.length === 2);
  await client.ping();
  expect([paths, server.pendingAccept, server.requestsInHand]).toEqual([['/1', '/2'], 1, 3]);
  server.setMaxConcurrentStreams(0);
  await until(() => server.localSettings.maxConcurrentStreams === 0);
  held.respond.abort();
  open[0]?.respond.send({}, { endStream: true });
  await client.ping();
  expect(paths).toEqual(['/1', '/2']);
  open[1]?.respond.send({}, { endStream: true });
  await until(() => paths.length === 3);
  open[2]?.respond.send({}, { endStream: true });
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('6.8: a shutdown waits for requests that wait, and serves them as work is done', async () => {
  // GOA-04
  const { server, client, held } = await busy();
  const exchange = client.request({ path: '/1' });
  await client.ping();
  const report = server.shutdown();
  const waiting = server.accept();
  await client.ping();
  expect(server.pendingAccept).toBe(1);
  held.respond.abort();
  (await waiting)?.respond.send({}).end('served');
  expect(await (await exchange.response).body.text()).toBe('served');
  expect((await report).cut).toEqual([]);
  expect(await server.accept()).toBe(null);
});

test.each<[string, (ends: Ends) => Promise<readonly CutStream[]> | undefined]>([
  ['destroy', ({ server }) => void server.destroy(ErrorCode.CANCEL)],
  ['the deadline of a shutdown', async ({ server }) => (await server.shutdown({ deadlineMs: 0 })).cut],
])('8.7: an end by %s refuses what nobody has begun to work for, so that it may be sent again', async (_, end) => {
  // RTY-02, GOA-04
  const { server, client } = await inMemory({}, { holdCancelledSlots: false });
  const begun = client.request({ path: '/begun' });
  await next(server);
  const waiting = [client.request({ path: '/a' }), client.request({ method: 'POST', path: '/b', endStream: false })];
  await client.ping();
  const errors = Promise.all([begun, ...waiting].map(({ response }) => failure(response)));
  const cut = await end({ server, client });
  expect((await errors).map(({ code, retryable }) => [code === ErrorCode.REFUSED_STREAM, retryable])).toEqual([
    [false, false],
    [true, true],
    [true, true],
  ]);
  if (cut !== undefined) expect(cut.map(({ path }) => path).sort()).toEqual(['/a', '/b', '/begun']);
  expect([server.pendingAccept, server.openStreams]).toEqual([0, 0]);
});

test('a code that is none ends nothing and refuses nothing', async () => {
  const { server, client } = await inMemory();
  const exchange = client.request({});
  await client.ping();
  expect(() => server.destroy(-1)).toThrow(/error code -1 is not/);
  expect(server.pendingAccept).toBe(1);
  (await next(server)).respond.send({}, { endStream: true });
  expect((await exchange.response).status).toBe(200);
  client.destroy(ErrorCode.NO_ERROR);
  expect((await server.closed).initiator).toBe('remote');
});

test('a waiting stream that the program resets through the core leaves the queue', async () => {
  const { server, client } = await inMemory();
  const exchanges = ['/1', '/2', '/3'].map(path => client.request({ path }));
  await client.ping();
  const error = failure(exchanges[1]?.response as Promise<unknown>);
  const stream = server.core.stream(3);
  if (stream === undefined) throw new Error('stream 3 is gone');
  server.core.reset(stream, ErrorCode.CANCEL);
  expect((await error).code).toBe(ErrorCode.CANCEL);
  expect(server.pendingAccept).toBe(2);
  expect([(await next(server)).request.path, (await next(server)).request.path]).toEqual(['/1', '/3']);
});

test('several calls of accept are served in their order; all end with the connection', async () => {
  const { server, client } = await inMemory({ maxConcurrentStreams: 2 }, { holdCancelledSlots: false });
  const calls = [0, 1, 2, 3].map(() => server.accept());
  for (const path of ['/1', '/2']) client.request({ path }).response.catch(() => {});
  expect((await calls[0])?.request.path).toBe('/1');
  expect((await calls[1])?.request.path).toBe('/2');
  (await calls[1])?.respond.send({}, { endStream: true });
  await client.ping();
  client.request({ path: '/3' }).response.catch(() => {});
  expect((await calls[2])?.request.path).toBe('/3');
  server.destroy();
  expect(await calls[3]).toBe(null);
});

test('./fetch: handlers that outlive the reset of their request keep others waiting, not refused', async () => {
  // LIM-14
  const [near, far] = pair();
  let release = (): void => {};
  let running = 0;
  let most = 0;
  const [server, client] = await Promise.all([
    serve(
      near,
      async request => {
        most = Math.max(most, ++running);
        const { pathname } = new URL(request.url);
        if (pathname === '/slow') await new Promise<void>(done => (release = done));
        running--;
        return new Response(pathname);
      },
      { maxConcurrentStreams: 1 },
    ),
    connect(far, { authority: 'a.example', holdCancelledSlots: false }),
  ]);
  const slow = client.request({ path: '/slow' });
  slow.response.catch(() => {});
  await until(() => running === 1);
  slow.reset();
  const { response } = client.request({ path: '/next' });
  await client.ping();
  await client.ping();
  expect([running, server.pendingAccept, server.requestsInHand]).toEqual([1, 1, 1]);
  release();
  expect(await (await response).body.text()).toBe('/next');
  expect(most).toBe(1);
  client.destroy();
});

test('whatever clients open and reset and programs finish: in order, never more in hand than the limit, none forgotten', async () => {
  // LIM-10, LIM-14
  const step = fc.record({
    do: fc.constantFrom('ask', 'ask', 'ask', 'reset', 'finish', 'finish', 'turn', 'hold'),
    which: fc.nat(20),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), async (limit, steps) => {
      const [near, far] = pair();
      const [server, client] = await Promise.all([
        handshake(near, { maxConcurrentStreams: limit }),
        connect(far, { authority: 'a.example', holdCancelledSlots: false }),
      ]);
      const asked: { path: string; reset: () => void; settled: Promise<string> }[] = [];
      const inHand: { finish: () => void }[] = [];
      const given: number[] = [];
      serving(server, ({ request, respond }) => {
        expect(server.requestsInHand).toBeLessThanOrEqual(limit);
        given.push(Number(request.path.slice(1)));
        const done = given.length % 3 === 0 ? respond.hold() : () => {};
        inHand.push({
          finish: () => {
            respond.send({}, { endStream: true });
            done();
          },
        });
        // Work that goes on: neither told of the reset nor done.
        expect(inHand.length).toBeLessThanOrEqual(limit);
      });
      const finish = (which: number): void => {
        for (const { finish: end } of inHand.splice(which % Math.max(1, inHand.length), 1)) end();
      };
      for (const { do: what, which } of steps) {
        if (what === 'ask') {
          const path = `/${asked.length}`;
          const exchange = client.request({ path });
          const settled = exchange.response.then(
            () => 'answered',
            (error: H2Error) => error.codeName,
          );
          asked.push({ path, reset: () => exchange.reset(), settled });
        } else if (what === 'reset') asked[which]?.reset();
        else if (what === 'finish') finish(which);
        else if (what === 'turn') await turn();
        else await client.ping();
      }
      while (client.openStreams !== 0 || inHand.length !== 0 || server.openStreams !== 0) {
        finish(0);
        await turn();
      }
      const ends = await Promise.all(asked.map(({ settled }) => settled));
      expect(ends.filter(end => end !== 'answered' && end !== 'CANCEL')).toEqual([]);
      expect(given).toEqual([...given].sort((a, b) => a - b));
      ends.forEach((end, i) => {
        if (end === 'answered') expect(given).toContain(i);
      });
      expect([server.requestsInHand, server.pendingAccept]).toEqual([0, 0]);
      client.destroy();
    }),
    { numRuns: 100, verbose: 1 },
  );
});

test('a host without FinalizationRegistry loads the server and counts what is done and told', async () => {
  vi.resetModules();
  vi.stubGlobal('FinalizationRegistry', undefined);
  try {
    const { handshake: shake, pair: ends } = await import('../src/session/server.ts');
    const [near, far] = ends();
    const [server, client] = await Promise.all([
      shake(near, { maxConcurrentStreams: 1 }),
      connect(far, { authority: 'a.example', holdCancelledSlots: false }),
    ]);
    const exchange = client.request({});
    exchange.response.catch(() => {});
    const { respond } = (await server.accept()) as Accepted;
    exchange.reset();
    await client.ping();
    expect(server.requestsInHand).toBe(1);
    expect(respond.isReset).toBe(true);
    expect(server.requestsInHand).toBe(0);
    client.destroy();
  } finally {
    vi.unstubAllGlobals();
    vi.resetModules();
  }
});
