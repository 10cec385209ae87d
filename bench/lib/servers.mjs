/** How each server and proxy under test is started. A missing peer is named by its row, never faked. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { OTHER_CORE, startProcess, startServer, which } from './process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
export const own = name => join(here, '..', 'servers', name);

const scratch = mkdtempSync(join(tmpdir(), 'glassway-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Core the process under test runs on; load and backends use `OTHER_CORE`. */
const UNDER_TEST = 0;

async function node(name, file, env = {}, core = UNDER_TEST) {
  const port = await freePort();
  return startServer({ name, core, port, command: [process.execPath, own(file)], env: { PORT: String(port), ...env } });
}

const secure = () => {
  const { cert, key } = files();
  return { CERT: cert, KEY: key };
};

export const startCore = () => node('glassway core', 'core.mjs');
export const startCoreTls = () => node('glassway core', 'core.mjs', secure());
export const startSession = () => node('glassway session', 'session.mjs');
const slow = async starting => ({ ...(await starting), slow: true });

export const startNodeHttp2 = () => slow(node('node:http2', 'node-http2.mjs'));
export const startNodeHttp2Tls = () => slow(node('node:http2', 'node-http2.mjs', secure()));
/** The core as an HTTP/2 backend behind a proxy. */
export const startH2Backend = () => node('backend', 'core.mjs', {}, OTHER_CORE);
export const startBackend = ({ core = OTHER_CORE } = {}) => node('backend', 'backend.mjs', {}, core);

/** nghttpd (nghttp2-server), or null when it is not installed. */
export async function startNghttpd({ tls = false } = {}) {
  const program = which('nghttpd');
  if (program === null) return null;
  const root = join(scratch, 'www');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'index.html'), 'Hello, World!');
  writeFileSync(join(root, 'large'), Buffer.alloc(1 << 20));
  const port = await freePort();
  const { CERT, KEY } = tls ? secure() : {};
  const transport = tls ? [String(port), KEY, CERT] : ['--no-tls', String(port)];
  const command = [program, '-n1', '-d', root, ...transport];
  return startServer({ name: 'nghttpd', core: UNDER_TEST, port, command });
}

/** A file of 1 MiB to send. */
export async function uploadFile() {
  const file = join(scratch, 'upload');
  await writeFile(file, Buffer.alloc(1 << 20));
  return file;
}

/** A certificate of a key that every proxy uses, made once per run. */
function certificate() {
  const cert = join(scratch, 'cert.pem');
  const key = join(scratch, 'key.pem');
  const { status, stderr } = spawnSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`openssl cannot make a certificate: ${stderr}`);
  const both = join(scratch, 'both.pem');
  spawnSync('sh', ['-c', `cat ${cert} ${key} > ${both}`]);
  return { cert, key, both };
}

let shared = null;
const files = () => {
  shared ??= certificate();
  return shared;
};

/**
 * The gateway itself. `scheme`: how it speaks to the backend; `inspector`: its address, or off; `ready`: it is when its
 * output says so instead of when its port accepts.
 */
export async function startGateway(
  backend,
  { scheme = 'http', inspector = 'off', name = 'glassway', core = UNDER_TEST, workers = 1, ready } = {},
) {
  const { cert, key } = files();
  const port = await freePort();
  const plain = await freePort();
  const bin = join(here, '..', '..', 'apps', 'gateway', 'bin', 'glassway.js');
  const command = [process.execPath, bin, '--to', `${scheme}://127.0.0.1:${backend.port}`];
  command.push('--https', `127.0.0.1:${port}`, '--http', `127.0.0.1:${plain}`, '--cert', cert, '--key', key);
  command.push('--inspector', inspector, '--access-log', 'off');
  if (workers > 1) command.push('--workers', String(workers));
  if (ready !== undefined) return { port, ...(await startProcess({ name, core, command, ready })) };
  return startServer({ name, core, port, command });
}

/** The gateway with its inspector, whose address, with the token, is `url`; it is ready when its banner is out. */
export async function startInspected(backend, name = 'glassway') {
  const inspector = `127.0.0.1:${await freePort()}`;
  const server = await startGateway(backend, { name, inspector, ready: output => /inspector\s+http/.test(output) });
  return { server, url: /inspector\s+(http:\S+)/.exec(server.output())[1] };
}

export async function startNodeProxy(backend) {
  const { cert, key } = files();
  return node('node proxy', 'node-proxy.mjs', { CERT: cert, KEY: key, BACKEND: `127.0.0.1:${backend.port}` });
}

export async function startNginx(backend) {
  const program = which('nginx') ?? which('/usr/sbin/nginx');
  if (program === null) return null;
  const { cert, key } = files();
  const port = await freePort();
  const root = join(scratch, `nginx-${port}`);
  mkdirSync(root, { recursive: true });
  const config = join(root, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; master_process off; worker_processes 1; pid ${root}/pid; error_log ${root}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; http2_max_concurrent_streams 1000; client_body_temp_path ${root}/body;
  proxy_temp_path ${root}/proxy; fastcgi_temp_path ${root}/f; uwsgi_temp_path ${root}/u; scgi_temp_path ${root}/s;
  upstream b { server 127.0.0.1:${backend.port}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key};
    location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  return startServer({ name: 'nginx', core: UNDER_TEST, port, command: [program, '-c', config, '-p', root] });
}

/** `proto`: h2 towards the backend, or its default, HTTP/1.1. */
export async function startHaproxy(backend, proto = null) {
  const program = which('haproxy') ?? which('/usr/sbin/haproxy');
  if (program === null) return null;
  const { both } = files();
  const port = await freePort();
  const config = join(scratch, `haproxy-${port}.cfg`);
  writeFileSync(
    config,
    `global
  nbthread 1
  maxconn 4000
  tune.h2.max-concurrent-streams 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:${port} ssl crt ${both} alpn h2,http/1.1
  default_backend b
backend b
  server s 127.0.0.1:${backend.port} pool-max-conn 256${proto === null ? '' : ` proto ${proto}`}
`,
  );
  return startServer({ name: 'haproxy', core: UNDER_TEST, port, command: [program, '-f', config, '-db'] });
}

/** nghttpx (nghttp2-proxy). `proto`: h2 towards the backend or http/1.1. */
export async function startNghttpx(backend, proto = 'http/1.1') {
  const program = which('nghttpx');
  if (program === null) return null;
  const { cert, key } = files();
  const port = await freePort();
  const command = [program, '--workers=1', `-f127.0.0.1,${port}`, `-b127.0.0.1,${backend.port};;proto=${proto}`];
  command.push('--accesslog-file=/dev/null', '--errorlog-file=/dev/null', '--conf=/dev/null', '--single-process');
  command.push('--frontend-http2-max-concurrent-streams=1000', key, cert);
  return startServer({ name: 'nghttpx', core: UNDER_TEST, port, command });
}

/** Caddy, on one core like the others. `scheme`: how it speaks to the backend. */
export async function startCaddy(backend, scheme = 'http') {
  const program = which('caddy');
  if (program === null) return null;
  const { cert, key } = files();
  const port = await freePort();
  const config = join(scratch, `Caddyfile-${port}`);
  writeFileSync(
    config,
    `{
  admin off
  auto_https off
  default_sni localhost
}
https://:${port} {
  bind 127.0.0.1
  tls ${cert} ${key}
  reverse_proxy ${scheme}://127.0.0.1:${backend.port}
}
`,
  );
  const command = [program, 'run', '--adapter', 'caddyfile', '--config', config];
  const env = { GOMAXPROCS: '1', HOME: scratch, XDG_DATA_HOME: scratch, XDG_CONFIG_HOME: scratch };
  return startServer({ name: 'caddy', core: UNDER_TEST, port, command, env });
}

/** Somebody who watches everything in a gateway's inspector, on the other core. `stuck`: who stops reading. */
export async function startViewer(url, { stuck = false } = {}) {
  const command = [process.execPath, own('viewer.mjs')];
  return startProcess({
    name: 'viewer',
    core: OTHER_CORE,
    command,
    env: { URL: url, ...(stuck ? { STUCK: '1' } : {}) },
    ready: output => output.includes('ready'),
  });
}
