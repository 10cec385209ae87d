/** RFC 7541 6.2.3: what must never be indexed is passed on in that form, in every section and both ways. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Connection, type ConnectionOptions, type FieldList } from '@glassway/h2-core';
import { expect, it } from 'vitest';
import { cleanups, gatewayTo } from './exchange-rig.ts';

/** Moves octets between a core and a socket. */
function drive(socket: Socket, options: ConnectionOptions): Connection {
  const connection = new Connection(options, 0);
  const flush = (): void => {
    for (const part of connection.takeOutput()) socket.write(part);
  };
  connection.wake = flush;
  socket.on('error', () => {});
  socket.on('data', chunk => {
    connection.receive(new Uint8Array(chunk), 0);
    flush();
  });
  flush();
  return connection;
}

/** Names of the fields that came marked. */
function marked(fields: FieldList, sensitive: readonly number[] | null): string[] {
  return (sensitive ?? []).map(at => fields[at] as string);
}

const FIELDS: FieldList = ['x-open', 'o', 'x-secret', 's'];
const SECRET = [2];

it('heads, 1xx and trailers keep their marks from the client to the backend and back', async () => {
  const atBackend: Record<string, string[]> = {};
  const server = createServer(socket => {
    const connection = drive(socket, {
      role: 'server',
      handler: {
        onRequest: (_stream, head) => {
          atBackend['request'] = marked(head.fields, head.sensitive);
        },
        onData: (stream, chunk) => connection.release(stream, chunk.length),
        onTrailers: (stream, fields, sensitive) => {
          atBackend['trailers'] = marked(fields, sensitive);
          connection.inform(stream, 103, FIELDS, SECRET);
          connection.respond(stream, 200, FIELDS, false, SECRET);
          connection.trailers(stream, FIELDS, SECRET);
        },
      },
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => void server.close());
  const gateway = await gatewayTo(`h2c://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const socket = connect(gateway.http!.port, '127.0.0.1');
  cleanups.push(() => void socket.destroy());
  await once(socket, 'connect');
  const atClient: Record<string, string[]> = {};
  await new Promise<void>(resolve => {
    const connection = drive(socket, {
      role: 'client',
      handler: {
        onInformational: (_stream, head) => {
          atClient['informational'] = marked(head.fields, head.sensitive);
        },
        onResponse: (_stream, head) => {
          atClient['response'] = marked(head.fields, head.sensitive);
        },
        onTrailers: (_stream, fields, sensitive) => {
          atClient['trailers'] = marked(fields, sensitive);
          resolve();
        },
      },
    });
    const head = { method: 'POST', scheme: 'http', authority: 'a', path: '/', protocol: '' };
    const stream = connection.request({ ...head, fields: FIELDS, sensitive: SECRET }, false);
    connection.trailers(stream, FIELDS, SECRET);
  });
  expect(atBackend).toEqual({ request: ['x-secret'], trailers: ['x-secret'] });
  expect(atClient).toEqual({ informational: ['x-secret'], response: ['x-secret'], trailers: ['x-secret'] });
});
