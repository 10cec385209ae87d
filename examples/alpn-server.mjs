// One TLS port, two protocols: ALPN decides per connection. The certificate comes from a development CA.
//
//   node examples/alpn-server.mjs
//   curl --cacert <the file it prints> https://localhost:5929/hello
//   curl --cacert <the file it prints> --http1.1 https://localhost:5929/hello
import { createServer } from 'node:http';
import { handshake } from '@glassway/h2-core/server';
import { DevelopmentCa, listen, SecureContexts } from '@glassway/tls-alpn';

const ca = await DevelopmentCa.open();
const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor });

// HTTP/1.1 is Node's own. A server that never listens watches its timeouts only after this event.
const http1 = createServer((request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end(`hello ${request.url} over HTTP/1.1\n`);
});
http1.emit('listening');

async function http2(socket) {
  const connection = await handshake(socket);
  for await (const { request, respond } of connection) {
    const head = { status: 200, headers: { 'content-type': 'text/plain' } };
    respond.send(head).end(`hello ${request.path} over HTTP/2\n`);
  }
}

const listener = await listen(
  {
    port: Number(process.env.PORT ?? 5929),
    contexts,
    onRefused: refusal => console.log(`refused: ${refusal.message}`),
  },
  ({ socket, protocol }) => {
    if (protocol === 'h2') return http2(socket);
    http1.emit('connection', socket);
  },
);
console.log(`listening on https://localhost:${listener.address.port}, trust ${ca.rootCertificatePath}`);
