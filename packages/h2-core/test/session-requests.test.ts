import { expect, test } from 'vitest';
import { H2Error, UsageError } from '../src/session/client.ts';
import { inMemory, next, serving, turn } from './support/session.ts';

const abandoned = async () => {
  throw new Error('no more');
};

test.each([
  ['a number', 5],
  ['an object', {}],
  ['true', true],
  ['memory that is no Uint8Array', new ArrayBuffer(4)],
  ['numbers of 16 bits', new Uint16Array(4)],
  ['a function', abandoned],
])('a body that is %s throws a UsageError, and nothing is sent', async (_, body) => {
  const { server, client } = await inMemory();
  const refused = expect(() => client.request({ method: 'POST' }, body as never));
  refused.toThrow(UsageError);
  refused.toThrow(/a body is text, a Uint8Array/);
  await client.ping();
  expect([client.counters.streamsOpened, server.counters.streamsOpened]).toEqual([0, 0]);
});

test('a body that somebody else reads throws a UsageError with the cause, and nothing is sent', async () => {
  const { client } = await inMemory();
  const locked = new ReadableStream<Uint8Array>();
  locked.getReader();
  let thrown: unknown;
  try {
    client.request({ method: 'POST' }, locked);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ name: 'UsageError', rule: 'api.body', cause: { name: 'TypeError' } });
  expect(client.counters.streamsOpened).toBe(0);
});

test('a body of null is none', async () => {
  const { server, client } = await inMemory();
  client.request({ path: '/' }, null);
  expect((await next(server)).request.body.isEnded).toBe(true);
});

test('a bad head leaves the source of the body as it was', async () => {
  const { server, client } = await inMemory();
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Uint8Array.of(1, 2, 3));
      controller.close();
    },
  });
  expect(() => client.request({ method: 'POST', path: '/a b' }, source)).toThrow(UsageError);
  expect(source.locked).toBe(false);
  client.request({ method: 'POST' }, source);
  expect(await (await next(server)).request.body.bytes()).toEqual(Uint8Array.of(1, 2, 3));
});

test('8.1.1: a body given whole that is not as long as its content-length is refused before its head has left', async () => {
  const { client } = await inMemory();
  for (const body of ['abc', 'größer', new Uint8Array(6)]) {
    const refused = expect(() => client.request({ method: 'POST', headers: { 'content-length': 5 } }, body));
    refused.toThrow(/octets, but content-length is "5"/);
  }
  expect(client.counters.streamsOpened).toBe(0);
  client.request({ method: 'POST', headers: { 'content-length': 5 } }, 'grün');
});

test('pipeFrom rejects what is no source, and after the end; the stream is as it was', async () => {
  const { server, client } = await inMemory();
  const exchange = client.request({ method: 'POST', endStream: false });
  await expect(exchange.body.pipeFrom(null as never)).rejects.toMatchObject({ rule: 'api.body' });
  await expect(exchange.body.pipeFrom(5 as never)).rejects.toMatchObject({ rule: 'api.body' });
  exchange.body.end('still here');
  await expect(exchange.body.pipeFrom('more')).rejects.toMatchObject({ rule: 'api.write-after-end' });
  expect(await (await next(server)).request.body.text()).toBe('still here');
  expect(exchange.body.isEnded).toBe(true);
});

test('a signal that has been aborted keeps the request from being made, and its source is told', async () => {
  // RST-05
  const { server, client } = await inMemory();
  const seen: string[] = [];
  void serving(server, ({ request }) => void seen.push(request.path));
  const reason = new Error('changed my mind');
  const signal = AbortSignal.abort(reason);
  let told: unknown;
  const source = new ReadableStream<Uint8Array>({
    cancel: why => {
      told = why;
    },
  });
  const exchanges = [
    client.request({ method: 'DELETE', path: '/none', signal }),
    client.request({ method: 'POST', path: '/whole', signal }, 'amount=5'),
    client.request({ method: 'POST', path: '/source', signal }, source),
    client.request({ method: 'POST', path: '/written', signal, endStream: false }),
  ];
  for (const exchange of exchanges) {
    const error = await exchange.response.catch((failed: unknown) => failed);
    expect(error).toBeInstanceOf(H2Error);
    expect(error).toMatchObject({ rule: 'stream.reset', codeName: 'CANCEL', initiator: 'user', cause: reason });
    expect(exchange.streamId).toBe(0);
    exchange.abort();
    exchange.prioritise(1);
    expect(await exchange.informational[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
    expect(await exchange.pushes[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
  }
  expect(exchanges[3]?.body.write('x')).toBe(false);
  await client.ping();
  await turn();
  expect([seen, told, client.counters.streamsOpened, server.counters.streamsOpened]).toEqual([[], reason, 0, 0]);
});

test('a signal that is aborted later is the cause of what fails: the response, its body, and what is written', async () => {
  const { server, client } = await inMemory();
  const asked = new AbortController();
  const waiting = client.request({ path: '/waiting', signal: asked.signal });
  const sending = client.request({ method: 'POST', path: '/sending', signal: asked.signal, endStream: false });
  await next(server);
  (await next(server)).respond.send({}).write('part');
  const { body } = await sending.response;
  const reason = new Error('too late');
  asked.abort(reason);
  const expected = { rule: 'stream.reset', cause: reason };
  await expect(waiting.response).rejects.toMatchObject(expected);
  await expect(body.text()).rejects.toMatchObject(expected);
  await expect(sending.body.finished).rejects.toMatchObject(expected);
  await expect(sending.body.ready()).rejects.toMatchObject(expected);
});

test('a signal that is none is refused', async () => {
  const { client } = await inMemory();
  expect(() => client.request({ signal: {} as never })).toThrow(/no AbortSignal/);
  expect(() => client.request({ signal: 'x' as never })).toThrow(/no AbortSignal/);
  expect(client.counters.streamsOpened).toBe(0);
});

test.each([
  ['null', null, /not as null/],
  ['text', 'a: b', /not as "a: b"/],
  ['a number', 5, /not as 5/],
  ['a flat list', ['a', 'b'], /\[name, value\] or .*not "a"/],
  ['lines of one', [['a']], /not a list of 1/],
  ['lines of three', [['a', 'b', 'c']], /not a list of 3/],
  ['a line of null', [null], /not null/],
  ['a name that is a number', [[1, 'a']], /name of a field is a string, not 1/],
  ['no name', [{ name: undefined, value: 'a' }], /name of a field is a string, not undefined/],
  ['a value of null', { a: null }, /value of field "a"/],
])('fields given as %s are refused with words that say what is wrong', async (_, fields, words) => {
  const { client } = await inMemory();
  const refused = expect(() => client.request({ headers: fields as never }));
  refused.toThrow(UsageError);
  refused.toThrow(words);
  expect(client.counters.streamsOpened).toBe(0);
});

test('a head that is none is refused', async () => {
  const { client } = await inMemory();
  for (const init of [undefined, null, '/path', 5, { path: 5 }, { method: null, path: {} }, { authority: 5 }]) {
    expect(() => client.request(init as never)).toThrow(UsageError);
  }
  expect(client.counters.streamsOpened).toBe(0);
});

test('a request that waits for a slot has not been sent: finished tells when it has, or that it never was', async () => {
  // CNC-04
  const { server, client } = await inMemory({ maxConcurrentStreams: 1 });
  client.request({ path: '/1' });
  const [second, third, fourth] = ['/2', '/3', '/4'].map(path => client.request({ path }));
  const told: string[] = [];
  const tell = (name: string, sent: Promise<void> | undefined): void => {
    sent?.then(
      () => told.push(`${name} sent`),
      () => told.push(`${name} not sent`),
    );
  };
  tell('2', second?.body.finished);
  tell('3', third?.body.finished);
  tell('4', fourth?.body.finished);
  const { respond } = await next(server);
  await client.ping();
  expect(told).toEqual([]);
  third?.abort();
  respond.send({}).end();
  await next(server);
  expect(told).toEqual(['3 not sent', '2 sent']);
  client.destroy();
  await client.closed;
  expect(told).toEqual(['3 not sent', '2 sent', '4 not sent']);
});
