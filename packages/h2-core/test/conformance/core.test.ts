/** The suite against the core itself, over real sockets: cleartext and TLS. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, connect as dialTls } from 'node:tls';
import { afterAll, beforeAll, describe } from 'vitest';
import { Connection, type Stream } from '../../src/index.ts';
import { attach, now } from '../../src/node/index.ts';
import { bytes } from '../support/frames.ts';
import { conformance } from './suite.ts';

const BODY = bytes('hello, conformance suite\n');

/** The smallest server there is: reads requests to their end, then answers. */
function serve(socket: Duplex): void {
  const answer = (stream: Stream, isHead: boolean): void => {
    connection.respond(stream, 200, ['content-length', String(BODY.length)], isHead);
    if (!isHead) connection.write(stream, BODY, true);
  };
  const connection: Connection = new Connection(
    {
      role: 'server',
      handler: {
        onRequest: (stream, head, end) => {
          stream.context = head.method === 'HEAD';
          if (end) answer(stream, head.method === 'HEAD');
        },
        onData: (stream, chunk, end) => {
          connection.release(stream, chunk.length);
          if (end) answer(stream, stream.context === true);
        },
        onTrailers: stream => answer(stream, stream.context === true),
      },
    },
    now(),
  );
  attach(socket, connection);
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('cleartext', () => {
  const server = createServer(serve);
  let port = 0;
  beforeAll(async () => {
    port = await listening(server);
  });
  afterAll(() => {
    server.close();
  });
  conformance(async () => dial(port, '127.0.0.1'), { scheme: 'http' });
});

describe('TLS', () => {
  let server: Server;
  let port = 0;
  beforeAll(async () => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    const pem = execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-subj', '/CN=localhost', '-keyout', '-', '-out', '-'],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    server = createTlsServer({ cert: pem, key: pem, ALPNProtocols: ['h2'] }, serve);
    port = await listening(server);
  });
  afterAll(() => {
    server?.close();
  });
  conformance(
    async () => {
      const socket = dialTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      return socket;
    },
    { scheme: 'https' },
  );
});
