// A Hono application, unchanged, over HTTP/2. What HTTP/2 has beyond Request and Response is in `c.env`.
//
//   node examples/server-hono.mjs
//   curl --http2-prior-knowledge http://127.0.0.1:5928/hello/you
//   curl --http2-prior-knowledge -i http://127.0.0.1:5928/page
//   curl --http2-prior-knowledge -T somefile http://127.0.0.1:5928/count
import { createServer } from 'node:net';
import { serve } from '@glassway/h2-core/fetch';
import { Hono } from 'hono';
import { stream } from 'hono/streaming';

const port = Number(process.env.PORT ?? 5928);
const app = new Hono();

app.get('/hello/:name', c => c.json({ hello: c.req.param('name') }));

// Early hints: the browser fetches the style sheet while the page is made.
app.get('/page', c => {
  c.env.informational(103, { link: '</style.css>; rel=preload; as=style' });
  return c.html('<!doctype html><title>hono</title>');
});

// A running total after every piece of the body; the trailers tell how many pieces there were.
app.put('/count', c => {
  let pieces = 0;
  c.env.trailers(() => ({ 'x-pieces': String(pieces) }));
  return stream(c, async out => {
    let octets = 0;
    for await (const piece of c.req.raw.body) {
      pieces += 1;
      octets += piece.length;
      await out.writeln(`${octets}`);
    }
  });
});

// Ticks until the client goes away, which is a reset of its stream.
app.get('/ticks', c =>
  stream(c, async out => {
    out.onAbort(() => console.log('nobody listens any more'));
    for (let tick = 1; !out.aborted; tick++) {
      await out.writeln(`tick ${tick}`);
      await out.sleep(50);
    }
  }),
);

createServer(socket => serve(socket, app.fetch)).listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${port}`);
});
