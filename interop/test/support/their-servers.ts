import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pattern } from '../../hosts/check.ts';
import { freePort } from '../../peers/free-port.mjs';
import { PEERS, python, which } from '../../peers/programs.ts';
import { sharedCa } from './certificates.ts';
import { LARGE, type ServerFeature } from './expectations.ts';
import { goMissing, goPeer, goServesCleartext } from './go.ts';
import type { TheirRunningServer } from './our-client.ts';
import type { Security } from './our-server.ts';
import { type Running, scratch, start } from './programs.ts';

/** A server. */
export interface TheirServer {
  readonly name: string;
  /** What is not installed here; null: it can be used. */
  readonly missing: string | null;
  readonly securities: readonly Security[];
  readonly cannot: Readonly<Partial<Record<ServerFeature, string>>>;
  /** Starts it; it ends with the file's tests. */
  start(security: Security): Promise<TheirRunningServer>;
}

/** Certificate and key for localhost, as files. */
async function certificate(): Promise<[string, string]> {
  const credentials = await (await sharedCa()).credentialsFor('localhost');
  const directory = scratch();
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  writeFileSync(cert, credentials?.cert ?? '');
  writeFileSync(key, credentials?.key ?? '', { mode: 0o600 });
  return [cert, key];
}

/** Waits until somebody takes connections at the port, for servers that do not say so. */
async function accepting(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await new Promise(done =>
      socket.once('connect', () => done(true)).once('error', () => done(false)),
    );
    socket.destroy();
    if (isThere) return;
    await setTimeout(20);
  }
}

/** A directory with a large file and one for trailers. */
function documents(): string {
  const directory = join(scratch(), 'documents');
  mkdirSync(directory);
  writeFileSync(join(directory, 'large'), pattern(LARGE));
  writeFileSync(join(directory, 'trailers'), 'with trailers');
  writeFileSync(join(directory, 'push'), 'page');
  writeFileSync(join(directory, 'pushed'), 'pushed body');
  return directory;
}

/** A program of ours on their library, which prints `listening PORT` and `cancelled`. */
async function listening(running: Running, match = /listening (\d+)/): Promise<TheirRunningServer> {
  const port = Number((await running.printed(match))[1]);
  return { port, cancelled: () => running.printed(/cancelled/) };
}

const NODE: TheirServer = {
  name: 'node:http2',
  missing: null,
  securities: ['cleartext', 'TLS'],
  cannot: {},
  start: async security =>
    listening(start(process.execPath, [join(PEERS, 'server.mjs'), ...(security === 'TLS' ? await certificate() : [])])),
};

const PYTHON: TheirServer = {
  name: 'python3-h2',
  missing: python === null ? 'python3-h2' : null,
  securities: ['cleartext', 'TLS'],
  cannot: {},
  start: async security =>
    listening(start(python as string, [join(PEERS, 'server.py'), ...(security === 'TLS' ? await certificate() : [])])),
};

const GO: TheirServer = {
  name: 'Go net/http',
  missing: goMissing,
  securities: goServesCleartext ? ['cleartext', 'TLS'] : ['TLS'],
  cannot: { push: 'pushes only where the program asks for it by another interface' },
  start: async security =>
    listening(
      start(await goPeer(), ['server', ...(await certificate())]),
      security === 'TLS' ? /listening (\d+)/ : /listening \d+ (\d+)/,
    ),
};

const NGHTTPD: TheirServer = {
  name: 'nghttpd',
  missing: which('nghttpd') === null ? 'nghttpd' : null,
  securities: ['cleartext', 'TLS'],
  cannot: {
    trailersUp: 'shows nobody the trailers of requests',
    hints: 'sends no 1xx but 100',
    reset: 'resets nothing by itself',
    cancel: 'has no endless response',
    shutdown: 'is ended by a signal at once',
  },
  async start(security) {
    const port = await freePort();
    const args = [
      '-a',
      '127.0.0.1',
      '-d',
      documents(),
      '--echo-upload',
      '-p',
      '/push=/pushed',
      '--trailer',
      'x-sum: 42',
    ];
    const own = security === 'TLS' ? [`${port}`, ...(await certificate()).reverse()] : ['--no-tls', `${port}`];
    start('nghttpd', [...args, ...own]);
    await accepting(port);
    return { port, cancelled: () => Promise.reject(new Error('nobody hears')) };
  },
};

const NGINX: TheirServer = {
  name: 'nginx before an HTTP/1.1 backend',
  missing: which('nginx') === null ? 'nginx' : null,
  securities: ['cleartext', 'TLS'],
  cannot: {
    trailersUp: 'passes no trailers of requests on',
    hints: 'passes no 103 on',
    push: 'not in every version',
  },
  async start(security) {
    const [port, directory, backend] = [
      await freePort(),
      scratch(),
      start(process.execPath, [join(PEERS, 'backend.mjs')]),
    ];
    const [, backendPort] = await backend.printed(/listening (\d+)/);
    const [cert, key] = security === 'TLS' ? await certificate() : ['', ''];
    const config = join(directory, 'nginx.conf');
    writeFileSync(
      config,
      `daemon off; master_process on; worker_processes 1; pid ${directory}/pid; error_log stderr notice;
events {}
http {
  access_log off; client_max_body_size 0;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${directory}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port} ${security === 'TLS' ? 'ssl ' : ''}http2;
    ${security === 'TLS' ? `ssl_certificate ${cert}; ssl_certificate_key ${key};` : ''}
    location / { root ${documents()}; add_trailer x-sum 42 always; }
    location ~ ^/(echo|length|endless|reset|drain)$ {
      proxy_pass http://127.0.0.1:${backendPort}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
    }
  }
}
`,
    );
    const running = start(which('nginx') as string, ['-p', directory, '-c', config]);
    await running.printed(/start worker process \d/);
    return { port, cancelled: () => backend.printed(/cancelled/), drain: () => void running.child.kill('SIGQUIT') };
  },
};

/** All of them. */
export const THEIR_SERVERS: readonly TheirServer[] = [NODE, PYTHON, GO, NGHTTPD, NGINX];
