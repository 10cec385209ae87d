/** The peer every Node program has: node:http2 with its compatibility API. With CERT and KEY over TLS. */
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const BODY = Buffer.from('Hello, World!');
const LARGE = Buffer.alloc(1 << 20);

const settings = { maxConcurrentStreams: 10_000 };
const answer = (request, response) => {
  const body = request.url === '/large' ? LARGE : BODY;
  const reply = () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': String(body.length) });
    response.end(body);
  };
  if (request.method === 'GET') reply();
  else request.on('end', reply).resume();
};

const { CERT, KEY, PORT } = process.env;
const server =
  CERT === undefined
    ? http2.createServer({ settings }, answer)
    : http2.createSecureServer({ settings, cert: readFileSync(CERT), key: readFileSync(KEY) }, answer);
server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 });
