/** Addresses of listeners that change while the gateway serves. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { connect as connectH2 } from 'node:http2';
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type Settings } from '../src/config/settings.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { rawClient } from './support/raw-client.ts';

let directory: string;
let app: string;
/** Answers of the application to `/held`, which the test ends. */
let held: ServerResponse[] = [];
let gateway: Gateway;
let told: string[] = [];
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-places-'));
  // Its key takes seconds on a busy machine, for which no connection of a test should have to wait.
  await DevelopmentCa.open({ directory });
  const server = createServer((request, response) => {
    if (request.url !== '/held') response.end('ok');
    else held.push(response.writeHead(200, { 'content-length': '4' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  app = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return () => void server.close().closeAllConnections();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  held = [];
  told = [];
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const at = (port: number, host = '127.0.0.1') => ({ host, port });

async function start(over: Partial<Settings>, options: GatewayOptions = {}): Promise<void> {
  const settings = { ...DEFAULT_SETTINGS, to: [app], http: null, https: null, inspector: null, ...over };
  const logger = new Logger('info', line => void told.push(line));
  gateway = await startGateway(settings, { logger, developmentCaDirectory: directory, ...options });
  closing.push(() => gateway.close(0));
}

const reload = (over: Partial<Settings>) => gateway.reload({ ...gateway.settings, ...over });
const ask = async (port: number, host = '127.0.0.1'): Promise<string> =>
  (await fetch(`http://${host}:${port}/`)).text();

/** What connecting comes to. */
async function knock(port: number, host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host);
  const outcome = await once(socket, 'connect').catch((error: NodeJS.ErrnoException) => error.code);
  socket.destroy();
  return typeof outcome === 'string' ? outcome : 'connected';
}

/** A program of somebody else's on a port. */
async function occupy(port = 0): Promise<number> {
  const server = createTcp((socket: Socket) => void socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('the cleartext listener', () => {
  it('moves; what came in by the old address finishes what it has begun, on every protocol', async () => {
    await start({ http: at(0) });
    const { port } = gateway.http!;
    const [idle, busy] = [await rawClient(port), await rawClient(port)];
    idle.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await idle.untilText('ok');
    busy.send('GET /held HTTP/1.1\r\nhost: a\r\n\r\n');
    const session = connectH2(`http://127.0.0.1:${port}`);
    const wentAway = once(session, 'goaway');
    const stream = session.request({ ':path': '/held' });
    await expect.poll(() => held.length).toBe(2);

    const next = await freePort();
    expect(await reload({ http: at(next) })).toEqual({ revision: 2, needRestart: [] });
    expect(gateway.http).toEqual({ host: '127.0.0.1', port: next, family: 'IPv4' });
    expect(await ask(next)).toBe('ok');
    expect(await knock(port)).toBe('ECONNREFUSED');
    await idle.untilEnd();
    await wentAway;
    for (const response of held) response.end('done');
    let body = '';
    for await (const chunk of stream) body += chunk;
    expect(body).toBe('done');
    expect(await busy.untilEnd()).toMatch(/done$/);
    await once(session, 'close');
    expect(told.join('')).toContain(`listening on http://127.0.0.1:${next}`);
    expect(told.join('')).toContain(`no longer listening on http://127.0.0.1:${port};`);
    expect(gateway.connections().length).toBeLessThanOrEqual(1);
  });

  it('stays where it is, and so does everything else, when the new address is taken', async () => {
    await start({ http: at(0) });
    const { port } = gateway.http!;
    const client = await rawClient(port);
    const taken = await occupy();
    const routes = [{ path: '/', respond: { status: 200, body: 'new' } }];
    await expect(reload({ http: at(taken), routes })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${taken}: something else listens there`,
    );
    expect(gateway.revision).toBe(1);
    expect(await ask(port)).toBe('ok');
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.untilText('ok');
    expect(client.text).not.toMatch(/connection: close/i);
    client.close();
  });

  it('opens to the network on the port that it has, and closes again', async () => {
    await start({ http: at(0) });
    const { port } = gateway.http!;
    await reload({ http: at(port, '0.0.0.0') });
    expect(await ask(port, '127.0.0.2')).toBe('ok');
    await reload({ http: at(port) });
    expect(await ask(port)).toBe('ok');
    expect(await knock(port, '127.0.0.2')).toBe('ECONNREFUSED');
  });

  it('is back on the port that it had when only the other address of a pair cannot be opened', async () => {
    await start({ http: at(0) });
    const { port } = gateway.http!;
    const client = await rawClient(port);
    const taken = await occupy();
    await expect(reload({ http: at(port, '0.0.0.0'), https: at(taken) })).rejects.toThrow(/something else listens/);
    expect(gateway.http).toMatchObject({ host: '127.0.0.1', port });
    expect(await ask(port)).toBe('ok');
    // It was not asked to leave.
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.untilText('ok');
    expect(client.text).not.toMatch(/connection: close/i);
    client.close();
    await reload({ http: at(0) });
  });

  it('a connection that has said nothing yet is served once', async () => {
    await start({ http: at(0) });
    const client = await rawClient(gateway.http!.port);
    await expect.poll(() => gateway.connections().length).toBe(1);
    await reload({ http: at(await freePort()) });
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const text = await client.untilEnd();
    expect(text).toMatch(/^HTTP\/1\.1 200 .*connection: close.*ok$/is);
  });

  it('goes, and comes back', async () => {
    await start({ http: at(0) });
    const { port } = gateway.http!;
    await reload({ http: null });
    expect(gateway.http).toBeNull();
    expect(await knock(port)).toBe('ECONNREFUSED');
    await reload({ http: { path: join(directory, 'socket') } });
    expect(await knock(port)).toBe('ECONNREFUSED');
    await reload({ http: at(port) });
    expect(await ask(port)).toBe('ok');
  });

  it('where processes share it, moves to another port, and needs a restart for another address of the same', async () => {
    const place = { worker: 1, workers: 2, after: 0, incarnation: 0, own: [], listen: null, hub: null };
    await start({ http: at(0) }, { worker: { place, hashKey: new Uint8Array(16), reserve: () => {} } });
    const port = await freePort();
    expect(await reload({ http: at(port) })).toEqual({ revision: 2, needRestart: [] });
    expect(await ask(port)).toBe('ok');
    expect(await reload({ http: at(port, '127.0.0.2') })).toEqual({ revision: 3, needRestart: ['http'] });
    expect(gateway.settings.http).toEqual(at(port));
    expect(await ask(port)).toBe('ok');
  });
});

describe('the TLS listener', () => {
  /** The name in the certificate that a port shows, and the protocol agreed on. */
  async function shown(port: number): Promise<string> {
    const options = { host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false };
    const socket = connectTls({ ...options, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    const { issuer } = socket.getPeerCertificate();
    const { alpnProtocol } = socket;
    socket.destroy();
    return `${issuer.CN === undefined ? '' : 'development'} ${alpnProtocol}`;
  }

  it('is opened when it was off, with the development authority', async () => {
    await start({ http: at(0) });
    expect(gateway.rootCertificatePath).toBeNull();
    const port = await freePort();
    expect((await reload({ https: at(port) })).needRestart).toEqual([]);
    expect(await shown(port)).toBe('development h2');
    expect(gateway.rootCertificatePath).toMatch(/\.pem$/);
    const next = await freePort();
    await reload({ https: at(next) });
    expect(await shown(next)).toBe('development h2');
    expect(await knock(port)).toBe('ECONNREFUSED');
  });

  it('changes places with the cleartext listener', async () => {
    await start({ http: at(0), https: at(0) });
    const [http, https] = [gateway.http!.port, gateway.https!.port];
    await reload({ http: at(https), https: at(http) });
    expect(await shown(http)).toBe('development h2');
    expect(await ask(https)).toBe('ok');
  });

  it('moves with other certificates in one go, or not at all', async () => {
    const ca = await DevelopmentCa.open({ directory });
    const write = async (name: string): Promise<{ cert: string; key: string }> => {
      const { cert, key } = await ca.issue({ names: ['localhost'] });
      const paths = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) };
      await writeFile(paths.cert, cert);
      await writeFile(paths.key, key);
      return paths;
    };
    await start({ https: at(0), certificates: [await write('one')] });
    const { port } = gateway.https!;
    const next = await freePort();
    const broken = { cert: join(directory, 'none.pem'), key: join(directory, 'none.key') };
    await expect(reload({ https: at(next), certificates: [broken] })).rejects.toThrow(/none\.pem/);
    expect(await knock(next)).toBe('ECONNREFUSED');
    expect(await shown(port)).toMatch(/ h2$/);
    expect((await reload({ https: at(next), certificates: [await write('two')] })).revision).toBe(2);
    expect(await shown(next)).toMatch(/ h2$/);
    expect(await knock(port)).toBe('ECONNREFUSED');
  });
});

it('a gateway that closes while it moves listens nowhere', async () => {
  await start({ http: at(0) });
  const next = await freePort();
  const moved = reload({ http: at(next) }).catch((error: Error) => error.message);
  await gateway.close(0);
  await moved;
  expect(await knock(next)).toBe('ECONNREFUSED');
});
