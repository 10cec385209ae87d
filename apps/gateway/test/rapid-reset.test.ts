/**
 * CVE-2023-44487, limits of work: whatever a client opens and resets, the backend never has more of its requests under
 * way than `maxConcurrentStreams`. Through a whole gateway, with raw clients and raw backends.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type Gateway, startGateway } from '../src/index.ts';
import {
  ACK,
  CANCEL,
  END_HEADERS,
  END_STREAM,
  FrameReader,
  frame,
  get,
  headers,
  PREFACE,
  rstStream,
  SETTINGS_ACK,
  settings,
  Type,
} from './support/h2-frames.ts';
import { type RawH2Client, rawH2Client } from './support/raw-client.ts';
import { eventually } from './upstream-kit.ts';

const LIMIT = 8;
const REFUSED_STREAM = 0x7;

let backend: Server;
let gateway: Gateway;
let client: RawH2Client;
const sockets = new Set<Socket>();

async function serve(scheme: 'http' | 'h2c', onSocket: (socket: Socket) => void): Promise<void> {
  backend = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  gateway = await startGateway({
    ...DEFAULT_SETTINGS,
    to: [`${scheme}://127.0.0.1:${(backend.address() as AddressInfo).port}`],
    http: { host: '127.0.0.1', port: 0 },
    https: null,
    inspector: null,
    maxConcurrentStreams: LIMIT,
    logLevel: 'error',
  });
  client = await rawH2Client(gateway.http!.port);
  await client.untilFrame(Type.SETTINGS, ({ flags }) => flags === ACK);
}

afterEach(async () => {
  client.close();
  await gateway.close(0);
  for (const socket of sockets) socket.destroy();
  backend.close();
});

/** `count` requests from stream `first`, each followed by `then`. */
function requests(first: number, count: number, then: (stream: number) => Buffer = () => Buffer.alloc(0)): Buffer {
  const streams = Array.from({ length: count }, (_, i) => first + 2 * i);
  return Buffer.concat(streams.flatMap(stream => [headers(stream, get('a', `/${stream}`)), then(stream)]));
}

const cancelled = (stream: number): Buffer => rstStream(stream, CANCEL);

it('HTTP/2 backend: what was reset counts until the backend has read the reset', async () => {
  let seen = 0;
  let answering = false;
  const pings: (() => void)[] = [];
  await serve('h2c', socket => {
    const reader = new FrameReader();
    let skip = PREFACE.length;
    socket.write(settings());
    socket.on('data', chunk => {
      const from = Math.min(skip, chunk.length);
      skip -= from;
      for (const { type, flags, streamId, payload } of reader.read(chunk.subarray(from))) {
        if (type === Type.SETTINGS && flags === 0) socket.write(SETTINGS_ACK);
        if (type === Type.PING && flags === 0) pings.push(() => socket.write(frame(Type.PING, ACK, 0, payload)));
        if (type !== Type.HEADERS) continue;
        seen++;
        if (answering) socket.write(headers(streamId, [[':status', '200']], END_HEADERS | END_STREAM));
      }
    });
  });

  // The backend's connection must be there, or nothing is sent that could be reset.
  client.send(requests(1, 1));
  await eventually(() => seen === 1, 'the first request');
  client.send(cancelled(1));
  await eventually(() => pings.length === 1, 'the first PING');
  pings[0]!();
  answering = true;
  client.send(requests(3, 1));
  await client.untilResponse(3);
  answering = false;
  seen = 0;

  client.send(requests(5, 50, cancelled));
  client.send(requests(201, 1));
  expect(await client.untilReset(201)).toBe(REFUSED_STREAM);
  await eventually(() => pings.length === 2, 'the PING after the resets');
  expect(seen).toBe(LIMIT);

  pings[1]!();
  answering = true;
  // Nothing tells the client when there is room; asking again is what REFUSED_STREAM invites to.
  for (let stream = 203; client.status(stream - 2) !== '200'; stream += 2) {
    client.send(requests(stream, 1));
    await client.untilResponse(stream);
  }
  expect(seen).toBe(LIMIT + 1);
});

it('HTTP/2 backend that answers no PING: its requests count for a second', async () => {
  let seen = 0;
  await serve('h2c', socket => {
    const reader = new FrameReader();
    let skip = PREFACE.length;
    socket.write(Buffer.concat([settings(), SETTINGS_ACK]));
    socket.on('data', chunk => {
      const from = Math.min(skip, chunk.length);
      skip -= from;
      for (const { type } of reader.read(chunk.subarray(from))) if (type === Type.HEADERS) seen++;
    });
  });
  client.send(requests(1, LIMIT));
  await eventually(() => seen === LIMIT, 'the first requests');
  const before = performance.now();
  client.send(Buffer.concat(Array.from({ length: LIMIT }, (_, i) => cancelled(1 + 2 * i))));
  for (let stream = 101; seen === LIMIT; stream += 2) {
    client.send(requests(stream, 1));
    await eventually(() => client.response(stream).resetCode >= 0 || seen > LIMIT, 'an answer or a request');
  }
  expect(performance.now() - before).toBeGreaterThan(900);
});

it('HTTP/1.1 backend: what was reset counts until its connection is closed', async () => {
  let open = 0;
  let most = 0;
  await serve('http', socket => {
    let asked = false;
    socket.on('data', () => {
      if (asked) return;
      asked = true;
      most = Math.max(most, ++open);
    });
    socket.on('close', () => asked && open--);
  });
  client.send(requests(1, LIMIT));
  await eventually(() => open === LIMIT, 'all requests at the backend');

  const resets = Array.from({ length: LIMIT }, (_, i) => cancelled(1 + 2 * i));
  client.send(Buffer.concat([...resets, requests(101, 20)]));
  for (let stream = 101; stream < 141; stream += 2) expect(await client.untilReset(stream)).toBe(REFUSED_STREAM);
  await eventually(() => open === 0, 'the backend to hear of the resets');

  client.send(requests(201, LIMIT));
  await eventually(() => open === LIMIT, 'as many requests as before');
  expect(most).toBe(LIMIT);
});
