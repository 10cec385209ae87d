/** A server on the sans-I/O Connection: the handler API, 13 octets for every request. With CERT and KEY over TLS. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Connection } from '@glassway/h2-core';
import { attach, now } from '@glassway/h2-core/node';

const BODY = new TextEncoder().encode('Hello, World!');
const LARGE = new Uint8Array(1 << 20);
const FIELDS = ['content-type', 'text/plain', 'content-length', '13'];
const LARGE_FIELDS = ['content-type', 'application/octet-stream', 'content-length', String(LARGE.length)];

const accept = socket => {
  let connection;
  const answer = (stream, large) => {
    connection.respond(stream, 200, large ? LARGE_FIELDS : FIELDS, false);
    connection.write(stream, large ? LARGE : BODY, true);
  };
  const handler = {
    onRequest(stream, head, end) {
      if (end) answer(stream, head.path === '/large');
    },
    onData(stream, chunk, end) {
      connection.release(stream, chunk.length);
      if (end) answer(stream, false);
    },
  };
  connection = new Connection({ role: 'server', handler, maxConcurrentStreams: 10_000 }, now());
  attach(socket, connection);
};

const { CERT, KEY, PORT } = process.env;
const server =
  CERT === undefined
    ? createServer(accept)
    : createTlsServer({ cert: readFileSync(CERT), key: readFileSync(KEY), ALPNProtocols: ['h2'] }, accept);
server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 });
