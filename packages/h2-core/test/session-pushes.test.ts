import { expect, test } from 'vitest';
import { type ClientOptions, type H2Error, handshake, type RecvStream } from '../src/session/client.ts';
import { pair } from '../src/session/server.ts';
import { block, concat, data, E, F, frame, GET, headers, parse, preface, settings, T, u32 } from './support/frames.ts';
import { turn } from './support/session.ts';

const OK: [string, string][] = [[':status', '200']];
const AUTHORITY = GET.find(([name]) => name === ':authority')?.[1] ?? '';

/** A promise on stream 1. */
const promise = (id: number): Uint8Array => frame(T.PUSH_PROMISE, F.END_HEADERS, 1, concat(u32(id), block(GET)));

/** A promise with a complete response of so many octets. */
function pushed(id: number, octets: number): Uint8Array[] {
  const parts = [promise(id), headers(id, OK, F.END_HEADERS)];
  for (let left = octets; left > 0; left -= 16_000) {
    parts.push(data(id, new Uint8Array(Math.min(left, 16_000)), left <= 16_000 ? F.END_STREAM : 0));
  }
  return parts;
}

/** A client with a request whose response does not end, before a server that writes frames by hand. */
async function asking(options: ClientOptions) {
  const [near, far] = pair();
  const chunks: Uint8Array[] = [];
  near.start({ received: chunk => void chunks.push(chunk), drained: () => {}, closed: () => {} });
  const client = await handshake(far, { authority: AUTHORITY, ...options });
  const exchange = client.request({ path: '/' });
  near.write([settings(), headers(1, OK, F.END_HEADERS)]);
  await exchange.response;
  const sent = () => parse(concat(...chunks).slice(preface.length));
  return {
    client,
    exchange,
    /** Sends frames and waits until the client has answered the PING behind them. */
    say: async (...parts: Uint8Array[]): Promise<void> => {
      const answered = sent().filter(({ type }) => type === T.PING).length;
      near.write([...parts, frame(T.PING, 0, 0, new Uint8Array(8))]);
      while (sent().filter(({ type }) => type === T.PING).length === answered && !client.isClosed) await turn();
    },
    /** RST_STREAM frames of the client: stream and code. */
    resets: (): number[][] =>
      sent()
        .filter(({ type }) => type === T.RST_STREAM)
        .map(({ streamId, payload }) => [streamId, payload[3] as number]),
  };
}

test('8.4: a client that wants no pushes cancels those of a server that has not acknowledged its SETTINGS', async () => {
  // PSH-04, PSH-13
  const t = await asking({});
  await t.say(...pushed(2, 100), ...pushed(4, 100));
  expect(t.resets()).toEqual([
    [2, E.CANCEL],
    [4, E.CANCEL],
  ]);
  expect([t.client.isClosed, t.client.openStreams, t.client.unreleasedBytes]).toEqual([false, 1, 0]);
  const iterator = t.exchange.pushes[Symbol.asyncIterator]();
  t.exchange.reset();
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test('8.4: promises that the program has not taken count as reserved also after their responses are complete', async () => {
  // PSH-18, LIM-29
  const t = await asking({ enablePush: true, maxReservedStreams: 3 });
  for (let id = 2; id <= 10; id += 2) await t.say(...pushed(id, 10));
  expect(t.resets()).toEqual([
    [8, E.REFUSED_STREAM],
    [10, E.REFUSED_STREAM],
  ]);
  // What is taken makes room.
  const pushes = t.exchange.pushes[Symbol.asyncIterator]();
  expect((await pushes.next()).value?.streamId).toBe(2);
  await t.say(...pushed(12, 10), ...pushed(14, 10));
  expect(t.resets().slice(2)).toEqual([[14, E.REFUSED_STREAM]]);
  // So does the end of a request whose promises are given up.
  await pushes.return?.();
  const { counters } = t.client;
  await t.say(...pushed(16, 10));
  expect(t.resets().slice(3)).toEqual([[16, E.CANCEL]]);
  expect(t.client.counters.peerErrors).toBe(counters.peerErrors);
});

test('8.4: leaving the loop by break gives back the places of all promises, those still to come too', async () => {
  // PSH-18
  const t = await asking({ enablePush: true, maxReservedStreams: 2 });
  await t.say(promise(2), ...pushed(4, 10));
  for await (const { streamId } of t.exchange.pushes) {
    expect(streamId).toBe(2);
    break;
  }
  // 4 is complete: there is nothing to reset, and nothing left of it.
  expect(t.resets()).toEqual([]);
  await t.say(promise(6), promise(8), promise(10));
  expect(t.resets()).toEqual([6, 8, 10].map(id => [id, E.CANCEL]));
  expect(t.client.openStreams).toBe(2);
  // Asked for again, they have both places.
  const pushes = t.exchange.pushes[Symbol.asyncIterator]();
  await t.say(...pushed(12, 10), ...pushed(14, 10), ...pushed(16, 10));
  expect(t.resets().slice(3)).toEqual([[16, E.REFUSED_STREAM]]);
  expect([(await pushes.next()).value?.streamId, (await pushes.next()).value?.streamId]).toEqual([12, 14]);
});

test('5.2, 8.4: responses to promises that nobody takes hold one connection window, not one after the other', async () => {
  // PSH-15
  const t = await asking({ enablePush: true, initialConnectionWindowSize: 100_000 });
  for (let id = 2; id <= 8; id += 2) await t.say(...pushed(id, 48_000));
  expect(t.resets()).toEqual([
    [6, E.CANCEL],
    [8, E.CANCEL],
  ]);
  expect(t.client.unreleasedBytes).toBe(0);
  const pushes = t.exchange.pushes[Symbol.asyncIterator]();
  const bodies: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const { value } = await pushes.next();
    const body = (await value?.response)?.body as RecvStream;
    const read = body.bytes();
    bodies.push(await read.then(octets => octets.length).catch((error: H2Error) => error.rule));
  }
  expect(bodies).toEqual([48_000, 48_000, 'push.untaken', 'push.untaken']);
  // Their octets are nobody's concern any more: there is room for others.
  await t.say(...pushed(10, 96_000));
  expect(t.resets()).toHaveLength(2);
});
