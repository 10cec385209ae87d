// node:http2 as a server: `server.mjs [CERT KEY]` prints its port; with a certificate it speaks TLS.
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const [cert, key] = process.argv.slice(2);
const large = Buffer.from(Uint8Array.from({ length: 4_194_304 }, (_, i) => i * 31 + (i >>> 8)));

const server =
  cert === undefined
    ? http2.createServer()
    : http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) });

server.on('stream', (stream, head) => {
  stream.on('error', () => {});
  switch (head[':path']) {
    case '/large':
      stream.respond({ 'content-length': large.length }, { endStream: head[':method'] === 'HEAD' });
      return head[':method'] === 'HEAD' ? undefined : stream.end(large);
    case '/echo':
      stream.respond();
      return stream.pipe(stream);
    case '/length': {
      let octets = 0;
      let end;
      stream.on('trailers', trailers => {
        end = trailers['x-end'];
      });
      stream.on('data', chunk => {
        octets += chunk.length;
      });
      return stream.on('end', () => {
        stream.respond();
        stream.end(`${octets} ${end}`);
      });
    }
    case '/trailers':
      stream.respond({}, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      return stream.end('with trailers');
    case '/hints':
      stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' });
      stream.respond();
      return stream.end();
    case '/push':
      stream.pushStream({ ':path': '/pushed' }, (_, pushed) => {
        pushed.respond();
        pushed.end('pushed body');
      });
      stream.respond();
      return stream.end('page');
    case '/reset':
      return stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    case '/endless':
      stream.respond();
      stream.write('first');
      return stream.on('close', () => console.log('cancelled'));
    case '/drain':
      stream.respond();
      stream.write('half ');
      stream.session.goaway();
      return stream.session.ping(() => stream.end('done'));
    default:
      stream.respond({ ':status': 404 });
      return stream.end();
  }
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
