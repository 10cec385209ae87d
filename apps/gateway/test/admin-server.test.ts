/** The inspector's listener: every rule of its security has a test that tries the opposite. */

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloseCode,
  encodeMessage,
  PROTOCOL_VERSION,
  parseServerMessage,
  SUBPROTOCOL,
} from '@glassway/inspector-protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { isLoopbackHost, newToken } from '../src/admin/guard.ts';
import { startInspector } from '../src/admin/inspector.ts';
import { AdminServer, type AdminServerOptions } from '../src/admin/server.ts';
import { Hub } from '../src/trace/hub/hub.ts';
import { allocateTrace } from '../src/trace/shared.ts';
import { simulateTime } from './support/simulated-time.ts';

const TOKEN = newToken();
const folder = mkdtempSync(join(tmpdir(), 'glassway-admin-'));
const root = join(folder, 'page');
const servers: AdminServer[] = [];

beforeAll(() => {
  mkdirSync(join(root, 'assets'), { recursive: true });
  writeFileSync(join(root, 'index.html'), '<!doctype html>');
  writeFileSync(join(root, 'assets', 'index-B3dF9aZ_.js'), 'export {}');
  writeFileSync(join(root, 'assets', 'plain.css'), 'body{}');
  writeFileSync(join(root, '.hidden'), 'no');
  writeFileSync(join(folder, 'secret.txt'), 'no');
  symlinkSync(join(folder, 'secret.txt'), join(root, 'link.txt'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: Partial<AdminServerOptions> = {}): Promise<{ port: number; hub: Hub }> {
  const hub = new Hub(allocateTrace({ ringBytes: 1024 * 40, entryBytes: 1 << 20, maxConnections: 8, maxStreams: 8 }), {
    identity: { gateway: 'g', name: 'n', release: 'r', epochMs: 0, revealed: false },
    clock: () => 0,
    requestResync: () => {},
  });
  const server = new AdminServer(hub, { host: '127.0.0.1', port: 0, token: TOKEN, staticRoot: root, ...options });
  servers.push(server);
  return { port: await server.listen(), hub };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function get(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, response => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', chunk => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Sends octets as they are and reads to the end. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', chunk => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

function open(
  port: number,
  options: { origin?: string | null; host?: string; path?: string; protocols?: string[] } = {},
): WebSocket {
  const origin = options.origin === undefined ? `http://127.0.0.1:${port}` : options.origin;
  return new WebSocket(`ws://127.0.0.1:${port}${options.path ?? '/ws'}`, options.protocols ?? [SUBPROTOCOL], {
    ...(origin === null ? {} : { origin }),
    ...(options.host === undefined ? {} : { headers: { host: options.host } }),
  });
}

/** The status with which an upgrade was refused, or 101. */
function upgradeStatus(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      socket.terminate();
      resolve(response.statusCode!);
    });
    socket.on('open', () => {
      socket.terminate();
      resolve(101);
    });
    socket.on('error', error => {
      if (!/before the connection was established/.test(error.message)) reject(error);
    });
  });
}

function closed(socket: WebSocket): Promise<number> {
  return new Promise(resolve => socket.on('close', code => resolve(code)));
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('error', reject);
  });
}

describe('rule 1: loopback by default', () => {
  it.each(['0.0.0.0', '::', '192.168.1.5', '10.0.0.1', 'example.com', '127.0.0.1.example.com', '1270.0.0.1', ''])(
    'refuses to listen on %j',
    async host => {
      await expect(startInspector({ host, port: 0, staticRoot: null })).rejects.toThrow(/listens only on this machine/);
    },
  );

  it('accepts loopback addresses', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', 'localhost'].every(isLoopbackHost)).toBe(true);
  });
});

describe('rules 2 and 3: Host before routing, exact Origin', () => {
  it.each(['localhost', '127.0.0.1', '[::1]'])('serves under %s', async name => {
    const { port } = await start();
    expect((await get(port, '/', { host: `${name}:${port}` })).status).toBe(200);
    expect(await upgradeStatus(open(port, { host: `${name}:${port}`, origin: `http://${name}:${port}` }))).toBe(101);
  });

  it.each([
    ['a foreign name', (port: number) => `evil.example:${port}`],
    ['a rebinding name', (port: number) => `127.0.0.1.nip.io:${port}`],
    ['the right name with another port', (port: number) => `127.0.0.1:${port === 1 ? 2 : 1}`],
    ['the right name without a port', () => 'localhost'],
  ])('refuses %s as Host, for files and for the WebSocket', async (_what, host) => {
    const { port } = await start();
    for (const path of ['/', '/ws', '/assets/index-B3dF9aZ_.js', '/nothing']) {
      expect((await get(port, path, { host: host(port) })).status).toBe(403);
    }
    expect(await upgradeStatus(open(port, { host: host(port), origin: `http://${host(port)}` }))).toBe(403);
  });

  it('refuses no Host, an empty one and two', async () => {
    const { port } = await start();
    expect(await raw(port, 'GET / HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 403 /);
    expect(await raw(port, 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 40[03] /);
    const two = `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nhost: evil\r\nconnection: close\r\n\r\n`;
    expect(await raw(port, two)).toMatch(/^HTTP\/1.1 40[03] /);
  });

  it.each([
    ['foreign', () => 'http://evil.example'],
    ['missing', () => null],
    ['null', () => 'null'],
    ['another port of this machine', (port: number) => `http://127.0.0.1:${port + 1}`],
    ['another name of this machine', (port: number) => `http://localhost:${port}`],
    ['https', (port: number) => `https://127.0.0.1:${port}`],
    ['a longer name that begins like ours', (port: number) => `http://127.0.0.1:${port}.evil.example`],
    ['an upper-case scheme', (port: number) => `HTTP://127.0.0.1:${port}`],
  ])('refuses an Origin that is %s', async (_what, origin) => {
    const { port } = await start();
    expect(await upgradeStatus(open(port, { origin: origin(port) }))).toBe(403);
  });

  it('refuses what came through a proxy, such as the gateway itself', async () => {
    const { port } = await start();
    for (const header of ['via', 'forwarded', 'x-forwarded-for']) {
      expect((await get(port, '/', { [header]: '1.1 glassway' })).status).toBe(403);
    }
  });

  it('refuses absolute targets, other methods, other WebSocket paths and other subprotocols', async () => {
    const { port } = await start();
    expect((await get(port, 'http://evil.example/')).status).toBe(400);
    expect((await get(port, '/', {}, 'POST')).status).toBe(405);
    expect((await get(port, '/', {}, 'OPTIONS')).status).toBe(405);
    expect((await get(port, '/ws')).status).toBe(426);
    expect(await upgradeStatus(open(port, { path: '/other' }))).toBe(404);
    expect(await upgradeStatus(open(port, { path: '/ws?x=1' }))).toBe(404);
    expect(await upgradeStatus(open(port, { protocols: ['glassway.inspector.v0'] }))).toBe(400);
    expect(await upgradeStatus(open(port, { protocols: [] }))).toBe(400);
  });
});

describe('rule 4: the token', () => {
  it('opens the door as the first message, and HELLO says what follows', async () => {
    const { port, hub } = await start();
    const socket = open(port);
    await opened(socket);
    expect(socket.protocol).toBe(SUBPROTOCOL);
    expect(socket.extensions).toBe('');
    const hello = new Promise<string>(resolve => socket.on('message', data => resolve(data.toString())));
    socket.send(encodeMessage({ type: 'auth', token: TOKEN }));
    expect(parseServerMessage(await hello)).toMatchObject({
      type: 'hello',
      version: PROTOCOL_VERSION,
      recordBytes: 40,
      gateway: 'g',
    });
    expect(hub.viewers).toBe(1);
    const end = closed(socket);
    socket.close();
    await end;
    await expect.poll(() => hub.viewers).toBe(0);
  });

  it.each([
    ['a wrong one', encodeMessage({ type: 'auth', token: newToken() })],
    ['a prefix of the right one', encodeMessage({ type: 'auth', token: TOKEN.slice(0, -1) })],
    ['an empty one', encodeMessage({ type: 'auth', token: '' })],
    ['something else first', '{"type":"subscribe","id":1,"frames":{},"fields":null,"events":false,"backlog":0}'],
    ['no JSON', 'hello'],
    ['the token alone', TOKEN],
  ])('refuses %s and tells nothing', async (_what, text) => {
    const { port, hub } = await start();
    const socket = open(port);
    const heard: string[] = [];
    socket.on('message', data => heard.push(data.toString()));
    await opened(socket);
    const end = closed(socket);
    socket.send(text);
    // What is sent right behind it must not be listened to either.
    socket.send(encodeMessage({ type: 'auth', token: TOKEN }));
    expect(await end).toBe(CloseCode.UNAUTHENTICATED);
    expect(heard).toEqual([]);
    expect(hub.viewers).toBe(0);
  });

  it('refuses a binary message first', async () => {
    const { port } = await start();
    const socket = open(port);
    await opened(socket);
    const end = closed(socket);
    socket.send(Buffer.from(encodeMessage({ type: 'auth', token: TOKEN })), { binary: true });
    expect(await end).toBe(CloseCode.UNAUTHENTICATED);
  });

  it('does not wait for it for long', async () => {
    const { port } = await start({ authTimeoutMs: 50 });
    const socket = open(port);
    expect(await closed(socket)).toBe(CloseCode.UNAUTHENTICATED);
  });

  it('caps sockets that have not shown it, and frees their places', async () => {
    const { port } = await start({ maxUnauthenticated: 2 });
    const sockets = [open(port), open(port)];
    await Promise.all(sockets.map(opened));
    expect(await upgradeStatus(open(port))).toBe(503);
    const end = closed(sockets[0]!);
    sockets[0]!.terminate();
    await end;
    await expect.poll(() => upgradeStatus(open(port))).toBe(101);
    sockets[1]!.terminate();
  });

  it('keeps a viewer that answered a ping before it showed its token, and none that answers no ping', async () => {
    using time = simulateTime();
    const { port, hub } = await start({ pingIntervalMs: 100 });
    const socket = open(port);
    await opened(socket);
    const ping = async (): Promise<void> => {
      const pinged = once(socket, 'ping');
      await time.pass(100);
      await pinged;
    };
    await ping();
    socket.send(encodeMessage({ type: 'auth', token: TOKEN }));
    for (let i = 0; i < 3; i++) await ping();
    expect(hub.viewers).toBe(1);
    socket.terminate();
    const deaf = new WebSocket(`ws://127.0.0.1:${port}/ws`, SUBPROTOCOL, {
      origin: `http://127.0.0.1:${port}`,
      autoPong: false,
    });
    await opened(deaf);
    const end = closed(deaf);
    await time.pass(300);
    await end;
  });

  it('caps viewers', async () => {
    const { port } = await start({ maxViewers: 1 });
    const first = open(port);
    await opened(first);
    const hello = new Promise(resolve => first.once('message', resolve));
    first.send(encodeMessage({ type: 'auth', token: TOKEN }));
    await hello;
    const second = open(port);
    await opened(second);
    const end = closed(second);
    second.send(encodeMessage({ type: 'auth', token: TOKEN }));
    expect(await end).toBe(CloseCode.TOO_MANY);
    first.terminate();
  });

  it('is refused in the query, where logs would keep it', async () => {
    const { port } = await start();
    for (const path of [`/?token=${TOKEN}`, `/assets/plain.css?a=b&TOKEN=${TOKEN}`, `/?auth=${TOKEN}`]) {
      const answer = await get(port, path);
      expect(answer.status).toBe(400);
      expect(answer.body).not.toContain(TOKEN);
    }
    expect(await upgradeStatus(open(port, { path: `/ws?token=${TOKEN}` }))).toBe(400);
  });

  it('has 128 bits, never twice the same; a given one must be as long', async () => {
    expect(Buffer.from(newToken(), 'base64url')).toHaveLength(16);
    expect(newToken()).not.toBe(newToken());
    await expect(startInspector({ port: 0, staticRoot: null, token: 'short' })).rejects.toThrow(/22 characters/);
  });

  it('closes on messages above the limit', async () => {
    const { port } = await start();
    const socket = open(port);
    await opened(socket);
    const end = closed(socket);
    socket.send('x'.repeat(40_000));
    expect(await end).toBe(1009);
  });
});

describe('rule 5: headers', () => {
  it('are on every answer, whatever it is', async () => {
    const { port } = await start();
    const answers = [
      await get(port, '/'),
      await get(port, '/assets/index-B3dF9aZ_.js'),
      await get(port, '/nothing'),
      await get(port, '/ws'),
      await get(port, '/', { host: 'evil' }),
      await get(port, '/', {}, 'POST'),
    ];
    for (const { headers } of answers) {
      expect(headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; " +
          "worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
      );
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([]);
      expect(headers['set-cookie']).toBeUndefined();
    }
    const refused = await raw(
      port,
      `GET /ws HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\norigin: http://evil\r\n\r\n`,
    );
    expect(refused).toMatch(/^HTTP\/1.1 403 /);
    expect(refused).toMatch(/content-security-policy: default-src 'none'/);
  });
});

describe('the files of the page', () => {
  it('come with the right type and are kept only when their name holds a hash', async () => {
    const { port } = await start();
    const page = await get(port, '/');
    expect(page).toMatchObject({ status: 200, body: '<!doctype html>' });
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
    const script = await get(port, '/assets/index-B3dF9aZ_.js?v=1');
    expect(script.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect((await get(port, '/assets/plain.css')).headers).toMatchObject({
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'no-cache',
    });
    const head = await get(port, '/', {}, 'HEAD');
    expect(head).toMatchObject({ status: 200, body: '' });
    expect(head.headers['content-length']).toBe('15');
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/..\\secret.txt',
    '//secret.txt',
    '/link.txt',
    '/.hidden',
    '/assets',
    '/assets/',
    '/index.html%00.js',
    '/%',
    '/C:/secret.txt',
    '/nothing.js',
  ])('%s is not found', async path => {
    const { port } = await start();
    const answer = await raw(port, `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 40[04] /);
    expect(answer).not.toMatch(/\r\n\r\nno$/);
  });

  it('are missing with a sentence when no page is installed', async () => {
    const { port } = await start({ staticRoot: null });
    expect(await get(port, '/')).toMatchObject({
      status: 404,
      body: 'No inspector page is installed with this gateway.\n',
    });
  });
});
