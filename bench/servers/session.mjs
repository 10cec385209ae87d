/** A server on the async session API. */
import { createServer } from 'node:net';
import { handshake } from '@glassway/h2-core/server';

const BODY = new TextEncoder().encode('Hello, World!');

createServer(async socket => {
  const connection = await handshake(socket, { maxConcurrentStreams: 10_000 });
  for await (const { respond } of connection) {
    respond.send({ status: 200, headers: { 'content-type': 'text/plain', 'content-length': '13' } }).end(BODY);
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
