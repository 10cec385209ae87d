// HTTP/1.1 behind a proxy that speaks HTTP/2 to the client: prints its port.
import { createServer } from 'node:http';

createServer((request, response) => {
  switch (request.url) {
    case '/echo':
      return request.pipe(response);
    case '/length': {
      let octets = 0;
      request.on('data', chunk => {
        octets += chunk.length;
      });
      return request.on('end', () => response.end(`${octets} ${request.trailers['x-end']}`));
    }
    case '/endless':
      request.socket.once('close', () => console.log('cancelled'));
      return response.write('first');
    case '/reset':
      response.writeHead(200, { 'content-length': 1000 });
      return response.write('not all', () => request.socket.destroy());
    case '/drain':
      response.write('half ');
      return setTimeout(() => response.end('done'), 300);
    default:
      response.statusCode = 404;
      return response.end();
  }
}).listen(0, '127.0.0.1', function () {
  console.log('listening', this.address().port);
});
