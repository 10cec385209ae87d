/** How long a request that was reset counts towards the limit on streams: CVE-2023-44487, rapid reset. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Accepted, ErrorCode, type H2Error, type ServerOptions } from '../src/session/server.ts';
import { type Ends, failure, inMemory, next, pattern, serving, turn, until } from './support/session.ts';

/** A server for one request at a time, and a request of it that was reset. What comes after that one is answered at once. */
async function afterReset(
  before: (accepted: Accepted) => unknown = () => {},
  options: ServerOptions = {},
): Promise<Ends & { accepted: Accepted }> {
  const ends = await inMemory(
    { maxConcurrentStreams: 1, ...options },
    { holdCancelledSlots: false, initialWindowSize: 10 },
  );
  const { server, client } = ends;
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.response.catch(() => {});
  const accepted = await next(server);
  await before(accepted);
  exchange.reset();
  await client.ping();
  expect(server.openStreams).toBe(0);
  serving(server, ({ respond }) => respond.send({}, { endStream: true }));
  return { ...ends, accepted };
}

/** Whether the program is given another request. If not, that one is reset as it waits. */
async function hasRoom({ server, client }: Ends): Promise<boolean> {
  const exchange = client.request({});
  let isAnswered = false;
  exchange.response.then(
    () => {
      isAnswered = true;
    },
    () => {},
  );
  await client.ping();
  await client.ping();
  expect([server.openStreams, server.pendingAccept]).toEqual(isAnswered ? [0, 0] : [1, 1]);
  if (isAnswered) return true;
  exchange.reset();
  await client.ping();
  expect([server.openStreams, server.pendingAccept]).toEqual([0, 0]);
  return false;
}

test('a request that was accepted counts after its reset while the program works for it', async () => {
  // LIM-10, LIM-14
  const ends = await afterReset();
  expect([await hasRoom(ends), await hasRoom(ends)]).toEqual([false, false]);
  ends.accepted.respond.send({}).end('too late');
  expect([await hasRoom(ends), await hasRoom(ends)]).toEqual([true, true]);
});

test.each<[string, (accepted: Accepted) => unknown]>([
  ['send without a body', ({ respond }) => respond.send({}, { endStream: true })],
  ['send of what has none', ({ respond }) => respond.send({ status: 204 })],
  ['end', ({ respond }) => respond.send({}).end()],
  ['trailers', ({ respond }) => respond.send({}).trailers({ 'x-a': '1' })],
  ['abort', ({ respond }) => respond.abort()],
  ['reset', ({ respond }) => respond.reset()],
  ['using', ({ respond }) => respond[Symbol.dispose]()],
  ['abort of the body', ({ respond }) => respond.send({}).abort()],
  ['isReset', ({ respond }) => expect(respond.isReset).toBe(true)],
  ['isEnded', ({ respond }) => expect(respond.send({}).isEnded).toBe(true)],
  ['onReset', ({ respond }) => new Promise(told => respond.onReset(told))],
  ['signal', ({ respond }) => respond.signal],
  ['the body of the request', ({ request }) => failure(request.body.text())],
  ['its trailers', ({ request }) => failure(request.body.trailers())],
  ['ready', ({ respond }) => failure(respond.send({}).ready())],
  ['finished', ({ respond }) => failure(respond.send({}).finished)],
  ['pipeFrom', ({ respond }) => failure(respond.send({}).pipeFrom(['late']))],
])('after a reset a request counts until the program is done or told: %s', async (_, settle) => {
  // LIM-14
  const ends = await afterReset();
  expect(await hasRoom(ends)).toBe(false);
  await settle(ends.accepted);
  expect(await hasRoom(ends)).toBe(true);
});

test.each<[string, (accepted: Accepted) => unknown]>([
  ['the end of its response', ({ respond }) => respond.send({}).end()],
  ['the body of the request', ({ request }) => void request.body.next()],
  ['its trailers', ({ request }) => void request.body.trailers()],
  [
    'ready',
    ({ respond }) => {
      const body = respond.send({});
      while (body.write(pattern(100_000)));
      void body.ready();
    },
  ],
  ['finished', ({ respond }) => void respond.send({}).finished],
  ['onReset', ({ respond }) => respond.onReset(() => {})],
  ['signal', ({ respond }) => respond.signal],
  [
    'pipeFrom',
    ({ respond }) =>
      void respond.send({}).pipeFrom(new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })),
  ],
])('a program that waits is told by the reset, and the request counts no more: %s', async (_, wait) => {
  // LIM-14
  expect(await hasRoom(await afterReset(wait))).toBe(true);
});

test('what was piped and is over tells nobody: the request still counts', async () => {
  // LIM-14
  const ends = await afterReset(({ respond }) => respond.send({}).pipeFrom(['a part'], { end: false }));
  expect(await hasRoom(ends)).toBe(false);
});

test('hold takes over: the request counts until its function is called, told or not, no longer', async () => {
  // LIM-14
  const done: (() => void)[] = [];
  const told = await afterReset(({ respond }) => {
    done.push(respond.hold(), respond.hold());
    respond.onReset(() => {});
    respond.send({}).end();
  });
  expect(await hasRoom(told)).toBe(false);
  // Each counts once.
  done[0]?.();
  done[0]?.();
  expect(await hasRoom(told)).toBe(false);
  done[1]?.();
  expect(await hasRoom(told)).toBe(true);
  const untold = await afterReset(({ respond }) => void done.push(respond.hold()));
  expect(await hasRoom(untold)).toBe(false);
  done[2]?.();
  expect(await hasRoom(untold)).toBe(true);
});

test('work is held also for a request that was reset before the loop has seen it', async () => {
  // LIM-10, LIM-14
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 }, { holdCancelledSlots: false });
  const accepted = server.accept();
  await turn();
  // Both frames leave in one write.
  const exchange = client.request({});
  exchange.response.catch(() => {});
  exchange.reset();
  const { respond } = (await accepted) as Accepted;
  await client.ping();
  expect(server.openStreams).toBe(0);
  serving(server, other => other.respond.send({}, { endStream: true }));
  expect(await hasRoom({ server, client })).toBe(false);
  expect(respond.isReset).toBe(true);
  expect(await hasRoom({ server, client })).toBe(true);
});

test('holdRequests: false counts no request after its reset but those that are held', async () => {
  // LIM-14
  expect(await hasRoom(await afterReset(() => {}, { holdRequests: false }))).toBe(true);
  expect(await hasRoom(await afterReset(({ respond }) => void respond.hold(), { holdRequests: false }))).toBe(false);
  await expect(inMemory({ holdRequests: 1 as never })).rejects.toThrow(/holdRequests is 1; .*true or false/);
});

test('a request whose objects are lost gives its place back when they are collected', async () => {
  // LIM-14
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { server, client } = await afterReset();
  const ends = { server, client };
  while (!(await hasRoom(ends))) {
    collect();
    await turn();
  }
  expect(server.openStreams).toBe(0);
});

test('only what was reset and may be lost is watched for its collection: a request that is answered costs nothing', async () => {
  const watched = vi.spyOn(FinalizationRegistry.prototype, 'register');
  onTestFinished(() => watched.mockRestore());
  const { server, client } = await inMemory();
  serving(server, ({ request, respond }) => {
    if (request.path === '/body') respond.send({}).end('body');
    else if (request.path === '/none') respond.send({}, { endStream: true });
    else respond.send({}).trailers({ 'x-a': '1' });
  });
  for (const path of ['/body', '/none', '/trailers']) {
    await (await client.request({ path }).response).body.bytes();
    await client.request({ method: 'POST', path }, 'upload').response;
  }
  await client.ping();
  const links = () => watched.mock.calls.filter(([target]) => target.constructor.name === 'ServerLink');
  expect([server.openStreams, links().length]).toEqual([0, 0]);
  await afterReset();
  expect(links().length).toBe(1);
});

test('uploads that are reset: as many handlers as streams, and none of their octets kept', async () => {
  // LIM-10, LIM-14
  const { server, client } = await inMemory(
    { maxConcurrentStreams: 8, earlyResetPauseMs: 0 },
    { holdCancelledSlots: false },
  );
  const kept: Accepted[] = [];
  serving(server, accepted => void kept.push(accepted));
  const codes = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const exchange = client.request({ method: 'POST', endStream: false });
    exchange.response.catch((error: H2Error) => codes.add(error.code));
    exchange.body.write(pattern(60_000));
    await client.ping();
    exchange.reset();
  }
  await client.ping();
  expect([kept.length, server.requestsInHand, server.pendingAccept]).toEqual([8, 8, 0]);
  expect([...codes]).toEqual([ErrorCode.CANCEL]);
  for (const { request } of kept) {
    expect(String(request.body)).toMatch(/, 0 octets to read$/);
    await failure(request.body.next());
  }
  expect(server.requestsInHand).toBe(0);
});

test('uploads that are reset before they are accepted leave no octets behind', async () => {
  // LIM-11
  const { server, client } = await inMemory({ earlyResetPauseMs: 0 }, { holdCancelledSlots: false });
  const { stream } = server.core;
  const exchanges = [0, 1, 2].map(() => client.request({ method: 'POST', endStream: false }));
  for (const { body, response } of exchanges) {
    body.write(pattern(10_000));
    response.catch(() => {});
  }
  await client.ping();
  const links = [1, 3, 5].map(id => stream.call(server.core, id)?.context as { queuedOctets: number });
  expect(links.map(link => link.queuedOctets)).toEqual([10_000, 10_000, 10_000]);
  for (const exchange of exchanges) exchange.reset();
  await client.ping();
  expect(links.map(link => link.queuedOctets)).toEqual([0, 0, 0]);
  await until(() => server.openStreams === 0);
});
