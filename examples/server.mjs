// The smallest HTTP/2 server, cleartext with prior knowledge.
//
//   node examples/server.mjs
//   curl --http2-prior-knowledge http://127.0.0.1:5928/there
import { createServer } from 'node:net';
import { handshake } from '@glassway/h2-core/server';

const port = Number(process.env.PORT ?? 5928);

createServer(async socket => {
  const connection = await handshake(socket);
  for await (const { request, respond } of connection) {
    respond.send({ status: 200, headers: { 'content-type': 'text/plain' } }).end(`hello ${request.path}\n`);
  }
}).listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`));
