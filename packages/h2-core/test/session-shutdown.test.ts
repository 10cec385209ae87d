/** How connections of the session API end, and what that says of the streams that were open. */
import { expect, test } from 'vitest';
import { connect } from '../src/session/client.ts';
import { ErrorCode, type H2Error, handshake, pair } from '../src/session/server.ts';
import { failure, inMemory, next, pattern, serving, turn, until } from './support/session.ts';

test('6.8: shutdown lets open streams finish, refuses none of those on their way, and reports no cut', async () => {
  // GOA-01, GOA-02, GOA-03, GOA-12, CNC-09
  const { server, client } = await inMemory();
  const exchange = client.request({});
  const { respond } = await next(server);
  const report = server.shutdown({ debugData: 'bye' });
  const crossing = client.request({ path: '/crossing' });
  const { respond: second } = await next(server);
  second.send({}).end();
  expect((await crossing.response).status).toBe(200);
  expect(server.isDraining).toBe(true);
  await until(() => client.isDraining);
  const late = await failure(client.request({}).response);
  expect([late.retryable, late.rule]).toEqual([true, 'request.unsent']);
  expect((await failure(client.ready())).retryable).toBe(true);
  respond.send({}).end('finished');
  expect(await (await exchange.response).body.text()).toBe('finished');
  expect((await report).cut).toEqual([]);
  expect(await server.closed).toMatchObject({ error: null, initiator: 'user', code: 0 });
  const { goAway, initiator } = await client.closed;
  expect([goAway?.lastStreamId, goAway?.code, initiator]).toEqual([3, 0, 'remote']);
  expect(await server.accept()).toBe(null);
});

test('6.8: at the deadline a shutdown cuts what is open and says what that was', async () => {
  // GOA-22, LIM-37
  const { server, client } = await inMemory();
  const exchange = client.request({ method: 'POST', path: '/slow', endStream: false });
  const { request, respond } = await next(server);
  const reading = failure(request.body.next());
  const sent = failure(respond.send({}).finished);
  const patient = server.shutdown({ deadlineMs: Number.POSITIVE_INFINITY });
  const { cut, elapsedMs } = await server.shutdown({ deadlineMs: 10 });
  expect(cut).toEqual([{ streamId: 1, method: 'POST', path: '/slow' }]);
  expect(elapsedMs).toBeGreaterThanOrEqual(9);
  expect((await patient).cut).toEqual(cut);
  expect((await reading).rule).toBe('connection.closed');
  expect((await sent).initiator).toBe('user');
  await failure((await exchange.response).body.next());
  expect(await server.shutdown()).toMatchObject({ cut: [] });
});

test('a client shutdown reports what is safe to retry, and what was cut', async () => {
  // RTY-01, RTY-04
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  const open = client.request({ path: '/open' });
  const waiting = client.request({ path: '/waiting' });
  const { respond } = await next(server);
  expect(client.canOpen).toBe(false);
  const shut = client.shutdown({ deadlineMs: 10_000 });
  expect((await failure(waiting.response)).retryable).toBe(true);
  const refused = client.request({ path: '/late' });
  expect((await failure(refused.response)).retryable).toBe(true);
  respond.send({}).end('ok');
  expect(await (await open.response).body.text()).toBe('ok');
  const report = await shut;
  expect(report.cut).toEqual([]);
  expect(report.retryable.map(({ path }) => path)).toEqual(['/waiting', '/late']);

  const other = await inMemory();
  const stuck = other.client.request({ path: '/stuck' });
  await next(other.server);
  const { cut, retryable } = await other.client.shutdown({ deadlineMs: 5 });
  expect([cut, retryable]).toEqual([[{ streamId: 1, method: 'GET', path: '/stuck' }], []]);
  expect((await failure(stuck.response)).retryable).toBe(false);
});

test('a client shutdown reports no promise as a request to send again', async () => {
  // RTY-01
  const { server, client } = await inMemory({}, { enablePush: true });
  const exchange = client.request({ path: '/page' });
  const { respond } = await next(server);
  const pushed = respond.push({ path: '/style' });
  const promises = exchange.pushes[Symbol.asyncIterator]();
  const { value: promise } = await promises.next();
  const refused = failure(promise?.response as Promise<unknown>);
  const shut = client.shutdown();
  pushed.reset(ErrorCode.REFUSED_STREAM);
  expect((await refused).retryable).toBe(true);
  respond.send({}, { endStream: true });
  await exchange.response;
  expect((await shut).retryable).toEqual([]);
});

test('finished fails for a response or a request that was never sent', async () => {
  const { server, client } = await inMemory();
  const exchange = client.request({});
  const { respond } = await next(server);
  const reset = new Promise<H2Error>(done => respond.onReset(done));
  exchange.reset(ErrorCode.CANCEL);
  expect((await failure(exchange.response)).codeName).toBe('CANCEL');
  await reset;
  const body = respond.send({ status: 204 });
  expect((await failure(body.finished)).codeName).toBe('CANCEL');
  expect((await failure(respond.send({}, { endStream: true }).finished)).codeName).toBe('CANCEL');

  const shut = client.shutdown();
  const late = client.request({});
  expect((await failure(late.response)).rule).toBe('request.unsent');
  expect((await failure(late.body.finished)).rule).toBe('request.unsent');
  await shut;
});

test('destroy sends GOAWAY with code and debug data, and is no error for the one who asked', async () => {
  // GOA-05, GOA-06, GOA-15, GOA-23, FRM-12
  const { server, client } = await inMemory();
  const exchange = client.request({});
  await next(server);
  server.destroy(ErrorCode.ENHANCE_YOUR_CALM, 'too many');
  expect(await server.closed).toMatchObject({ error: null, initiator: 'user', code: ErrorCode.ENHANCE_YOUR_CALM });
  await failure(exchange.response);
  const { goAway, code, initiator } = await client.closed;
  expect(Buffer.from(goAway?.debugData ?? []).toString()).toBe('too many');
  expect([code, initiator]).toEqual([ErrorCode.ENHANCE_YOUR_CALM, 'remote']);
  await failure(client.ping());
  await failure(client.ready());
  server.destroy();
  expect((await server.shutdown()).cut).toEqual([]);
});

test('await using shuts down', async () => {
  const { server, client } = await inMemory();
  const exchange = client.request({});
  const { respond } = await next(server);
  const disposed = server[Symbol.asyncDispose]();
  respond.send({}).end('served');
  expect(await (await exchange.response).body.text()).toBe('served');
  await disposed;
  expect(server.isClosed).toBe(true);
});

test('ping measures round trips, several at once, and fails when the connection ends', async () => {
  // PNG-03, PNG-05
  const { server, client } = await inMemory();
  const times = await Promise.all([client.ping(), server.ping(), client.ping(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))]);
  for (const time of times) expect(time).toBeGreaterThan(0);
  await expect(client.ping(new Uint8Array(7))).rejects.toThrow(/8 octets, not 7/);
  const lost = failure(client.ping());
  client.destroy();
  await lost;
});

test('8.5: an ordinary CONNECT is a tunnel whose halves end one by one', async () => {
  // INF-14, LEN-05
  const { server, client } = await inMemory();
  const tunnel = client.request({ method: 'CONNECT', authority: 'db.example:5432' });
  const { request, respond } = await next(server);
  expect([request.method, request.authority, request.scheme, request.path]).toEqual([
    'CONNECT',
    'db.example:5432',
    '',
    '',
  ]);
  const down = respond.send({ status: 200, headers: { 'content-length': '3' } });
  tunnel.body.end('all that goes up');
  expect(await request.body.text()).toBe('all that goes up');
  down.write('what comes down is ');
  await client.ping();
  down.end('not three octets');
  expect(await (await tunnel.response).body.text()).toBe('what comes down is not three octets');
});

test('6.8: requests that wait for accept when a shutdown begins are still served', async () => {
  // GOA-04
  const { server, client } = await inMemory();
  const exchanges = ['/1', '/2'].map(path => client.request({ path }));
  await client.ping();
  expect(server.pendingAccept).toBe(2);
  const report = server.shutdown();
  for await (const { respond } of server) respond.send({}).end('late but served');
  for (const { response } of exchanges) expect(await (await response).body.text()).toBe('late but served');
  expect((await report).cut).toEqual([]);
});

test('what the peer ended while we were still waiting for room is told, and later calls do nothing', async () => {
  // RWN-08, RST-07
  const { server, client } = await inMemory({}, { initialWindowSize: 10 });
  const exchange = client.request({});
  const { request, respond } = await next(server);
  const body = respond.send({});
  body.write(pattern(300_000));
  const room = failure(body.ready());
  exchange.abort();
  expect((await room).codeName).toBe('CANCEL');
  body.trailers({ 'x-a': '1' });
  respond.reset();
  respond.abort();
  request.body.cancel();
  expect(await request.body.bytes()).toEqual(new Uint8Array(0));
  expect(server.openStreams).toBe(0);
});

test('errors can be printed and serialised', async () => {
  // ROB-08
  const { server, client } = await inMemory();
  const exchange = client.request({});
  (await next(server)).respond.reset(ErrorCode.REFUSED_STREAM);
  const error = await failure(exchange.response);
  expect(String(error)).toBe('H2Error: the peer reset the stream');
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 7, scope: 'stream', streamId: 1, retryable: true });
  expect(structuredClone(error).message).toBe(error.message);
});

test('a connection and its streams are free for collection once it has ended, whatever was under way', async () => {
  // LIM-38
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const remains: WeakRef<object>[] = [];
  const live = async (): Promise<void> => {
    const [near, far] = pair();
    const [server, client] = await Promise.all([handshake(near), connect(far, { authority: 'a.example' })]);
    const exchange = client.request({ method: 'POST', endStream: false });
    exchange.body.write(pattern(10_000));
    const { request, respond } = await next(server);
    const body = respond.send({});
    while (body.write(pattern(65_536)));
    void body.ready().catch(() => {});
    void request.body.next();
    void request.body.next().catch(() => {});
    void server.accept();
    void client.ping().catch(() => {});
    remains.push(...[server, client, request, respond, body, exchange, server.core].map(it => new WeakRef(it)));
    client.destroy();
    await Promise.all([server.closed, client.closed]);
  };
  await live();
  // The pump waits up to a second for the other side to close.
  const deadline = Date.now() + 10_000;
  while (remains.some(it => it.deref() !== undefined) && Date.now() < deadline) {
    await new Promise(done => setTimeout(done, 50));
    collect();
  }
  expect(remains.filter(it => it.deref() !== undefined).length).toBe(0);
});

test('ten thousand requests one after the other leave nothing behind', async () => {
  // ROB-04, STA-16
  const { server, client } = await inMemory();
  serving(server, ({ respond }) => respond.send({}).end('x'));
  for (let i = 0; i < 100; i++) {
    await Promise.all(Array.from({ length: 100 }, async () => (await client.request({}).response).body.bytes()));
  }
  expect(server.counters).toMatchObject({ streamsOpened: 10_000, streamsClosed: 10_000, streamsReset: 0 });
  expect([client.openStreams, server.openStreams, server.pendingAccept]).toEqual([0, 0, 0]);
});

test('promises that nobody waits for do not end the program when a peer resets or goes', async () => {
  // Unhandled rejections fail this run.
  const { server, client } = await inMemory({}, { initialWindowSize: 10 });
  const other = await inMemory();
  const upstream = other.client.request({});
  const backend = await next(other.server);
  const piped = client.request({});
  const { respond: proxied } = await next(server);
  backend.respond.send({}).write('from behind');
  void proxied.send({}).pipeFrom((await upstream.response).body);
  backend.respond.reset();

  const waiting = client.request({ method: 'POST', endStream: false });
  const { request, respond } = await next(server);
  const body = respond.send({});
  while (body.write(pattern(100_000)));
  void body.ready();
  void body.finished;
  void request.body.trailers();
  void request.body.next();
  void respond.signal;
  void waiting.body.ready();
  void waiting.body.finished;
  void waiting.response;
  void client.ping();
  void client.ready();
  void client.request({}).response;
  await expect((await piped.response).body.bytes()).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR' });
  client.core.reset(client.core.stream(3) ?? expect.fail('stream 3 is open'), 8);
  await turn();
  client.destroy();
  void client.ping().catch(() => {});
  await Promise.all([client.closed, server.closed]);
  for (let i = 0; i < 5; i++) await turn();
});
