// A server in the style of fetch: a Request in, a Response out, bodies streamed both ways.
//
//   node examples/server-fetch.mjs
//   curl --http2-prior-knowledge http://127.0.0.1:5928/
//   curl --http2-prior-knowledge -d 'shout this' http://127.0.0.1:5928/shout
import { createServer } from 'node:net';
import { serve } from '@glassway/h2-core/fetch';

const port = Number(process.env.PORT ?? 5928);

/** Turns text into capitals as it passes. */
const louder = () => new TransformStream({ transform: (text, controller) => controller.enqueue(text.toUpperCase()) });

function handle(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/') return new Response('post something to /shout\n');
  if (pathname !== '/shout' || request.body === null) return new Response('not here\n', { status: 404 });
  const shouted = request.body.pipeThrough(new TextDecoderStream()).pipeThrough(louder());
  return new Response(shouted.pipeThrough(new TextEncoderStream()));
}

createServer(socket => serve(socket, handle)).listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${port}`);
});
