import { expect, test } from 'vitest';
import { ErrorCode, type Exchange, type H2Error, UsageError } from '../src/session/client.ts';
import { handshakeUpgraded, pair } from '../src/session/server.ts';
import { concat, goAway, parse, preface, settings, settingsAck, T, windowUpdate } from './support/frames.ts';
import { inMemory, next, pattern, serving, turn } from './support/session.ts';

test('a request takes scheme and authority from the connection unless it names its own', async () => {
  const { server, client } = await inMemory({}, { scheme: 'https', authority: 'one.example:8443' });
  client.request({});
  client.request({ scheme: 'http', authority: 'two.example', path: '*', method: 'OPTIONS' });
  const seen = [await next(server), await next(server)].map(({ request }) => [
    request.method,
    request.scheme,
    request.authority,
    request.path,
  ]);
  expect(seen).toEqual([
    ['GET', 'https', 'one.example:8443', '/'],
    ['OPTIONS', 'http', 'two.example', '*'],
  ]);
});

test('a bad request throws a UsageError and nothing is sent', async () => {
  const { client } = await inMemory({}, { authority: '' });
  for (const init of [
    {},
    { authority: 'user@a.example' },
    { authority: 'a.example', path: '' },
    { authority: 'a.example', path: '/a b' },
    { authority: 'a.example', method: 'GE T' },
    { authority: 'a.example', scheme: 'ht\u2028tp' },
    { authority: 'a.example', scheme: 'http\r\n' },
    { authority: 'a.example', method: 'CONNECT', protocol: 'web socket' },
    { authority: 'a.example', headers: { upgrade: 'h2c' } },
    { method: 'CONNECT' },
  ]) {
    expect(() => client.request(init)).toThrow(UsageError);
  }
  expect(client.counters.streamsOpened).toBe(0);
  expect(client.request({ headers: { host: 'a.example' } }).request.authority).toBe('');
});

test('a body without endStream: false is closed to the caller; with a source it is the source alone that writes', async () => {
  const { server, client } = await inMemory();
  serving(server, ({ request, respond }) => void respond.send({}).pipeFrom(request.body));
  const none = client.request({});
  expect(() => none.body.write('x')).toThrow(/has ended/);
  const text = client.request({ method: 'POST' }, 'text');
  expect(() => text.body.end()).toThrow(/has ended/);
  expect(await (await text.response).body.text()).toBe('text');
});

test('5.1.2: requests above the limit wait for a slot in order; canOpen and ready() tell', async () => {
  // CNC-04, RTY-06
  const { server, client } = await inMemory({ maxConcurrentStreams: 2 });
  const exchanges = ['/1', '/2', '/3', '/4'].map(path => client.request({ path }));
  expect(exchanges.map(({ streamId }) => streamId)).toEqual([1, 3, 0, 0]);
  expect(client.canOpen).toBe(false);
  const order: string[] = [];
  const waits = ['a', 'b'].map(name => client.ready().then(() => order.push(name)));
  const seen: string[] = [];
  for (let i = 0; i < 4; i++) {
    const { request, respond } = await next(server);
    seen.push(request.path);
    expect(order).toEqual([]);
    respond.send({}).end();
    await turn();
  }
  await Promise.all(waits);
  expect([seen, order]).toEqual([
    ['/1', '/2', '/3', '/4'],
    ['a', 'b'],
  ]);
  await client.ready();
});

test('ready() settles when the server answers the PING of a cancelled request', async () => {
  // RTY-09
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  const cancelled = client.request({});
  cancelled.abort();
  expect(client.canOpen).toBe(false);
  await client.ready();
  expect(client.canOpen).toBe(true);
  await expect(cancelled.response).rejects.toMatchObject({ codeName: 'CANCEL' });
  server.destroy();
});

test('a request that waits for a slot can be written to, and be given up without a trace', async () => {
  // CNC-06
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  client.request({ path: '/first' });
  const { respond } = await next(server);
  const given = client.request({ path: '/given-up', method: 'POST' }, 'never');
  const kept = client.request({ path: '/kept', method: 'POST' }, 'kept');
  given.abort();
  await expect(given.response).rejects.toMatchObject({ codeName: 'CANCEL', initiator: 'user' });
  respond.send({}).end();
  const { request } = await next(server);
  expect([request.path, request.streamId, await request.body.text()]).toEqual(['/kept', 3, 'kept']);
  kept.abort();
});

test('an aborted signal resets the stream, before, during and never after', async () => {
  const { server, client } = await inMemory();
  const early = client.request({ signal: AbortSignal.abort() });
  await expect(early.response).rejects.toMatchObject({ codeName: 'CANCEL' });
  await client.ping();
  const controller = new AbortController();
  const exchange = client.request({ path: '/during', signal: controller.signal });
  const { respond } = await next(server);
  const told = new Promise<H2Error>(done => respond.onReset(done));
  controller.abort();
  expect((await told).codeName).toBe('CANCEL');
  await expect(exchange.response).rejects.toMatchObject({ codeName: 'CANCEL' });
  const later = new AbortController();
  const complete = client.request({ path: '/after', signal: later.signal });
  (await next(server)).respond.send({}).end('all');
  const { body } = await complete.response;
  await client.ping();
  later.abort();
  expect(await body.text()).toBe('all');
});

test('8.4: pushes come with their request and response; the parent may end first', async () => {
  // PSH-15
  const { server, client } = await inMemory({}, { enablePush: true });
  const exchange = client.request({ path: '/page' });
  const { respond } = await next(server);
  expect(respond.canPush).toBe(true);
  const style = respond.push({ path: '/a.css', headers: { accept: 'text/css' } });
  const script = respond.push({ path: '/b.js', method: 'HEAD' });
  expect([style.streamId, style.request.path, script.request.authority]).toEqual([2, '/a.css', 'test.example']);
  respond.send({}).end('page');
  expect(respond.canPush).toBe(false);
  style.send({ headers: { 'content-type': 'text/css' } }).end('body{}');
  script.send({}).end('dropped');
  const seen: string[] = [];
  for await (const { method, path, scheme, authority, headers, response } of exchange.pushes) {
    const { status, body } = await response;
    seen.push(`${method} ${scheme}://${authority}${path} ${headers.get('accept')} ${status} ${await body.text()}`);
  }
  expect(seen).toEqual([
    'GET http://test.example/a.css text/css 200 body{}',
    'HEAD http://test.example/b.js null 200 ',
  ]);
  expect(await (await exchange.response).body.text()).toBe('page');
});

test.each([
  [undefined, 'PROTOCOL_ERROR', []],
  [(origin: string) => origin === 'http://img.example', 'CANCEL', ['/logo.svg']],
])(
  '8.4: a push of an origin that the server is not known to be authoritative for is reset',
  async (isAuthoritative, code, taken) => {
    // PSH-11
    const { server, client } = await inMemory(
      {},
      isAuthoritative === undefined ? { enablePush: true } : { enablePush: true, isAuthoritative },
    );
    const exchange = client.request({ path: '/page' });
    const { respond } = await next(server);
    const own = respond.push({ path: '/own' });
    const foreign = respond.push({ path: '/logo.svg', authority: 'IMG.example:80' });
    const ended = new Promise<string>(done => foreign.onReset(error => done(error.codeName)));
    respond.send({}).end('page');
    own.send({}).end();
    const seen: string[] = [];
    for await (const pushed of exchange.pushes) {
      seen.push(pushed.path);
      if (pushed.authority !== 'test.example') pushed.reset(ErrorCode.CANCEL);
    }
    expect([await ended, seen]).toEqual([code, ['/own', ...taken]]);
  },
);

test('8.4: promises are refused when not enabled, not wanted, or left; unsafe ones are never made', async () => {
  // PSH-04, PSH-10, PSH-13, PSH-14
  const off = await inMemory();
  off.client.request({});
  const without = (await next(off.server)).respond;
  expect(without.canPush).toBe(false);
  expect(() => without.push({ path: '/x' })).toThrow(/does not accept pushes/);

  const { server, client } = await inMemory({}, { enablePush: true });
  const promise = async (path: string) => {
    const exchange = client.request({ path });
    const { respond } = await next(server);
    expect(() => respond.push({ path: '/x', method: 'POST' })).toThrow(UsageError);
    const pushed = respond.push({ path: '/pushed' });
    const code = new Promise<string>(done => pushed.onReset(error => done(error.codeName)));
    return { exchange, respond, code };
  };
  const ignored = await promise('/ignored');
  ignored.respond.send({}).end();
  expect(await ignored.code).toBe('CANCEL');

  const left = await promise('/left');
  for await (const pushed of left.exchange.pushes) {
    pushed.reset(ErrorCode.REFUSED_STREAM);
    break;
  }
  expect(await left.code).toBe('REFUSED_STREAM');
  left.respond.send({}).end();
  await client.ping();
  expect(client.openStreams).toBe(0);
});

test('8.7: what the server did not process is retryable: refused, or above the last stream of GOAWAY', async () => {
  // RTY-01, RTY-05, RTY-08, RTY-12
  const [near, far] = pair();
  const chunks: Uint8Array[] = [];
  near.start({ received: chunk => void chunks.push(chunk), drained: () => {}, closed: () => {} });
  near.write([settings()]);
  const { connect } = await import('../src/session/client.ts');
  const client = await connect(far, { authority: 'a.example' });
  const exchanges = ['/1', '/3', '/5'].map(path => client.request({ path }));
  near.write([goAway(3, 0)]);
  await expect(exchanges[2]?.response).rejects.toMatchObject({ retryable: true, rule: 'goaway.unprocessed' });
  expect([client.isDraining, client.canOpen, client.openStreams]).toEqual([true, false, 2]);
  // A second, lower one turns those between into retryable ones too.
  near.write([goAway(1, 0)]);
  await expect(exchanges[1]?.response).rejects.toMatchObject({ retryable: true });
  near.end(() => {});
  await expect(exchanges[0]?.response).rejects.toMatchObject({ retryable: false, rule: 'transport.closed' });
  const sent = parse(concat(...chunks).slice(preface.length)).filter(({ streamId }) => streamId !== 0);
  expect(sent.map(({ streamId }) => streamId)).toEqual([1, 3, 5]);
});

test('more informational responses than anybody reads reset the stream', async () => {
  // LIM-30
  const { server, client } = await inMemory();
  const exchange = client.request({});
  const { respond } = await next(server);
  for (let i = 0; i < 65; i++) respond.informational(103, { link: `<${i}>` });
  await expect(exchange.response).rejects.toMatchObject({ codeName: 'ENHANCE_YOUR_CALM' });
  let kept = 0;
  for await (const { status } of exchange.informational) kept += status === 103 ? 1 : 0;
  expect(kept).toBe(64);
});

test('8.1: a response that is complete before its request is no error', async () => {
  // RTY-11
  const { server, client } = await inMemory();
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write(pattern(10));
  (await next(server)).respond.send({ status: 200 }).end('early');
  const { body } = await exchange.response;
  await expect(exchange.body.finished).rejects.toMatchObject({ codeName: 'NO_ERROR' });
  expect(await body.text()).toBe('early');
});

test('7540 3.2: an upgraded connection begins with the request that asked for it, under its HTTP2-Settings', async () => {
  // PRE-10
  const [near, far] = pair();
  const chunks: Uint8Array[] = [];
  far.start({ received: chunk => void chunks.push(chunk), drained: () => {}, closed: () => {} });
  far.write([preface, settings(), settingsAck]);
  const request = { method: 'GET', authority: 'a.example', path: '/up', headers: { 'x-a': '1' } };
  // SETTINGS_INITIAL_WINDOW_SIZE 5 as base64url: a response body stops after five octets.
  const connection = await handshakeUpgraded(near, { settings: 'AAQAAAAF', request });
  const accepted = await next(connection);
  expect([accepted.request.path, accepted.request.streamId, accepted.request.scheme]).toEqual(['/up', 1, 'http']);
  accepted.respond.send({}).end('eight oc');
  const bodyOf = (): number[] =>
    parse(concat(...chunks))
      .filter(({ type }) => type === T.DATA)
      .map(({ payload }) => payload.length);
  while (bodyOf().length === 0) await turn();
  far.write([windowUpdate(1, 100)]);
  while (bodyOf().length === 1) await turn();
  expect(bodyOf()).toEqual([5, 3]);
  connection.destroy();
});

test('7540 3.2.1: HTTP2-Settings that is no base64url of SETTINGS is the mistake of the caller', async () => {
  const request = { method: 'GET', authority: 'a.example', path: '/' };
  for (const bad of ['AAQAAAA', 'AAQAAAAF=', 'A']) {
    await expect(handshakeUpgraded(pair()[0], { settings: bad, request })).rejects.toThrow(UsageError);
  }
});

test('9218 7.1: a client changes its mind about a priority, and the server goes by it', async () => {
  const { server, client } = await inMemory({}, { initialWindowSize: 2_000_000 });
  const order: string[] = [];
  const [late, first] = ['/late', '/first'].map(path => client.request({ path })) as [Exchange, Exchange];
  const read = [late, first].map(async exchange => {
    await (await exchange.response).body.bytes();
    order.push(exchange.request.path);
  });
  first.prioritise(0);
  late.prioritise(7, true);
  expect(() => late.prioritise(8)).toThrow(UsageError);
  await client.ping();
  for (let i = 0; i < 2; i++) (await next(server)).respond.send({}).end(new Uint8Array(1_000_000));
  await Promise.all(read);
  first.prioritise(1);
  expect(order).toEqual(['/first', '/late']);
});

test('5.5, 7838, 8336: frames beyond HTTP/2 are told to those who asked', async () => {
  const told: unknown[] = [];
  const { server, client } = await inMemory(
    { onUnknownFrame: frame => told.push(['server', frame]) },
    {
      onUnknownFrame: frame => told.push(['client', frame]),
      onAltSvc: (service, streamId) => told.push([streamId, service]),
      onOrigins: origins => told.push(origins),
    },
  );
  server.core.sendUnknownFrame(0xf0, 3, 0, Uint8Array.of(1, 2));
  client.core.sendUnknownFrame(0xf1, 0, 0, new Uint8Array(0));
  server.core.altSvc(0, { origin: 'https://a.example', value: 'h2=":8443"' });
  server.core.origins(['https://b.example']);
  await client.ping();
  expect(told).toContainEqual(['client', { type: 0xf0, flags: 3, streamId: 0, payload: Uint8Array.of(1, 2) }]);
  expect(told).toContainEqual(['server', { type: 0xf1, flags: 0, streamId: 0, payload: new Uint8Array(0) }]);
  expect(told).toContainEqual([0, { origin: 'https://a.example', value: 'h2=":8443"' }]);
  expect(told).toContainEqual(['https://b.example']);
  const quiet = await inMemory();
  quiet.server.core.sendUnknownFrame(0xf0, 0, 0, new Uint8Array(0));
  quiet.server.core.origins(['https://c.example']);
  quiet.server.core.altSvc(0, { origin: 'https://a.example', value: 'clear' });
  await quiet.client.ping();
  expect(quiet.client.error).toBe(null);
});

test('a request that is given up takes the promises along that nobody has taken; one that was taken goes on', async () => {
  // RST-05, PSH-14
  const { server, client } = await inMemory({}, { enablePush: true });
  const exchange = client.request({ path: '/' });
  const pushes = exchange.pushes[Symbol.asyncIterator]();
  const other = client.request({ path: '/other' });
  const taken = (await next(server)).respond.push({ path: '/taken' });
  const { value } = await pushes.next();
  (await next(server)).respond.push({ path: '/untaken' });
  await server.ping();
  expect(client.openStreams).toBe(4);
  exchange.reset();
  other.reset();
  await client.ping();
  await server.ping();
  expect([client.openStreams, server.openStreams]).toEqual([1, 1]);
  taken.send({ status: 200 }).end('kept');
  expect(await (await value?.response)?.body.text()).toBe('kept');
});

test('RTY-03 what is safe to retry says whether the program still has all of it', async () => {
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  const open = client.request({ path: '/open' });
  const { respond } = await next(server);
  const streamed = client.request({ path: '/streamed', method: 'POST' }, ['a', 'b']);
  const pieces = client.request({ path: '/pieces', method: 'POST', endStream: false });
  const whole = client.request({ path: '/whole', method: 'POST' }, 'text');
  const bare = client.request({ path: '/bare' });
  for (const { response } of [streamed, pieces, whole, bare]) response.catch(() => {});
  const shut = client.shutdown();
  client.request({ path: '/late' }).response.catch(() => {});
  respond.send({}, { endStream: true });
  await open.response;
  expect((await shut).retryable.map(({ path, isReplayable }) => `${path} ${isReplayable}`)).toEqual([
    '/streamed false',
    '/pieces false',
    '/whole true',
    '/bare true',
    '/late true',
  ]);
  expect([streamed, pieces, whole, bare].map(exchange => exchange.isReplayable)).toEqual([false, false, true, true]);
});

test('ROB-09 what a program is given prints as what it is, without bodies and values of fields', async () => {
  const { inspect } = await import('node:util');
  const { server, client } = await inMemory({}, { scheme: 'https', enablePush: true });
  const exchange = client.request({ path: '/p', method: 'POST', headers: { 'x-a': 'secret' } }, 'body of it');
  const promises = exchange.pushes[Symbol.asyncIterator]();
  const accepted = await next(server);
  const pushed = accepted.respond.push({ path: '/pushed', headers: { 'x-p': 'secret' } });
  accepted.respond.informational(103, { link: 'secret' });
  const out = accepted.respond.send({ headers: { 'x-b': 'secret' } });
  out.end('body of it');
  const response = await exchange.response;
  const { value: hint } = await exchange.informational[Symbol.asyncIterator]().next();
  const { value: promise } = await promises.next();
  await client.ping();
  const shown = [exchange, accepted.request, accepted.respond, pushed, response, hint, promise, out].map(each =>
    inspect(each),
  );
  expect(shown).toEqual([
    'POST https://test.example/p (stream 1)',
    'POST https://test.example/p (stream 1)',
    'response to POST https://test.example/p (stream 1)',
    'response to GET https://test.example/pushed (stream 2)',
    '200 (stream 1) [x-b]',
    '103 [link]',
    'GET https://test.example/pushed (stream 2)',
    'body of stream 1, ended',
  ]);
  expect(`${accepted.request.headers} ${response.body}`).toBe('[x-a] body of stream 1, 10 octets to read');
  expect([inspect(client), `${server}`]).toEqual([
    'ClientConnection, open, streams: 1',
    'ServerConnection, open, streams: 1',
  ]);
});
