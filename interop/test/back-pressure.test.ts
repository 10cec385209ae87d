/** A transport whose other end does not read holds the program up, and goes on when it does: every kind of transport. */
import type { Duplex } from 'node:stream';
import { Connection } from '@glassway/h2-core';
import { type Driver, handshake, type Transport, type WebPair } from '@glassway/h2-core/server';
import { expect, test } from 'vitest';
import type { Open } from '../hosts/conversation.ts';
import { inMemory, webStreams } from '../hosts/links.ts';
import { duplex, tcp, tcpToWeb, tls } from './support/node-links.ts';

/** What a client's end of a transport is driven by here. */
interface RawEnd {
  send(parts: readonly Uint8Array[]): void;
  /** Begins to read. */
  read(take: (chunk: Uint8Array) => void): void;
}

function rawEnd(transport: Transport): RawEnd {
  if ('readable' in transport && typeof transport.readable === 'object') {
    const { readable, writable } = transport as WebPair;
    const writer = writable.getWriter();
    return {
      send: parts => {
        for (const part of parts) writer.write(part).catch(() => {});
      },
      read(take) {
        const reader = readable.getReader();
        const next = (): Promise<void> =>
          reader.read().then(({ done, value }) => {
            if (done) return;
            take(value as Uint8Array);
            return next();
          });
        // The test breaks the transport in the end.
        next().catch(() => {});
      },
    };
  }
  if ('start' in transport) {
    const driver = transport as Driver;
    return {
      send: parts => void driver.write(parts),
      read: take => driver.start({ received: take, drained() {}, closed() {} }),
    };
  }
  const stream = transport as Duplex;
  stream.on('error', () => {});
  return {
    send: parts => {
      for (const part of parts) stream.write(part);
    },
    read: take => void stream.on('data', take),
  };
}

const CHUNK = 65_536;
const CHUNKS = 640;
/** What the kernel and the streams on the way may hold; well below the whole. */
const HELD = 24 * 1_048_576;

/** The octet at a place of the body. */
const octetAt = (place: number): number => Math.floor(place / CHUNK) & 0xff;

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(done => setImmediate(done));
};

test.each<[string, Open]>([
  ['pair() in memory', inMemory],
  ['net.Socket', () => tcp()],
  ['TLSSocket', tls],
  ['any Duplex', duplex],
  ['WHATWG streams', webStreams],
  ['Duplex.toWeb of a socket', tcpToWeb],
])('%s', async (_, open) => {
  const link = await open();
  let drawn = 0;
  function* source(): Generator<Uint8Array> {
    for (; drawn < CHUNKS; drawn++) yield new Uint8Array(CHUNK).fill(drawn);
  }
  // SWN-18
  const serving = handshake(link.server).then(async connection => {
    for await (const { respond } of connection)
      void respond
        .send({})
        .pipeFrom(source())
        .catch(() => {});
  });
  let received = 0;
  let wrong: number | null = null;
  let ended = (): void => {};
  const end = new Promise<void>(resolve => {
    ended = resolve;
  });
  const client: Connection = new Connection({
    role: 'client',
    initialWindowSize: 2 ** 31 - 1,
    initialConnectionWindowSize: 2 ** 31 - 1,
    handler: {
      onData(stream, chunk, endStream) {
        if (chunk.length === 0) return endStream ? ended() : undefined;
        // Each chunk of the source is filled with its number.
        const last = received + chunk.length - 1;
        if (chunk[0] !== octetAt(received) || chunk.at(-1) !== octetAt(last)) wrong ??= received;
        received += chunk.length;
        client.release(stream, chunk.length);
        if (endStream) ended();
      },
    },
  });
  const peer = rawEnd(link.client);
  const head = { method: 'GET', scheme: 'http', authority: 'a.example', path: '/', protocol: '' };
  client.request({ ...head, fields: [], sensitive: null }, true);
  peer.send(client.takeOutput());

  // Until the program has not been asked for more for a while.
  for (let before = -1; before !== drawn || drawn === 0; ) {
    before = drawn;
    await turns(200);
  }
  expect(drawn * CHUNK).toBeLessThan(HELD);
  peer.read(chunk => {
    client.receive(chunk, 0);
    const parts = client.takeOutput();
    if (parts.length > 0) peer.send(parts);
  });
  await end;
  expect([received, wrong]).toEqual([CHUNK * CHUNKS, null]);
  link.break();
  await serving;
});
