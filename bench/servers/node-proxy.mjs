/** The proxy one would write on Node's own modules: node:http2 in front, http.Agent with keep-alive behind. */
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import http2 from 'node:http2';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const [host, port] = process.env.BACKEND.split(':');

http2
  .createSecureServer(
    {
      cert: readFileSync(process.env.CERT),
      key: readFileSync(process.env.KEY),
      settings: { maxConcurrentStreams: 1000 },
    },
    (request, response) => {
      const headers = {};
      for (const [name, value] of Object.entries(request.headers)) if (!name.startsWith(':')) headers[name] = value;
      headers.host = request.authority;
      const forward = httpRequest({ agent, host, port, method: request.method, path: request.url, headers }, answer => {
        const fields = { ...answer.headers };
        delete fields.connection;
        delete fields['keep-alive'];
        response.writeHead(answer.statusCode, fields);
        answer.pipe(response);
      });
      forward.on('error', () => response.stream.close());
      request.pipe(forward);
    },
  )
  .listen(Number(process.env.PORT), '127.0.0.1');
