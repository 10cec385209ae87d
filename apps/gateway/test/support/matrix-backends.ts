/** Other people's servers with the same four pages, behind the gateway. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, Transform } from 'node:stream';
import { pattern } from '@glassway/interop/check.ts';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { buildGo, which } from '@glassway/interop/peers/programs.ts';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { type WebSocket, WebSocketServer } from 'ws';

/** What a pair can be asked for. */
export type Feature = 'get' | 'post' | 'trailersDown' | 'trailersUp' | 'webSocket';

/** A server that runs. */
export interface Backend {
  readonly url: string;
  /** PEM file of the authority that signed its certificate; absent: no TLS. */
  readonly ca?: string;
  close(): Promise<unknown> | unknown;
}

/** A server to start. */
export interface BackendKind {
  readonly name: string;
  readonly features: readonly Feature[];
  /** Program that must be here, null: none. */
  readonly needs: string | null;
  start(): Promise<Backend>;
}

const ALL: readonly Feature[] = ['get', 'post', 'trailersDown', 'trailersUp'];
const LARGE = Buffer.from(pattern(4 << 20));

function app(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
  // Both have the same methods, but no common type.
  const out = response as ServerResponse;
  switch (request.url?.split('?')[0]) {
    case '/large':
      out.end(LARGE);
      break;
    case '/echo':
      request.pipe(out);
      break;
    case '/length': {
      let octets = 0;
      request.on('data', chunk => {
        octets += chunk.length;
      });
      request.on('end', () => out.end(`${octets} ${request.trailers['x-end']}`));
      break;
    }
    case '/trailers':
      if (request.httpVersionMajor === 1) out.writeHead(200, { trailer: 'x-sum' });
      out.write('with trailers');
      out.addTrailers({ 'x-sum': '42' });
      out.end();
      break;
    default:
      out.statusCode = 404;
      // A browser shows a page of its own instead of one without content.
      out.end('not found');
  }
}

const sockets = new WebSocketServer({ noServer: true });
const echo = (socket: WebSocket): void =>
  void socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));

function startHttp1(): Promise<Backend> {
  const server = createHttp1(app);
  server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, echo));
  return listening(server, 'http');
}

function startHttp2(): Promise<Backend> {
  // By default it refuses streams beyond 10 MB of waiting bodies, and here ten large ones may wait at once.
  const server = createHttp2({ maxSessionMemory: 100, settings: { enableConnectProtocol: true } }, app);
  server.on('connect', ({ stream }: Http2ServerRequest) => {
    stream.respond({ ':status': 200 });
    let begun = false;
    // RFC 8441 4: the 200 has said what the library says in its 101, the first that it writes.
    const writable = new Transform({
      transform: (chunk, _, done) => {
        if (begun) return done(null, chunk);
        begun = true;
        done();
      },
    });
    writable.pipe(stream);
    const key = Buffer.alloc(16).toString('base64');
    const headers = { upgrade: 'websocket', 'sec-websocket-key': key, 'sec-websocket-version': '13' };
    const request = { method: 'GET', headers } as unknown as IncomingMessage;
    sockets.handleUpgrade(request, Duplex.from({ readable: stream, writable }), Buffer.alloc(0), echo);
  });
  return listening(server, 'h2c');
}

async function listening(server: Server, scheme: string): Promise<Backend> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `${scheme}://127.0.0.1:${port}`, close: () => void server.close() };
}

/** Runs a program until `close`; ready when it accepts connections on `port`, or says on which it does. */
async function program(
  name: string,
  args: string[],
  scheme: string,
  port: number,
  directory: string,
): Promise<Backend> {
  const child = spawn(which(name) ?? name, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };
  if (port === 0) {
    const text = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', chunk => resolve(String(chunk)));
      child.once('exit', () => reject(new Error(`${name} ended at once`)));
    });
    return { url: `${scheme}://127.0.0.1:${/\d+/.exec(text)![0]}`, close };
  }
  for (let tries = 0; tries < 100; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      // A server of HTTP/2 only answers, but nothing that fetch understands.
      (error: { cause?: { code?: string } }) => error.cause?.code !== 'ECONNREFUSED',
    );
    if (answered) return { url: `${scheme}://127.0.0.1:${port}`, close };
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  await close();
  throw new Error(`${name} does not listen`);
}

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'glassway-matrix-'));
  await chmod(directory, 0o755);
  await writeFile(join(directory, 'large'), LARGE);
  return directory;
}

async function startNginx(): Promise<Backend> {
  const directory = await scratch();
  const port = await freePort();
  await mkdir(join(directory, 'temp'));
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${directory}/temp/${name};`,
  );
  const configuration = `daemon off; master_process off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
    events {} http { access_log off; ${temp.join(' ')} server { listen 127.0.0.1:${port}; root ${directory}; } }`;
  await writeFile(join(directory, 'nginx.conf'), configuration);
  return program(
    'nginx',
    ['-e', join(directory, 'error.log'), '-p', directory, '-c', join(directory, 'nginx.conf')],
    'http',
    port,
    directory,
  );
}

async function startNghttpd(): Promise<Backend> {
  const directory = await scratch();
  await writeFile(join(directory, 'trailers'), 'with trailers');
  const port = await freePort();
  const args = [
    '--no-tls',
    '-a',
    '127.0.0.1',
    '-d',
    directory,
    '--trailer',
    'x-sum: 42',
    '--echo-upload',
    String(port),
  ];
  return program('nghttpd', args, 'h2c', port, directory);
}

async function startGo(...args: string[]): Promise<Backend> {
  const directory = await scratch();
  const source = new URL('../peers/backend.go', import.meta.url).pathname;
  const binary = await buildGo(join(directory, 'backend'), directory, source);
  return program(binary, args, args.length === 0 ? 'http' : 'h2', 0, directory);
}

/** Its standard library has HTTP/2 with TLS only. */
async function startGoHttp2(): Promise<Backend> {
  const directory = await mkdtemp(join(tmpdir(), 'glassway-matrix-'));
  const authority = await DevelopmentCa.open({ directory });
  const { cert, key } = await authority.issue({ names: ['127.0.0.1'] });
  const files = [join(directory, 'cert.pem'), join(directory, 'key.pem')] as const;
  await writeFile(files[0], cert);
  await writeFile(files[1], key);
  const backend = await startGo(...files);
  const close = async (): Promise<void> => {
    await backend.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { url: backend.url, ca: authority.rootCertificatePath, close };
}

/** The servers. */
export const BACKENDS: readonly BackendKind[] = [
  { name: 'Node http', features: [...ALL, 'webSocket'], needs: null, start: startHttp1 },
  { name: 'Node http2', features: [...ALL, 'webSocket'], needs: null, start: startHttp2 },
  { name: 'Go', features: ALL, needs: 'go', start: () => startGo() },
  { name: 'Go h2', features: ALL, needs: 'go', start: startGoHttp2 },
  { name: 'nginx', features: ['get'], needs: 'nginx', start: startNginx },
  { name: 'nghttpd', features: ['get', 'post', 'trailersDown'], needs: 'nghttpd', start: startNghttpd },
];
