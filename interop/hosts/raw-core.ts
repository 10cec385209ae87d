/** The sans-I/O core and HPACK by themselves: no timers, no promises, no transport. */
import { Connection, type Stream } from '@glassway/h2-core';
import { Decoder, Encoder, huffmanDecode, huffmanEncode } from '@glassway/hpack';
import { pattern, same, samePattern } from './check.ts';
import type { Outcome } from './scenario.ts';

function conversation(): void {
  const received: Uint8Array[] = [];
  const events: string[] = [];
  const server: Connection = new Connection({
    role: 'server',
    handler: {
      onRequest: (stream, { method, path }) => {
        events.push(`${method} ${path}`);
        server.respond(stream, 200, ['x-a', '1'], false);
      },
      onData: (stream, chunk, end) => {
        server.release(stream, chunk.length);
        server.write(stream, chunk.slice(), false);
        if (end) server.trailers(stream, ['x-sum', '42']);
      },
    },
  });
  const client: Connection = new Connection({
    role: 'client',
    handler: {
      onResponse: (_, { status, fields }) => events.push(`${status} ${fields.join()}`),
      onData: (stream, chunk) => {
        received.push(chunk.slice());
        client.release(stream, chunk.length);
      },
      onTrailers: (_: Stream, fields) => events.push(fields.join()),
      onClosed: error => events.push(`closed ${error?.rule ?? 'clean'}`),
    },
  });
  const exchange = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        for (const part of from.takeOutput()) {
          moved = true;
          to.receive(part, 0);
        }
      }
    }
  };
  const head = { method: 'POST', scheme: 'https', authority: 'a.example', path: '/p', protocol: '' };
  const stream = client.request({ ...head, fields: [], sensitive: null }, false);
  client.write(stream, pattern(2_500_000), true);
  exchange();
  const whole = new Uint8Array(received.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of received) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  samePattern(whole, 2_500_000);
  client.shutdown();
  exchange();
  same(events, ['POST /p', '200 x-a,1', 'x-sum,42', 'closed clean']);
}

function compression(): void {
  const encoder = new Encoder();
  const decoder = new Decoder();
  // Long and short, so that both ways of turning octets into text are taken.
  const octets = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  const fields = [
    { name: ':path', value: '/' },
    { name: 'x-all', value: octets },
    { name: 'x-all', value: octets.slice(0x7c, 0x84) },
    { name: 'authorization', value: 'Bearer 7f3a', sensitive: true },
  ];
  for (let round = 0; round < 3; round++) {
    const seen: [string, string, boolean][] = [];
    decoder.decode(encoder.encode(fields), {
      onField: (name, value, sensitive) => seen.push([name, value, sensitive]),
    });
    same(
      seen,
      fields.map(({ name, value, sensitive }) => [name, value, sensitive === true]),
    );
  }
  same(huffmanDecode(huffmanEncode(`www.example.com ${octets}`)), `www.example.com ${octets}`);
}

/** Runs both. */
export async function rawCore(): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [name, check] of Object.entries(RAW_CHECKS)) {
    let failure: string | null = null;
    try {
      check();
    } catch (error) {
      failure = (error as Error).stack ?? String(error);
    }
    outcomes.push({ name, failure });
  }
  return outcomes;
}

/** What has to work of the core alone. */
export const RAW_CHECKS: Readonly<Record<string, () => void>> = {
  'two connections by octets alone: bodies, trailers, shutdown': conversation,
  'HPACK there and back, every octet': compression,
};
