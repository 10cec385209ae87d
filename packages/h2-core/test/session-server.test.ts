import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../src/session/client.ts';
import { type CloseInfo, ErrorCode, HeaderList, handshake, UsageError } from '../src/session/server.ts';
import { SettingId } from '../src/settings/settings.ts';
import { concat, GET, headers, line, parse, preface, rst, settings, settingsAck } from './support/frames.ts';
import { inMemory, next, serving, sockets, turn } from './support/session.ts';

/** A raw peer: writes octets, and collects what comes until the end. */
function rawClient(socket: Socket): { send(...parts: Uint8Array[]): void; ended: Promise<string[]> } {
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  const ended = new Promise<string[]>(done => socket.on('close', () => done(parse(Buffer.concat(chunks)).map(line))));
  return { send: (...parts) => void socket.write(concat(...parts)), ended };
}

test('the smallest program', async () => {
  // PRE-12
  const server = createServer(async socket => {
    const connection = await handshake(socket);
    for await (const { request, respond } of connection) {
      respond.send({ status: 200, headers: { 'content-type': 'text/plain' } }).end(`hello ${request.path}\n`);
    }
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise(done => server.once('listening', done));
  const socket = dial((server.address() as AddressInfo).port, '127.0.0.1');
  const client = await connect(socket, { authority: '127.0.0.1' });
  const { status, headers: fields, body } = await client.request({ path: '/there' }).response;
  expect(status).toBe(200);
  expect(fields.get('content-type')).toBe('text/plain');
  expect(await body.text()).toBe('hello /there\n');
  await client.shutdown();
});

test('a request shows its control data, fields in order with duplicates, and the never-indexed mark', async () => {
  const { server, client } = await inMemory({ joinCookies: false }, { scheme: 'https' });
  client.request({
    method: 'PUT',
    path: '/a?b=c',
    headers: [
      ['X-One', '1'],
      { name: 'authorization', value: 'secret', sensitive: true },
      ['x-one', '2'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
    ],
  });
  const { request } = await next(server);
  expect([request.method, request.scheme, request.authority, request.path, request.protocol]).toEqual([
    'PUT',
    'https',
    'test.example',
    '/a?b=c',
    '',
  ]);
  expect(request.streamId).toBe(1);
  expect([...request.headers]).toEqual([
    ['x-one', '1'],
    ['authorization', 'secret'],
    ['x-one', '2'],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ]);
  expect(request.headers.get('X-ONE')).toBe('1, 2');
  expect(request.headers.get('cookie')).toBe('a=1; b=2');
  expect(request.headers.getAll('x-one')).toEqual(['1', '2']);
  expect(request.headers.get('x-none')).toBe(null);
  expect(request.headers.has('Cookie')).toBe(true);
  expect(request.headers.isSensitive('authorization')).toBe(true);
  expect(request.headers.isSensitive('x-one')).toBe(false);
  expect(request.headers.size).toBe(5);
  expect(request.body.isEnded).toBe(true);
  expect(await request.body.bytes()).toEqual(new Uint8Array(0));
  expect(await request.body.trailers()).toBe(null);
});

test('fields are taken as object, list, pairs or HeaderList; what is no text is refused and nothing is sent', async () => {
  const { server, client } = await inMemory();
  const given = new HeaderList(['a', '1', 'b', '2'], [2]);
  serving(server, ({ request, respond }) => {
    expect(() => respond.send({ headers: { bad: {} as string } })).toThrow(UsageError);
    expect(() => respond.send({ headers: { 'bad name': 'x' } })).toThrow(UsageError);
    expect(() => respond.send({ headers: { connection: 'close' } })).toThrow(/connection-specific/);
    const forms: Record<string, Parameters<typeof respond.send>[0]['headers']> = {
      '/object': { 'X-Number': 7, list: ['1', '2'], none: undefined },
      '/pairs': new Map([['one', '1']]),
      '/list': given,
    };
    const wanted = forms[request.path];
    respond.send(wanted === undefined ? {} : { status: 201, headers: wanted }, { endStream: true });
  });
  const fields = async (path: string): Promise<unknown> => {
    const { status, headers: received } = await client.request({ path }).response;
    return [status, ...received.lines()].map(item => (typeof item === 'number' ? item : Object.values(item).join(' ')));
  };
  expect(await fields('/object')).toEqual([201, 'x-number 7 false', 'list 1 false', 'list 2 false']);
  expect(await fields('/pairs')).toEqual([201, 'one 1 false']);
  expect(await fields('/list')).toEqual([201, 'a 1 false', 'b 2 true']);
  expect(await fields('/none')).toEqual([200]);
});

test('accept gives requests one by one, null at the end; requests wait unaccepted', async () => {
  // GOA-04
  const { server, client } = await inMemory();
  for (const path of ['/1', '/2', '/3']) client.request({ path });
  expect((await server.accept())?.request.path).toBe('/1');
  expect(server.pendingAccept).toBe(2);
  expect((await server.accept())?.request.path).toBe('/2');
  expect((await server.accept())?.request.path).toBe('/3');
  const waiting = server.accept();
  client.destroy(ErrorCode.NO_ERROR);
  expect(await waiting).toBe(null);
  expect(await server.accept()).toBe(null);
});

test('requests beyond maxPendingAccept are refused, as safe to retry', async () => {
  // RTY-02
  const { server, client } = await inMemory({ maxPendingAccept: 2 });
  const exchanges = ['/1', '/2', '/3'].map(path => client.request({ path }));
  await expect(exchanges[2]?.response).rejects.toMatchObject({ codeName: 'REFUSED_STREAM', retryable: true });
  serving(server, ({ respond }) => respond.send({}, { endStream: true }));
  expect((await exchanges[1]?.response)?.status).toBe(200);
});

test('requests reset before they are accepted are passed over and forgotten', async () => {
  // RST-07, LIM-11
  const { server, client } = await inMemory();
  const gone = ['/1', '/2'].map(path => client.request({ path }));
  client.request({ path: '/3' });
  await client.ping();
  for (const exchange of gone) exchange.reset();
  await client.ping();
  expect(server.pendingAccept).toBe(1);
  expect((await next(server)).request.path).toBe('/3');
  expect(server.counters).toMatchObject({ streamsOpened: 3, streamsClosed: 2, streamsReset: 2 });
});

test('rapid reset before accept ends the connection with ENHANCE_YOUR_CALM, just below does not', async () => {
  // LIM-11
  const run = async (resets: number): Promise<CloseInfo | null> => {
    const [near, far] = await sockets();
    const client = rawClient(far);
    client.send(preface, settings(), settingsAck);
    const server = await handshake(near, { maxPendingAcceptResetStreams: 20 });
    for (let i = 0; i < resets; i++) client.send(headers(2 * i + 1, GET), rst(2 * i + 1, 8));
    while (server.counters.streamsReset < resets && !server.isClosed) await turn();
    if (!server.isClosed) {
      server.destroy(ErrorCode.NO_ERROR);
      return null;
    }
    expect((await client.ended).at(-1)).toContain('accept.resets');
    const { error } = await server.closed;
    expect([error?.rule, error?.rfc]).toEqual(['accept.resets', '9113 10.5']);
    expect(error?.message).toContain('requests are reset');
    return server.closed;
  };
  expect(await run(19)).toBe(null);
  expect(await run(20)).toMatchObject({ code: ErrorCode.ENHANCE_YOUR_CALM, initiator: 'library' });
});

test('3.4: a client that sends something else gets GOAWAY and a connection that is over, and throws nothing', async () => {
  // PRE-02
  const [near, far] = await sockets();
  const client = rawClient(far);
  far.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const server = await handshake(near);
  expect(await server.accept()).toBe(null);
  for await (const accepted of server) throw new Error(`unexpected ${accepted.request.path}`);
  const { error, code, initiator } = await server.closed;
  expect([error?.rule, code, initiator]).toEqual(['preface.client', ErrorCode.PROTOCOL_ERROR, 'library']);
  const frames = await client.ended;
  expect(frames[0]).toContain('SETTINGS');
  expect(frames.at(-1)).toMatch(/GOAWAY.*preface.client/);
});

test('3.4: silence ends the connection after prefaceTimeoutMs; an end before the preface is a clean one', async () => {
  // PRE-03, PRE-13, GOA-17
  const [near] = await sockets();
  const server = await handshake(near, { prefaceTimeoutMs: 20 });
  expect((await server.closed).error?.rule).toBe('preface.timeout');
  const [other, quiet] = await sockets();
  quiet.end();
  expect(await (await handshake(other)).closed).toMatchObject({ error: null, initiator: 'remote' });
});

test('handshake settles with the preface and does not wait for SETTINGS; split into octets it comes too', async () => {
  // PRE-01, PRE-08, SET-12, FRM-16
  const [near, far] = await sockets();
  far.setNoDelay(true);
  for (const octet of preface) far.write(Uint8Array.of(octet));
  const server = await handshake(near);
  expect(server.peerSettingsPairs).toBe(null);
  const peer = server.peerSettings;
  far.write(concat(settings(4, 70_000, 0x1234, 5)));
  expect((await peer).initialWindowSize).toBe(70_000);
  expect(server.peerSettingsPairs).toEqual([4, 70_000, 0x1234, 5]);
});

test('a bad option throws a UsageError that names option, value and range; so does a bad transport', async () => {
  // API-01
  const [near] = await sockets();
  await expect(handshake(near, { maxFrameSize: 1 })).rejects.toThrow(/maxFrameSize is 1; .*16384 to 16777215/);
  await expect(handshake(near, { maxPendingAccept: 0 })).rejects.toThrow(/maxPendingAccept is 0; .*1 to 2147483647/);
  await expect(handshake({} as never)).rejects.toThrow(/a transport is/);
  await expect(handshake(null as never)).rejects.toThrow(UsageError);
});

test('misuse of a response throws and changes nothing', async () => {
  // API-01, API-02
  const { server, client } = await inMemory();
  const { response } = client.request({});
  const { respond } = await next(server);
  expect(() => respond.send({ status: 99 })).toThrow(UsageError);
  expect(() => respond.informational(101)).toThrow(UsageError);
  const body = respond.send({});
  expect(() => respond.send({})).toThrow(/has its response head already/);
  expect(() => respond.informational(103)).toThrow(/before the final/);
  expect(() => body.write(7 as never)).toThrow(/Uint8Array or a string/);
  expect(() => body.trailers({ ':status': '200' })).toThrow(UsageError);
  body.end('fine');
  expect(() => body.write('more')).toThrow(/has ended/);
  expect(() => body.end()).toThrow(UsageError);
  expect(() => body.trailers({})).toThrow(UsageError);
  expect(await (await response).body.text()).toBe('fine');
});

test('9110 6.4.1: what is written to a response without content is dropped', async () => {
  // LEN-03
  const { server, client } = await inMemory();
  serving(server, ({ request, respond }) => {
    const body = respond.send({ status: request.path === '/204' ? 204 : 200, headers: { 'content-length': 4 } });
    body.write('ab');
    body.end('cd');
  });
  const head = await client.request({ method: 'HEAD' }).response;
  expect([head.headers.get('content-length'), await head.body.text()]).toEqual(['4', '']);
  const get = await client.request({}).response;
  expect(await get.body.text()).toBe('abcd');
});

test('9110 10.1.1: reading the body answers expect: 100-continue, once, and not after the final head', async () => {
  // INF-07
  const { server, client } = await inMemory();
  const expecting = { method: 'POST', headers: { expect: '100-continue' }, endStream: false } as const;
  const read = client.request(expecting);
  const first = await next(server);
  const text = first.request.body.text();
  const statuses: number[] = [];
  for await (const { status } of read.informational) {
    statuses.push(status);
    read.body.end('the body');
    first.respond.send({}, { endStream: true });
  }
  expect(statuses).toEqual([100]);
  expect(await text).toBe('the body');

  const refused = client.request(expecting);
  const second = await next(server);
  second.respond.send({ status: 417 }, { endStream: true });
  void second.request.body.next().catch(() => {});
  expect((await refused.response).status).toBe(417);
  for await (const { status } of refused.informational) throw new Error(`unexpected ${status}`);
});

test('9110 15.2: informational responses come in order with their fields, before the final one', async () => {
  // INF-01
  const { server, client } = await inMemory();
  const exchange = client.request({});
  const { respond } = await next(server);
  respond.informational(103, { link: '</a.css>; rel=preload' });
  respond.informational(102);
  respond.send({ status: 200 }).end();
  const seen: string[] = [];
  for await (const { status, headers: fields } of exchange.informational) seen.push(`${status} ${fields.get('link')}`);
  expect(seen).toEqual(['103 </a.css>; rel=preload', '102 null']);
  expect((await exchange.response).status).toBe(200);
});

test('8.1: trailers in both directions, also without a body', async () => {
  // INF-09, INF-10, INF-11, INF-12
  const { server, client } = await inMemory();
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write('question');
  exchange.body.trailers({ 'x-sum': '1' });
  const { request, respond } = await next(server);
  expect(await request.body.text()).toBe('question');
  expect([...((await request.body.trailers()) ?? [])]).toEqual([['x-sum', '1']]);
  respond.send({}).trailers({ 'grpc-status': 0 });
  const { body } = await exchange.response;
  const trailers = body.trailers();
  expect(await body.text()).toBe('');
  expect((await trailers)?.get('grpc-status')).toBe('0');
});

test('8441: extended CONNECT, offered at once or later, opens a tunnel both ways', async () => {
  // INF-13
  const { server, client } = await inMemory();
  const ask = { method: 'CONNECT', protocol: 'websocket', path: '/chat' };
  expect(() => client.request(ask)).toThrow(/offer it/);
  server.enableConnectProtocol();
  await client.ping();
  const exchange = client.request(ask);
  const { request, respond } = await next(server);
  expect([request.method, request.protocol, request.path]).toEqual(['CONNECT', 'websocket', '/chat']);
  void respond.send({ status: 200 }).pipeFrom(request.body);
  exchange.body.write('ping');
  const { body } = await exchange.response;
  expect(new TextDecoder().decode((await body.next()).value)).toBe('ping');
  exchange.body.end('pong');
  expect(await body.text()).toBe('pong');
});

test('limits changed on the way: more streams at once, fewer after the acknowledgement', async () => {
  // CNC-03, CNC-12, RWN-12
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  client.request({ path: '/1' });
  client.request({ path: '/2' });
  const { respond } = await next(server);
  expect([server.openStreams, client.maxConcurrentSendStreams]).toEqual([1, 1]);
  server.setMaxConcurrentStreams(2);
  expect((await next(server)).request.path).toBe('/2');
  server.setMaxConcurrentStreams(0);
  await client.ping();
  expect(client.canOpen).toBe(false);
  respond.send({}).end();
  await client.ping();
  expect([server.hasStreams, server.maxConcurrentReceiveStreams]).toEqual([true, 0]);
  expect(() => server.setInitialWindowSize(-1)).toThrow(UsageError);
  expect(() => server.setTargetWindowSize(2 ** 31)).toThrow(UsageError);
  server.setInitialWindowSize(1000);
  server.setTargetWindowSize(8_000_000);
  await client.ping();
  expect(client.core.remoteSettings.initialWindowSize).toBe(1000);
  expect(client.sendWindow).toBe(8_000_000);
  expect(server.receiveWindow).toBe(8_000_000);
});

test('work that is held counts towards the limit after a reset, until it is done', async () => {
  // LIM-14
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  const first = client.request({ path: '/first' });
  const done = (await next(server)).respond.hold();
  first.reset();
  const second = client.request({ path: '/second' });
  const accepted = next(server);
  await client.ping();
  expect([server.requestsInHand, server.pendingAccept]).toEqual([1, 1]);
  expect(String(server)).toBe('ServerConnection, open, streams: 1, waiting: 1');
  done();
  done();
  (await accepted).respond.send({ status: 204 });
  expect((await second.response).status).toBe(204);
  expect([server.requestsInHand, server.pendingAccept]).toEqual([0, 0]);
});

test('8.4: canPush is what push says, while the client takes few promises, many or none', async () => {
  // PSH-06, PSH-18
  const { server, client } = await inMemory({}, { enablePush: true, maxConcurrentStreams: 1 });
  const exchange = client.request({});
  const { respond } = await next(server);
  const first = respond.push({ path: '/first' });
  expect(respond.canPush).toBe(false);
  expect(() => respond.push({ path: '/second' })).toThrow(/no more pushed streams/);
  first.send({}).end();
  await client.ping();
  expect(respond.canPush).toBe(true);
  client.core.updateSettings([SettingId.MAX_CONCURRENT_STREAMS, 0]);
  await client.ping();
  expect(respond.canPush).toBe(false);
  expect(() => respond.push({ path: '/third' })).toThrow(UsageError);
  client.core.updateSettings([SettingId.MAX_CONCURRENT_STREAMS, 1]);
  await client.ping();
  respond.push({ path: '/fourth' }).abort();
  expect(respond.canPush).toBe(true);
  exchange.abort();
  await client.ping();
  expect(respond.canPush).toBe(false);
  expect(() => respond.push({ path: '/fifth' })).toThrow(/cannot carry a promise/);
});

test('9218 8: a server sends what it finds urgent first, whatever the client said', async () => {
  // PRI-08
  const { server, client } = await inMemory();
  const order: string[] = [];
  const exchanges = ['/late', '/first'].map(path =>
    client.request({ path }).response.then(async ({ body }) => {
      await body.bytes();
      order.push(path);
    }),
  );
  const [late, first] = [await next(server), await next(server)];
  late.respond.prioritise(7);
  first.respond.prioritise(0, true);
  expect(() => first.respond.prioritise(8)).toThrow(UsageError);
  late.respond.send({}).end(new Uint8Array(100_000));
  first.respond.send({}).end(new Uint8Array(100_000));
  await Promise.all(exchanges);
  expect(order).toEqual(['/first', '/late']);
});
