/** The HTTP/1.1 backend behind the proxies: as little work as possible, so that the proxy is what is measured. */
import { createServer } from 'node:net';

const RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, World!');
const LARGE = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${1 << 20}\r\n\r\n`),
  Buffer.alloc(1 << 20),
]);

createServer(socket => {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  let tail = '';
  socket.on('data', chunk => {
    tail += chunk.toString('latin1');
    for (let end = tail.indexOf('\r\n\r\n'); end >= 0; end = tail.indexOf('\r\n\r\n')) {
      socket.write(tail.startsWith('GET /large ') ? LARGE : RESPONSE);
      tail = tail.slice(end + 4);
    }
  });
}).listen(Number(process.env.PORT), '127.0.0.1');
