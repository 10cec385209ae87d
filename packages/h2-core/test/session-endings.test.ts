/** How requests and responses of the session API end, and who is told what of it. */
import { expect, test } from 'vitest';
import { type Accepted, ErrorCode, type H2Error } from '../src/session/server.ts';
import { failure, inMemory, next, pattern, serving, turn, until } from './support/session.ts';

test('a reset by the client tells whoever waits on the server, and gives up what was received and not read', async () => {
  // RST-01, RST-03, RST-04, SWN-12
  const { server, client } = await inMemory({}, { initialWindowSize: 1000 });
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write('received');
  const { request, respond } = await next(server);
  const body = respond.send({});
  while (body.write(pattern(100_000)));
  const told: H2Error[] = [];
  respond.onReset(error => told.push(error));
  const { signal } = respond as { signal: AbortSignal };
  const room = failure(body.ready());
  const finished = failure(body.finished);
  const trailers = failure(request.body.trailers());
  await client.ping();
  exchange.reset(0xbad, 'a reason');
  const error = await room;
  expect([error.code, error.codeName, error.initiator, error.scope]).toEqual([
    0xbad,
    'UNKNOWN(0xbad)',
    'remote',
    'stream',
  ]);
  expect(await finished).toBe(error);
  expect(await trailers).toBe(error);
  expect(told).toEqual([error]);
  expect(signal.reason).toBe(error);
  expect(respond.isReset).toBe(true);
  expect(server.unreleasedBytes).toBe(0);
  for (let read = 0; read < 3; read++) expect(await failure(request.body.next())).toBe(error);
  // Writing on goes nowhere and throws nothing: the program may not have heard yet.
  expect(body.write('x')).toBe(false);
  expect([body.capacity, body.isEnded]).toEqual([0, true]);
  expect(await failure(body.ready())).toBe(error);
  body.end();
  const late: H2Error[] = [];
  respond.onReset(again => late.push(again));
  await turn();
  expect(late).toEqual([error]);
});

test('what came before the end of the connection stays readable, and a complete request too; its reset gives it up', async () => {
  // RST-03
  const { server, client } = await inMemory();
  const exchanges = ['/complete', '/open', '/reset'].map(path =>
    client.request({ method: 'POST', path, endStream: false }),
  );
  for (const { body } of exchanges) body.write('received');
  exchanges[0]?.body.end();
  exchanges[2]?.body.end();
  const [complete, open, reset] = [await next(server), await next(server), await next(server)];
  await client.ping();
  exchanges[2]?.reset();
  await client.ping();
  expect((await failure(reset.request.body.text())).codeName).toBe('CANCEL');
  expect(reset.request.body.isEnded).toBe(false);
  client.destroy();
  await server.closed;
  expect(await complete.request.body.text()).toBe('received');
  expect((await open.request.body.next()).value?.length).toBe(8);
  for (let read = 0; read < 2; read++) expect((await failure(open.request.body.next())).scope).toBe('connection');
});

test('a reset by the server fails the response, or its body, with the code', async () => {
  // RTY-10
  const { server, client } = await inMemory();
  const first = client.request({});
  (await next(server)).respond.reset(ErrorCode.HTTP_1_1_REQUIRED);
  expect((await failure(first.response)).codeName).toBe('HTTP_1_1_REQUIRED');
  const second = client.request({});
  const { respond } = await next(server);
  const body = respond.send({});
  body.write('half');
  const response = await second.response;
  expect((await response.body.next()).value?.length).toBe(4);
  body.reset(ErrorCode.INTERNAL_ERROR);
  const error = await failure(response.body.next());
  expect([error.codeName, error.retryable]).toEqual(['INTERNAL_ERROR', false]);
  const told: unknown[] = [];
  respond.onReset(own => told.push(own));
  await turn();
  expect(told).toEqual([]);
});

test('dispose: CANCEL where something is unfinished, nothing where all is complete', async () => {
  // RST-02, RST-09
  const { server, client } = await inMemory();
  const codes: (string | null)[] = [];
  const watch = async (dispose: (exchange: ReturnType<typeof client.request>) => unknown): Promise<string | null> => {
    const exchange = client.request({ method: 'POST', endStream: false });
    const { respond } = await next(server);
    let code: string | null = null;
    respond.onReset(error => (code = error.codeName));
    respond.send({}).write('x');
    await exchange.response;
    await dispose(exchange);
    await client.ping();
    exchange.abort();
    return code;
  };
  codes.push(await watch(exchange => exchange[Symbol.dispose]()));
  codes.push(await watch(exchange => exchange.body[Symbol.dispose]()));
  codes.push(await watch(async exchange => (await exchange.response).body[Symbol.dispose]()));
  codes.push(
    await watch(async exchange => {
      for await (const chunk of (await exchange.response).body) if (chunk.length === 1) break;
    }),
  );
  expect(codes).toEqual(['CANCEL', 'CANCEL', 'CANCEL', 'CANCEL']);

  const complete = client.request({});
  const { respond } = await next(server);
  respond.send({}).end('all');
  const { body } = await complete.response;
  await body.bytes();
  complete[Symbol.dispose]();
  body[Symbol.dispose]();
  respond[Symbol.dispose]();
  await client.ping();
  expect(server.counters.streamsReset).toBe(4);
});

test('8.1: a server gives up with CANCEL before its response is complete, with NO_ERROR after', async () => {
  // RST-02
  const { server, client } = await inMemory();
  const early = client.request({ method: 'POST', endStream: false });
  (await next(server)).respond.abort();
  expect((await failure(early.response)).codeName).toBe('CANCEL');

  const late = client.request({ method: 'POST', endStream: false });
  const { request, respond } = await next(server);
  void request.body.next().catch(() => {});
  const sent = respond.send({});
  sent.end('done');
  await sent.finished;
  respond[Symbol.dispose]();
  const response = await late.response;
  expect(await response.body.text()).toBe('done');
  expect((await failure(late.body.finished)).codeName).toBe('NO_ERROR');
});

test('8.1: a request that nobody reads is stopped by NO_ERROR once the response is complete', async () => {
  // RST-02
  const { server, client } = await inMemory();
  const answers: Record<string, boolean> = {};
  serving(server, async ({ request, respond }) => {
    respond.send({ status: 413 }, { endStream: true });
    if (request.path === '/read') answers['read'] = (await request.body.bytes()).length === 300_000;
  });
  const unread = client.request({ method: 'POST', path: '/unread', endStream: false });
  expect((await unread.response).status).toBe(413);
  expect((await failure(unread.body.finished)).codeName).toBe('NO_ERROR');
  const read = client.request({ method: 'POST', path: '/read', endStream: false });
  expect((await read.response).status).toBe(413);
  read.body.end(pattern(300_000));
  await read.body.finished;
  await until(() => answers['read'] === true);
});

test('a server that stops reading throws away what comes and keeps the windows open', async () => {
  // RWN-14, RWN-19
  const { server, client } = await inMemory({ initialWindowSize: 1000, initialConnectionWindowSize: 65_535 });
  const exchange = client.request({ method: 'POST' }, pattern(200_000));
  const { request, respond } = await next(server);
  for await (const chunk of request.body) if (chunk.length > 0) break;
  await exchange.body.finished;
  expect((await failure(request.body.next())).rule).toBe('body.cancelled');
  respond.send({}).end('enough');
  expect(await (await exchange.response).body.text()).toBe('enough');
  await client.ping();
  expect(server.unreleasedBytes).toBe(0);
});

test('8.1: a body that was cut short never reads as complete, however often it is read', async () => {
  // RST-03
  const { server, client } = await inMemory();
  const exchange = client.request({});
  const { respond } = await next(server);
  const sent = respond.send({});
  sent.write('a part');
  const { body } = await exchange.response;
  await client.ping();
  respond.reset(ErrorCode.INTERNAL_ERROR);
  for (let read = 0; read < 3; read++) expect((await failure(body.text())).codeName).toBe('INTERNAL_ERROR');
});

test.each<[string, (accepted: Accepted) => unknown]>([
  ['cancelled', ({ request }) => request.body.cancel()],
  [
    'cancelled once the response is complete',
    ({ request, respond }) => {
      respond.send({}, { endStream: true });
      request.body.cancel();
    },
  ],
  [
    'given up once the response is complete',
    async ({ respond }) => {
      const sent = respond.send({});
      sent.end('done');
      await sent.finished;
      respond.abort();
    },
  ],
  ['reset', ({ respond }) => respond.reset()],
])('8.1: a body that is %s while it is read fails its reader', async (_, give) => {
  const { server, client } = await inMemory();
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write(pattern(1000));
  const accepted = await next(server);
  const { body } = accepted.request;
  const whole = failure(body.text());
  await until(() => body.flowControl.held === 0);
  await give(accepted);
  expect(['body.cancelled', 'stream.reset']).toContain((await whole).rule);
  expect((await failure(body.text())).initiator).toBe('user');
});

test('8.1: a body given up when all of it had come fails who has not read all, and nobody else', async () => {
  const { server, client } = await inMemory();
  client.request({ method: 'POST', path: '/read' }, 'whole');
  client.request({ method: 'POST', path: '/unread' }, [pattern(10_000), pattern(10_000), pattern(10_000)]);
  const [read, unread] = [await next(server), await next(server)];
  await client.ping();
  expect(await read.request.body.text()).toBe('whole');
  const begun = failure(unread.request.body.text());
  for (const { request } of [read, unread]) request.body.cancel();
  expect(await read.request.body.text()).toBe('');
  expect((await begun).rule).toBe('body.cancelled');
});
