import { expect, onTestFinished, test, vi } from 'vitest';
import { type ClientConnection, type ClientOptions, connect } from '../src/session/client.ts';
import { type FetchHandler, type ServeOptions, serve } from '../src/session/fetch.ts';
import { pair, type ServerConnection } from '../src/session/server.ts';
import { concat, GET, headers, parse, preface, settings, settingsAck, T } from './support/frames.ts';
import { pattern, sockets, turn } from './support/session.ts';

async function served(
  handler: FetchHandler,
  options: ServeOptions = {},
  clientOptions: ClientOptions = {},
): Promise<{ client: ClientConnection; server: ServerConnection }> {
  const [near, far] = pair();
  const [server, client] = await Promise.all([
    serve(near, handler, options),
    connect(far, { authority: 'fetch.example', scheme: 'https', ...clientOptions }),
  ]);
  return { client, server };
}

test('a Request has method, URL, fields and body; a Response its status, fields and body', async () => {
  const { client } = await served(async request => {
    const { method, url, headers } = request;
    const seen = [method, url, headers.get('x-a'), headers.get('cookie'), await request.text()];
    return new Response(JSON.stringify(seen), {
      status: 201,
      headers: [
        ['content-type', 'application/json'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['connection', 'keep-alive'],
        ['transfer-encoding', 'chunked'],
      ],
    });
  });
  const headers: [string, string][] = [
    ['x-a', '1'],
    ['x-a', '2'],
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
  ];
  const {
    status,
    headers: fields,
    body,
  } = await client.request({ method: 'PUT', path: '/p?q=1', headers }, 'body').response;
  expect(JSON.parse(await body.text())).toEqual(['PUT', 'https://fetch.example/p?q=1', '1, 2', 'a=1; b=2', 'body']);
  expect([status, ...fields.getAll('set-cookie')]).toEqual([201, 'a=1', 'b=2']);
  expect([fields.has('connection'), fields.has('transfer-encoding')]).toEqual([false, false]);
});

test('bodies stream both ways: an echo answers while it is asked', async () => {
  const { client } = await served(request => new Response(request.body));
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write('one');
  const { body } = await exchange.response;
  expect(new TextDecoder().decode((await body.next()).value)).toBe('one');
  for (let at = 0; at < 3_000_000; at += 100_000) {
    exchange.body.write(pattern(100_000, at));
  }
  exchange.body.end();
  expect(Buffer.compare(await body.bytes(), pattern(3_000_000))).toBe(0);
});

test('a response without body ends with its head; HEAD, 204 and 304 send none', async () => {
  const { client } = await served(request =>
    request.url.endsWith('/null')
      ? new Response(null, { status: 204, headers: { 'content-length': '0' } })
      : new Response('dropped'),
  );
  const none = await client.request({ path: '/null' }).response;
  expect([none.status, none.body.isEnded]).toEqual([204, true]);
  const head = await client.request({ method: 'HEAD' }).response;
  expect([head.status, await head.body.text(), head.headers.get('content-type')]).toEqual([
    200,
    '',
    'text/plain;charset=UTF-8',
  ]);
});

test('hints go before and trailers after; the trailers of the request are at hand', async () => {
  const { client } = await served(async (request, { informational, trailers, request: below }) => {
    informational(103, { link: '</a.css>' });
    await request.text();
    const received = await below.body.trailers();
    trailers(async () => ({ 'x-echo': received?.get('x-sum') ?? 'none' }));
    return new Response(request.url.endsWith('/empty') ? null : 'text');
  });
  for (const path of ['/', '/empty']) {
    const exchange = client.request({ method: 'POST', path, endStream: false });
    exchange.body.write('x');
    exchange.body.trailers({ 'x-sum': 'abc' });
    const hints: number[] = [];
    for await (const { status } of exchange.informational) hints.push(status);
    expect(hints).toEqual([103]);
    const { body } = await exchange.response;
    expect(await body.text()).toBe(path === '/' ? 'text' : '');
    expect((await body.trailers())?.get('x-echo')).toBe('abc');
  }
});

test('a reset aborts the signal of the request and cancels the body of the response', async () => {
  let aborted: unknown;
  let cancelled = false;
  const { client } = await served(request => {
    request.signal.addEventListener('abort', () => {
      aborted = request.signal.reason;
    });
    return new Response(
      new ReadableStream({
        start: controller => controller.enqueue(pattern(10)),
        cancel: () => {
          cancelled = true;
        },
      }),
    );
  });
  const exchange = client.request({});
  const { body } = await exchange.response;
  await body.next();
  exchange.abort();
  while (!cancelled) await turn();
  expect(aborted).toMatchObject({ name: 'H2Error', codeName: 'CANCEL' });
});

test('CVE-2023-44487: handlers that work on after a reset are no more than the limit on streams', async () => {
  // LIM-10, LIM-14
  const waiting: (() => void)[] = [];
  let cancelled = 0;
  const { client, server } = await served(
    async request => {
      if (!request.url.endsWith('/body')) await new Promise<void>(done => waiting.push(done));
      return new Response(
        new ReadableStream({
          start: controller => controller.enqueue(pattern(10)),
          cancel: () => {
            cancelled++;
          },
        }),
      );
    },
    { maxConcurrentStreams: 3 },
  );
  for (let round = 0; round < 5; round++) {
    const exchanges = [0, 1, 2].map(() => client.request({}));
    for (const { response } of exchanges) response.catch(() => {});
    await client.ping();
    for (const exchange of exchanges) exchange.reset();
    await client.ping();
    expect([server.openStreams, waiting.length]).toEqual([0, 3]);
  }
  const patient = client.request({ path: '/body' });
  await client.ping();
  expect([server.requestsInHand, server.pendingAccept]).toEqual([3, 1]);
  // Each that settles makes room for one; its response goes nowhere.
  for (const done of waiting.splice(0)) done();
  while (cancelled < 3) await turn();
  expect((await patient.response).status).toBe(200);
  patient.reset();
  while (cancelled < 4) await turn();
  for (let round = 0; round < 5; round++) {
    // A body given up with its stream is work that is over.
    const exchange = client.request({ path: '/body' });
    await (await exchange.response).body.next();
    exchange.reset();
    while (cancelled < 5 + round) await turn();
  }
  expect(server.openStreams).toBe(0);
});

test('a request that was reset before its turn came is not given to the handler', async () => {
  // LIM-14
  const paths: string[] = [];
  const { client, server } = await served(request => {
    paths.push(new URL(request.url).pathname);
    return new Response(null);
  });
  // Both frames leave in one write.
  const exchange = client.request({ path: '/reset' });
  exchange.response.catch(() => {});
  exchange.reset();
  expect((await client.request({ path: '/kept' }).response).status).toBe(200);
  expect([paths, server.counters.streamsReset]).toEqual([['/kept'], 1]);
});

test('a handler that fails is told and answered by 500; a body that fails resets the stream', async () => {
  const told: unknown[] = [];
  const { client } = await served(
    request => {
      if (request.url.endsWith('/throws')) throw new Error('thrown');
      if (request.url.endsWith('/status')) return Response.error();
      if (request.url.endsWith('/nothing')) return undefined as unknown as Response;
      return new Response(new ReadableStream({ pull: controller => controller.error(new Error('broken')) }));
    },
    { onError: (error, { path }) => told.push(`${path} ${(error as Error).message}`) },
  );
  expect((await client.request({ path: '/throws' }).response).status).toBe(500);
  expect((await client.request({ path: '/status' }).response).status).toBe(500);
  expect((await client.request({ path: '/nothing' }).response).status).toBe(500);
  const { body } = await client.request({ path: '/body' }).response;
  await expect(body.bytes()).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR' });
  expect(told[0]).toBe('/throws thrown');
  expect(told[1]).toMatch(/^\/status status 0 /);
  expect(told[2]).toBe('/nothing the handler gave no Response');
  expect(told[3]).toBe('/body broken');
});

test('a listener for failures that fails itself takes nothing with it: the client has its answer, the console both', async () => {
  const logged: unknown[][] = [];
  const spy = vi.spyOn(console, 'error').mockImplementation((...what) => void logged.push(what));
  onTestFinished(() => spy.mockRestore());
  const cause = new Error('thrown');
  for (const onError of [
    () => {
      throw new Error('the listener failed');
    },
    async () => {
      throw new Error('the listener failed later');
    },
  ]) {
    const { client, server } = await served(
      () => {
        throw cause;
      },
      { onError },
    );
    expect((await client.request({}).response).status).toBe(500);
    expect(server.openStreams).toBe(0);
  }
  while (logged.length < 2) await turn();
  expect(logged.map(([error, failed]) => [error === cause, (failed as Error).message])).toEqual([
    [true, 'the listener failed'],
    [true, 'the listener failed later'],
  ]);
});

test.each<[string, number]>([
  ['shorter', 4],
  ['longer', 2],
])('8.1.1: a body that is %s than its content-length resets the stream, and the program is told', async (_, body) => {
  const told: unknown[] = [];
  const { client } = await served(
    () => new Response(['a', 'bc', 'd'].join('').slice(0, body), { headers: { 'content-length': '3' } }),
    { onError: error => told.push(error) },
  );
  const { response } = client.request({});
  await expect(response.then(answer => answer.body.text())).rejects.toMatchObject({ codeName: 'INTERNAL_ERROR' });
  while (told.length === 0) await turn();
  expect(told).toMatchObject([{ name: 'UsageError', rule: 'api.content-length' }]);
});

test('a response whose body was read before, or whose head cannot be sent, is answered by 500, and its body cancelled', async () => {
  const told: string[] = [];
  const cancelled: unknown[] = [];
  const { client } = await served(
    request => {
      const response = new Response(new ReadableStream({ cancel: reason => void cancelled.push(reason) }), {
        headers: request.url.endsWith('/head') ? { 'content-length': 'many' } : {},
      });
      if (request.url.endsWith('/locked')) response.body?.getReader();
      return response;
    },
    { onError: error => told.push((error as Error).message) },
  );
  for (const path of ['/locked', '/head']) expect((await client.request({ path }).response).status).toBe(500);
  expect(told[0]).toMatch(/being read/);
  expect(told[1]).toMatch(/content-length/);
  expect(cancelled).toHaveLength(1);
});

test('a field that the program has accepted and a Request cannot have is answered by 400', async () => {
  // HDR-23
  const [near, far] = await sockets();
  const chunks: Buffer[] = [];
  far.on('data', chunk => chunks.push(chunk));
  const answers = () => parse(Buffer.concat(chunks)).filter(({ type }) => type === T.HEADERS);
  far.write(concat(preface, settings(), settingsAck));
  await serve(near, () => new Response('not reached'), { onInvalidField: () => 'accept' });
  far.write(headers(1, [...GET, ['x-bad', 'a\u0000b']]));
  while (answers().length === 0) await turn();
  // :status 400 in the static table.
  expect(answers()[0]?.payload[0]).toBe(0x80 | 12);
});

test('8.1: a body that the handler does not read is not asked for, and stopped in the end', async () => {
  const { client, server } = await served(() => new Response('no thanks'));
  const exchange = client.request({ method: 'POST', endStream: false, headers: { expect: '100-continue' } });
  expect(await (await exchange.response).body.text()).toBe('no thanks');
  for await (const { status } of exchange.informational) throw new Error(`unexpected ${status}`);
  await expect(exchange.body.finished).rejects.toMatchObject({ codeName: 'NO_ERROR' });
  expect(server.openStreams).toBe(0);
});

const responses: [string, () => Response][] = [
  ['a body', () => new Response('accepted', { status: 202 })],
  ['none', () => new Response(null, { status: 202 })],
  ['a stream', () => new Response(new Blob(['accepted']).stream(), { status: 202 })],
];

test.each(responses)('8.1: an upload that is read on after a response with %s comes whole', async (_, response) => {
  let stored: Promise<string> | undefined;
  const { client, server } = await served(request => {
    stored = request.text();
    return response();
  });
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write('a'.repeat(1000));
  expect((await exchange.response).status).toBe(202);
  await (await exchange.response).body.text();
  for (let i = 0; i < 10; i++) {
    await client.ping();
    exchange.body.write('b'.repeat(1000));
  }
  exchange.body.end();
  expect((await stored)?.length).toBe(11_000);
  await exchange.body.finished;
  await client.ping();
  expect([server.openStreams, server.counters.streamsReset]).toEqual([0, 0]);
});

test.each<[string, (request: Request) => unknown]>([
  [
    'let go by its reader',
    async ({ body }) => {
      const reader = body?.getReader();
      await reader?.read();
      reader?.releaseLock();
    },
  ],
  [
    'left in the middle',
    async ({ body }) => {
      for await (const chunk of body ?? []) if (chunk.length > 0) break;
    },
  ],
  ['not read', () => {}],
])('8.1: a body that is %s is stopped with the response; who reads it later gets an error', async (_, read) => {
  let late: (() => Promise<unknown>) | undefined;
  const { client } = await served(async (request, context) => {
    await read(request as unknown as Request);
    late = () => context.request.body.text();
    return new Response('enough');
  });
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write('a part');
  expect(await (await exchange.response).body.text()).toBe('enough');
  await expect(exchange.body.finished).rejects.toMatchObject({ codeName: 'NO_ERROR' });
  await expect(late?.()).rejects.toMatchObject({ name: 'H2Error', initiator: 'user' });
});

test('8.1: a handler that fails has the body stopped, and what reads it told', async () => {
  let stored: Promise<string> | undefined;
  const { client } = await served(
    request => {
      stored = request.text();
      stored.catch(() => {});
      throw new Error('after all');
    },
    { onError: () => {} },
  );
  const exchange = client.request({ method: 'POST', endStream: false });
  exchange.body.write('a part');
  expect((await exchange.response).status).toBe(500);
  await expect(stored).rejects.toMatchObject({ rule: 'body.cancelled' });
  await expect(exchange.body.finished).rejects.toMatchObject({ codeName: 'NO_ERROR' });
});

test.each<[string, FetchHandler]>([
  ['as it is', request => new Response(request.body)],
  ['transformed', request => new Response(request.body?.pipeThrough(new TransformStream()) ?? null)],
])('RFC 9110 10.1.1: a client that waits for 100 may send a body that is handed back %s', async (_, handler) => {
  const { client } = await served(handler);
  const exchange = client.request({ method: 'POST', endStream: false, headers: { expect: '100-continue' } });
  const statuses: number[] = [];
  for await (const { status } of exchange.informational) {
    statuses.push(status);
    exchange.body.end('sent when asked for');
  }
  expect(statuses).toEqual([100]);
  expect(await (await exchange.response).body.text()).toBe('sent when asked for');
});

test('what a Request cannot express is answered without the handler', async () => {
  const { client } = await served(
    () => {
      throw new Error('only for OPTIONS');
    },
    { onError: () => {} },
  );
  expect((await client.request({ method: 'TRACE' }).response).status).toBe(501);
  expect((await client.request({ authority: '300.300.300.300' }).response).status).toBe(400);
  expect((await client.request({ method: 'OPTIONS', path: '*' }).response).status).toBe(500);
});
