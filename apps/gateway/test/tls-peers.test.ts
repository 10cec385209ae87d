/** TLS on both sides of the gateway against other people's ends: client certificates, names, tickets, the key log. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectH2, createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { run } from '@glassway/interop/peers/programs.ts';
import { type Credentials, DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_POOL, type PoolTls } from '../src/config/pool-settings.ts';
import { DEFAULT_SETTINGS, type Settings } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { Capture } from './support/pcap.ts';
import { itWith } from './support/peers.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };

let directory: string;
let ca: DevelopmentCa;
let server: Credentials;
let gatewayCertificate: { cert: string; key: string };
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-tls-'));
  ca = await DevelopmentCa.open({ directory });
  server = await ca.issue({ names: ['localhost', 'app.localhost'] });
  gatewayCertificate = await files('gateway', await ca.issueClient('gateway'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function files(name: string, { cert, key }: Credentials): Promise<{ cert: string; key: string }> {
  const paths = { cert: join(directory, `${name}.pem`), key: join(directory, `${name}-key.pem`) };
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key);
  return paths;
}

async function start(over: Partial<Settings>): Promise<Gateway> {
  const settings = { ...DEFAULT_SETTINGS, http: ANY_PORT, https: null, inspector: null, ...over };
  const gateway = await startGateway(settings, { logger: new Logger('error'), developmentCaDirectory: directory });
  closing.push(() => gateway.close(0));
  return gateway;
}

/** A gateway to one TLS backend, and what it answers. */
async function askThrough(url: string, tls: Partial<PoolTls>): Promise<{ status: number; text: string }> {
  const pool = {
    ...DEFAULT_POOL,
    targets: [{ url, weight: 1 }],
    tls: { ...DEFAULT_POOL.tls, ca: ca.rootCertificatePath, ...tls },
  };
  const gateway = await start({ backends: { app: pool }, to: ['app'] });
  const response = await fetch(`http://127.0.0.1:${gateway.http?.port}/`);
  return { status: response.status, text: await response.text() };
}

/** A TLS server of Node's that says who asks under which name; gives its port. */
async function backend(scheme: string, version: SecureVersion, asksForCertificates: boolean): Promise<number> {
  const options = {
    ...server,
    minVersion: version,
    maxVersion: version,
    ca: ca.rootCertificate,
    requestCert: asksForCertificates,
    rejectUnauthorized: asksForCertificates,
  };
  const answer = (request: { socket: object }, response: { end(text: string): unknown }): void => {
    const socket = request.socket as TLSSocket & { servername?: string };
    response.end(`${socket.getPeerCertificate().subject?.CN ?? 'nobody'} asks ${socket.servername}`);
  };
  const listener: Server = scheme === 'h2' ? createSecureServer(options, answer) : createHttps(options, answer);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  closing.push(() => void listener.close());
  return (listener.address() as AddressInfo).port;
}

describe.each(['https', 'h2'])('%s backends', scheme => {
  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('that ask for a certificate, %s', version => {
    it('get that of the pool', async () => {
      const port = await backend(scheme, version, true);
      const { cert, key } = gatewayCertificate;
      const answer = await askThrough(`${scheme}://localhost:${port}`, { cert, key });
      expect(answer).toEqual({ status: 200, text: 'gateway asks localhost' });
    });

    it('refuse the gateway without one', async () => {
      const port = await backend(scheme, version, true);
      const { status, text } = await askThrough(`${scheme}://localhost:${port}`, {});
      expect(status).toBe(502);
      expect(text).toMatch(/^502 backend_tls_failed .*certificate/);
    });
  });

  it('are asked under the name of the pool, which their certificate has to cover', async () => {
    const url = `${scheme}://127.0.0.1:${await backend(scheme, 'TLSv1.3', false)}`;
    expect((await askThrough(url, { servername: 'app.localhost' })).text).toBe('nobody asks app.localhost');
    const wrong = await askThrough(url, { servername: 'other.localhost' });
    expect(wrong.text).toMatch(/^502 backend_tls_failed .*other\.localhost/);
    // The address is not in the certificate.
    expect((await askThrough(url, {})).text).toMatch(/^502 backend_tls_failed .*127\.0\.0\.1/);
    expect((await askThrough(url, { verify: false })).status).toBe(200);
  });

  it('whose certificate nobody here trusts are refused', async () => {
    const url = `${scheme}://localhost:${await backend(scheme, 'TLSv1.3', false)}`;
    const { cert } = await files('stranger', await ca.issue({ names: ['stranger.localhost'] }));
    expect((await askThrough(url, { ca: cert })).text).toMatch(/^502 backend_tls_failed /);
  });
});

describe('session tickets of clients', () => {
  const options = (port: number, servername: string): ConnectionOptions => ({
    port,
    host: '127.0.0.1',
    ca: ca.rootCertificate,
    servername,
  });

  /** The ticket of a new session. */
  async function begin(port: number, servername: string): Promise<Buffer> {
    const socket = connectTls(options(port, servername));
    const [ticket] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    return ticket;
  }

  /** Whether a session goes on with a ticket. */
  async function resumes(port: number, servername: string, session: Buffer): Promise<boolean> {
    const socket = connectTls({ ...options(port, servername), session });
    await once(socket, 'secureConnect');
    const reused = socket.isSessionReused();
    socket.destroy();
    return reused;
  }

  it('stay good when the certificates are reloaded', async () => {
    const first = await files('first', server);
    const settings = { to: ['http://127.0.0.1:1'], https: ANY_PORT, certificates: [first] };
    const gateway = await start(settings);
    const { port } = gateway.https!;
    const ticket = await begin(port, 'localhost');
    expect(await resumes(port, 'localhost', ticket)).toBe(true);
    const second = await files('second', await ca.issue({ names: ['localhost'] }));
    await gateway.reload({ ...gateway.settings, certificates: [second] });
    expect(await resumes(port, 'localhost', ticket)).toBe(true);
  });

  it.each([
    ['stay good when the listener moves', 'off', true],
    ['end when the listener moves, where they stand for client certificates', 'optional', false],
  ] as const)('%s', async (_, mode, stay) => {
    const clientCertificates = {
      mode,
      ca: mode === 'off' ? null : ca.rootCertificatePath,
      subjectField: 'x-subject',
    };
    const certificates = [await files('moving', server)];
    const gateway = await start({ to: ['http://127.0.0.1:1'], https: ANY_PORT, certificates, clientCertificates });
    const ticket = await begin(gateway.https!.port, 'localhost');
    expect(await resumes(gateway.https!.port, 'localhost', ticket)).toBe(true);
    await gateway.reload({ ...gateway.settings, https: { host: '127.0.0.1', port: await freePort() } });
    expect(await resumes(gateway.https!.port, 'localhost', ticket)).toBe(stay);
  });

  it('made by the development authority by name, too', async () => {
    const { port } = (await start({ to: ['http://127.0.0.1:1'], https: ANY_PORT })).https!;
    for (const name of ['localhost', 'shop.localhost']) {
      expect(await resumes(port, name, await begin(port, name)), name).toBe(true);
    }
  });

  it('of one gateway are good with another that has the same key file, and with no other', async () => {
    const ticketKeyFile = join(directory, 'tickets');
    await writeFile(ticketKeyFile, Buffer.alloc(48, 7));
    const certificates = [await files('shared', server)];
    const common = { to: ['http://127.0.0.1:1'], https: ANY_PORT, http: null, certificates };
    const [one, two] = [await start({ ...common, ticketKeyFile }), await start({ ...common, ticketKeyFile })];
    const ticket = await begin(one.https!.port, 'localhost');
    expect(await resumes(two.https!.port, 'localhost', ticket)).toBe(true);
    const stranger = await start(common);
    expect(await resumes(stranger.https!.port, 'localhost', ticket)).toBe(false);
  });

  itWith('openssl', 'openssl s_client -reconnect resumes five times', async () => {
    const { port } = (await start({ to: ['http://127.0.0.1:1'], https: ANY_PORT })).https!;
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', '-alpn', 'http/1.1'];
    const { output } = await run('openssl', [...args, '-tls1_2', '-reconnect']);
    expect(output.match(/^Reused, TLSv1\.2/gm)).toHaveLength(5);
  });
});

itWith('tshark', 'the key log lets tshark read what a client of HTTP/2 asked', async () => {
  const keyLog = join(directory, 'keys.log');
  const gateway = await start({ to: ['http://127.0.0.1:1'], https: ANY_PORT, keyLog });
  const capture = await Capture.of(gateway.https!.port);
  closing.push(() => capture.close());
  const session = connectH2(`https://localhost:${capture.port}`, { ca: ca.rootCertificate });
  const stream = session.request({ ':path': '/a/secret' });
  stream.resume();
  await once(stream, 'close');
  session.close();
  await once(session, 'close');
  // NSS's format: label, client random, secret.
  const lines = (await readFile(keyLog, 'utf8')).trim().split('\n');
  for (const line of lines) expect(line).toMatch(/^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]{64,96}$/);
  expect(new Set(lines.map(line => line.split(' ')[1])).size).toBe(1);

  const file = join(directory, 'capture.pcap');
  await writeFile(file, capture.file());
  const fields = ['-T', 'fields', '-e', 'http2.headers.path', '-Y', 'http2.headers.path'];
  const read = (keys: string) => run('tshark', ['-r', file, '-o', `tls.keylog_file:${keys}`, ...fields]);
  expect((await read(keyLog)).octets.toString()).toBe('/a/secret\n');
  expect((await read('/dev/null')).octets.toString()).toBe('');
});
