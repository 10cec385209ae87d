/** What programs give wrongly is told at once, as a `UsageError`, and changes nothing. */
import { describe, expect, test } from 'vitest';
import { Connection, OptionError, resolveOptions, SettingId } from '../src/index.ts';
import { type ClientOptions, handshake, pair, UsageError } from '../src/session/client.ts';
import { handshake as serve } from '../src/session/server.ts';
import { concat, frame, goAway, settings } from './support/frames.ts';
import { failure, inMemory, next } from './support/session.ts';

const ascii = (text: string): Uint8Array => Uint8Array.from(text, each => each.charCodeAt(0));

describe('PING', () => {
  test.each([
    ['text of 8 characters', '12345678'],
    ['a list of 8', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['7 octets', new Uint8Array(7)],
    ['memory that is no Uint8Array', new ArrayBuffer(8)],
    ['8 numbers of 16 bits', new Uint16Array(8)],
  ])('a payload that is %s fails the promise; nothing is sent, and the connection goes on', async (_, payload) => {
    const { client } = await inMemory();
    const sent = client.counters.framesSent;
    await expect(client.ping(payload as never)).rejects.toMatchObject({ name: 'UsageError', rule: 'api.ping' });
    expect(() => client.core.ping(payload as never)).toThrow(UsageError);
    expect(client.counters.framesSent).toBe(sent);
    expect(await client.ping()).toBeGreaterThanOrEqual(0);
  });

  test.each(['glaskeep', 'glasstop', 'glascanc'])("the library's own payload %s is refused, not lost", async text => {
    const { server, client } = await inMemory();
    for (const end of [server, client]) {
      await expect(end.ping(ascii(text))).rejects.toThrow(/library's own/);
      expect(() => end.core.ping(ascii(text))).toThrow(UsageError);
    }
    expect(await client.ping(ascii(text.toUpperCase()))).toBeGreaterThanOrEqual(0);
  });

  test('a payload may be used again at once, also a Buffer', async () => {
    const { client } = await inMemory();
    const payload = Buffer.from('12345678');
    const answered = client.ping(payload);
    payload.fill(0);
    expect(await answered).toBeGreaterThanOrEqual(0);
  });
});

describe('shutdown', () => {
  test('every call reports what was cut, whichever deadline it was', async () => {
    const { client, server } = await inMemory();
    const { response } = client.request({ path: '/hangs' });
    await next(server);
    const reports = [client.shutdown({ deadlineMs: 60_000 }), client.shutdown({ deadlineMs: 5 }), client.shutdown()];
    const cut = [{ streamId: 1, method: 'GET', path: '/hangs' }];
    for (const report of await Promise.all(reports)) expect(report.cut).toEqual(cut);
    // One that comes after the end has cut nothing.
    expect((await client.shutdown()).cut).toEqual([]);
    await failure(response);
  });

  test.each([
    ['NaN', { deadlineMs: Number.NaN }, 'api.deadline'],
    ['text', { deadlineMs: '100' }, 'api.deadline'],
    ['negative', { deadlineMs: -1 }, 'api.deadline'],
    ['null', { deadlineMs: null }, 'api.deadline'],
    ['debug data that is no text', { debugData: 5 }, 'api.debug-data'],
    ['a number for options', 5, 'api.shutdown'],
    ['null for options', null, 'api.shutdown'],
  ])('a deadline that is %s fails it, and nothing is cut', async (_, options, rule) => {
    const { client, server } = await inMemory();
    const exchange = client.request({ path: '/' });
    const { respond } = await next(server);
    for (const end of [client, server]) await expect(end.shutdown(options as never)).rejects.toMatchObject({ rule });
    expect([client.isDraining, server.isDraining]).toEqual([false, false]);
    respond.send({}).end('whole');
    expect(await (await exchange.response).body.text()).toBe('whole');
  });

  test('debug data of an abrupt end that is no text is refused, and the connection goes on', async () => {
    const { client } = await inMemory();
    expect(() => client.destroy(0, 5 as never)).toThrow(UsageError);
    expect(() => client.destroy(0, null as never)).toThrow(UsageError);
    expect(client.isDraining).toBe(false);
    expect(await client.ping()).toBeGreaterThanOrEqual(0);
  });
});

test('a response head that is none is refused with words, and the right one can follow', async () => {
  const { client, server } = await inMemory({}, { enablePush: true });
  const exchange = client.request({});
  const { respond } = await next(server);
  for (const head of [undefined, null, 200, 'ok']) {
    expect(() => respond.send(head as never)).toThrow(/head of a response is an object/);
    expect(() => respond.push(head as never)).toThrow(/request to promise is an object/);
  }
  expect(() => respond.send({ status: '200' as never })).toThrow(/status is a number, not "200"/);
  expect(() => respond.informational('103' as never)).toThrow(/status is a number, not "103"/);
  expect(() => respond.send({ headers: null as never })).toThrow(/not as null/);
  expect(() => respond.onReset(5 as never)).toThrow(/5 cannot be called/);
  respond.send({ status: 200 }).end('ok');
  expect(await (await exchange.response).body.text()).toBe('ok');
});

test('options that are none, and listeners that cannot be called, are refused before a peer can trip over them', async () => {
  for (const options of [null, 5, 'x'] as never[]) {
    await expect(handshake(pair()[0], options)).rejects.toThrow(UsageError);
    await expect(serve(pair()[0], options)).rejects.toThrow(UsageError);
  }
  const names: (keyof ClientOptions)[] = [
    'onUnknownFrame',
    'onInvalidField',
    'onAltSvc',
    'onOrigins',
    'isAuthoritative',
  ];
  for (const name of names) {
    await expect(handshake(pair()[0], { [name]: 5 })).rejects.toMatchObject({ name: 'OptionError', option: name });
  }
  await expect(handshake(pair()[0], { tap: {} as never })).rejects.toMatchObject({ option: 'tap' });
});

test('a limit of octets or a mode of flow control that is none is refused: it would let everything through', async () => {
  const { client, server } = await inMemory();
  client.request({ method: 'POST' }, 'body');
  const { body } = (await next(server)).request;
  for (const limit of [Number.NaN, -1, '5', null]) {
    await expect(body.bytes(limit as never)).rejects.toMatchObject({ rule: 'api.body-limit' });
  }
  expect(() => {
    body.flowControl.mode = 'auto' as never;
  }).toThrow(/"automatic" or "manual"/);
  expect(await body.text(4)).toBe('body');
});

test('a name to look up that is no text is refused', async () => {
  const { client, server } = await inMemory();
  client.request({});
  const { headers } = (await next(server)).request;
  for (const name of [undefined, null, 5] as never[]) {
    for (const look of [() => headers.get(name), () => headers.getAll(name), () => headers.has(name)]) {
      expect(look).toThrow(/name of a field is a string/);
    }
  }
});

test('6.8, 5.5: what is kept of GOAWAY and of unknown frames does not hold the delivery it came in', async () => {
  const frames: number[] = [];
  const [near, far] = pair();
  near.start({ received: () => {}, drained: () => {}, closed: () => {} });
  const client = await handshake(far, { onUnknownFrame: frame => frames.push(frame.payload.buffer.byteLength) });
  const delivery = concat(settings(), frame(0xf0, 0, 0, [1, 2, 3]), goAway(0, 0), new Uint8Array(60_000));
  near.write([Buffer.from(delivery.buffer)]);
  const { goAway: info } = await client.closed;
  expect([frames, info?.debugData.buffer.byteLength]).toEqual([[3], 0]);
});

describe('what is no number', () => {
  const odd: [string, unknown][] = [
    ['a Symbol', Symbol('odd')],
    ['a BigInt', 1n],
    ['an object without prototype', Object.create(null)],
    ['a list of a BigInt', [1n]],
    ['a list of itself', [[]]],
    [
      'an object that throws',
      {
        valueOf: () => {
          throw new Error('asked for its value');
        },
      },
    ],
  ];

  test.each(odd)('%s is refused as every option of a connection', (_, value) => {
    const unchecked = new Set(['extraSettings', 'settingsOrder', 'pseudoOrder']);
    for (const role of ['server', 'client'] as const) {
      for (const name of Object.keys(resolveOptions(role))) {
        if (unchecked.has(name) && Array.isArray(value)) continue;
        const make = () => new Connection({ role, handler: {}, [name]: value });
        expect(make, `${role} ${name}`).toThrow(OptionError);
      }
    }
  });

  test.each(odd)('%s is refused by every command that takes a number', async (_, value) => {
    const { server, client } = await inMemory();
    const exchange = client.request({ method: 'POST', endStream: false });
    exchange.response.catch(() => {});
    const { request, respond } = await next(server);
    const bad = value as number;
    const stream = server.core.stream(1);
    if (stream === undefined) throw new Error('stream 1 is gone');
    request.body.flowControl.mode = 'manual';
    const commands: Record<string, () => unknown> = {
      destroy: () => server.destroy(bad),
      setInitialWindowSize: () => server.setInitialWindowSize(bad),
      setMaxConcurrentStreams: () => server.setMaxConcurrentStreams(bad),
      setTargetWindowSize: () => server.setTargetWindowSize(bad),
      reset: () => respond.reset(bad),
      informational: () => respond.informational(bad),
      send: () => respond.send({ status: bad }),
      'prioritise a response': () => respond.prioritise(bad),
      'prioritise a request': () => exchange.prioritise(bad),
      release: () => request.body.flowControl.release(bad),
      respond: () => server.core.respond(stream, bad, [], true),
      inform: () => server.core.inform(stream, bad, []),
      'id of a setting': () => server.core.updateSettings([bad, 1]),
      'value of a setting': () => server.core.updateSettings([SettingId.INITIAL_WINDOW_SIZE, bad]),
      'stream of a priority': () => client.core.priorityUpdate(bad, 'u=1'),
      'type of a frame': () => server.core.sendUnknownFrame(bad, 0, 0, new Uint8Array(1)),
      'flags of a frame': () => server.core.sendUnknownFrame(0x77, bad, 0, new Uint8Array(1)),
      'stream of a frame': () => server.core.sendUnknownFrame(0x77, 0, bad, new Uint8Array(1)),
    };
    for (const [name, command] of Object.entries(commands)) expect(command, name).toThrow(UsageError);
    await expect(server.shutdown({ deadlineMs: bad })).rejects.toThrow(UsageError);
    await expect(request.body.bytes(bad)).rejects.toThrow(UsageError);
    respond.send({}, { endStream: true });
    expect((await exchange.response).status).toBe(200);
  });
});
