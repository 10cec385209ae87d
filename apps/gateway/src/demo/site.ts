/** The demo's HTTP/1.1 backend: a page with many assets, events, large bodies, and answers of every kind. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { type DemoServer, listenLocally } from './server.ts';

type Answer = (url: URL, request: IncomingMessage, response: ServerResponse) => void;

const MIB = 1024 * 1024;
const DOWNLOAD_MAX_MIB = 1024;
const SLOW_MAX_MS = 60_000;
const CHUNK = Buffer.alloc(64 * 1024, 'glassway ');

/** Where the page's files are, seen from src/demo and from dist/demo. */
const PAGE = new URL('../../demo-page/', import.meta.url);

/** Starts the backend. `tickMs`: time between server-sent events, default 1000. */
export function startSite(tickMs = 1000): Promise<DemoServer> {
  const routes: readonly (readonly [prefix: string, answer: Answer])[] = [
    ['/assets/tile/', tile],
    ['/assets/page.css', file('page.css', 'text/css; charset=utf-8')],
    ['/assets/page.js', file('page.js', 'text/javascript; charset=utf-8')],
    ['/events', (_, request, response) => events(request, response, tickMs)],
    ['/upload', upload],
    ['/download', download],
    ['/headers', headers],
    ['/hints', hints],
    ['/trailers', trailers],
    ['/slow', slow],
    ['/status/', status],
    ['/errors/drop', drop],
    ['/errors/reset', (_, request) => request.socket.resetAndDestroy()],
    ['/errors/short', short],
  ];
  const index = file('index.html', 'text/html; charset=utf-8');
  return listenLocally(
    createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://demo');
      const found = routes.find(([prefix]) => url.pathname.startsWith(prefix));
      const answer = found?.[1] ?? (url.pathname === '/' ? index : notFound);
      answer(url, request, response);
    }),
  );
}

function file(name: string, type: string): Answer {
  const body = readFileSync(new URL(name, PAGE));
  return (_, __, response) => {
    response.writeHead(200, { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-cache' });
    response.end(body);
  };
}

/** One tile of a smooth mosaic, 15 wide; some take a little longer, as assets do. */
function tile(url: URL, _: IncomingMessage, response: ServerResponse): void {
  const number = Number(/\/(\d{1,3})\.svg$/.exec(url.pathname)?.[1] ?? 0);
  const x = number % 15;
  const y = Math.floor(number / 15);
  const hue = (190 + 9 * x + 14 * y) % 360;
  const light = 44 + 3 * ((x * 7 + y * 3) % 5);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" fill="hsl(${hue} 62% ${light}%)"/>` +
    `<circle cx="${3 + ((x * 5) % 11)}" cy="${3 + ((y * 7) % 11)}" r="${2 + ((x + y) % 3)}" fill="hsl(${hue} 80% 78% / 0.55)"/></svg>`;
  setTimeout(
    () => response.writeHead(200, { 'content-type': 'image/svg+xml', 'cache-control': 'max-age=60' }).end(svg),
    (number * 13) % 40,
  );
}

function events(request: IncomingMessage, response: ServerResponse, tickMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let tick = 0;
  const send = (): void => {
    response.write(`id: ${tick}\ndata: ${JSON.stringify({ tick, at: new Date().toISOString() })}\n\n`);
    tick++;
  };
  send();
  const timer = setInterval(send, tickMs);
  request.on('close', () => clearInterval(timer));
  response.on('close', () => clearInterval(timer));
}

/** Reads everything and says what came. */
function upload(_: URL, request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  request.on('end', () => json(response, { bytes, sha256: hash.digest('hex'), trailers: request.trailers }));
}

function download(url: URL, _: IncomingMessage, response: ServerResponse): void {
  const mib = clamp(url.searchParams.get('mib'), 10, DOWNLOAD_MAX_MIB);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': mib * MIB });
  pipeline(Readable.from(chunks(mib * MIB), { objectMode: false }), response, () => {});
}

function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left);
}

/** What this backend was sent: shows what the gateway added and took away. */
function headers(_: URL, request: IncomingMessage, response: ServerResponse): void {
  const { method, url, httpVersion, rawHeaders } = request;
  json(response, { method, url, httpVersion, rawHeaders });
}

function hints(_: URL, __: IncomingMessage, response: ServerResponse): void {
  response.writeEarlyHints({ link: '</assets/page.css>; rel=preload; as=style' });
  setTimeout(() => json(response, { hinted: true }), 100);
}

function trailers(_: URL, __: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain', trailer: 'x-checksum' });
  response.write('the checksum follows the body\n');
  response.addTrailers({ 'x-checksum': createHash('sha256').update('the checksum follows the body\n').digest('hex') });
  response.end();
}

function slow(url: URL, _: IncomingMessage, response: ServerResponse): void {
  const ms = clamp(url.searchParams.get('ms'), 1000, SLOW_MAX_MS);
  const timer = setTimeout(() => json(response, { waitedMs: ms }), ms);
  response.on('close', () => clearTimeout(timer));
}

function status(url: URL, _: IncomingMessage, response: ServerResponse): void {
  const code = Number(/^\/status\/([2-5]\d\d)$/.exec(url.pathname)?.[1] ?? 404);
  response.writeHead(code, { 'content-type': 'text/plain' });
  response.end(code === 204 || code === 304 ? undefined : `you asked for ${code}\n`);
}

/** Half a response, then a closed connection. */
function drop(_: URL, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write('this is the first half, and then the backend', () => setTimeout(() => request.socket.destroy(), 50));
}

/** Promises more octets than it sends. */
function short(_: URL, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1000 });
  response.write('not a thousand octets', () => setTimeout(() => request.socket.end(), 50));
}

function notFound(url: URL, _: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain' }).end(`the demo has nothing at ${url.pathname}\n`);
}

function json(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}

function clamp(text: string | null, fallback: number, most: number): number {
  const value = Number(text ?? fallback);
  return Number.isFinite(value) ? Math.min(Math.max(Math.trunc(value), 0), most) : fallback;
}
