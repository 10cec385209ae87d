/** The peer every Node program has: node:http2 with its compatibility API. */
import http2 from 'node:http2';

const BODY = Buffer.from('Hello, World!');
const LARGE = Buffer.alloc(1 << 20);

const server = http2.createServer({ settings: { maxConcurrentStreams: 10_000 } }, (request, response) => {
  const body = request.url === '/large' ? LARGE : BODY;
  const answer = () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': String(body.length) });
    response.end(body);
  };
  if (request.method === 'GET') answer();
  else request.on('end', answer).resume();
});
server.listen(Number(process.env.PORT), '127.0.0.1');
