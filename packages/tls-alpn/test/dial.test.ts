import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DevelopmentCa, type DialOptions, dial, listen, SecureContexts, TlsAlpnError } from '../src/index.ts';
import { Cleanup, echoListener, echoOf, scratch, sharedCa } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function connectTo(port: number, options: DialOptions = {}, host = 'localhost') {
  const dialed = await dial(`https://${host}:${port}/any/path`, { ca: (await sharedCa()).rootCertificate, ...options });
  cleanup.add(() => void dialed.socket.destroy());
  return dialed;
}

/** A plain TCP server that does `onSocket` with each connection. */
async function tcp(onSocket: (socket: import('node:net').Socket) => void): Promise<number> {
  const server = createServer(socket => {
    cleanup.add(() => void socket.destroy());
    socket.on('error', () => {});
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  cleanup.add(() => void server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

describe('what is agreed', () => {
  test('h2 by default, over TLS 1.3, with the server’s certificate described', async () => {
    const { port } = await echoListener(cleanup);
    const { protocol, servername, tls } = await connectTo(port);
    expect({ protocol, servername }).toEqual({ protocol: 'h2', servername: 'localhost' });
    expect(tls).toMatchObject({ version: 'TLSv1.3', forbiddenForH2: false, resumed: false });
    expect(tls.peerCertificate).toMatchObject({ authorized: true, error: null });
    expect(tls.peerCertificate?.subjectAltName).toContain('DNS:localhost');
  });

  test('protocols offered', async () => {
    const { port } = await echoListener(cleanup);
    expect((await connectTo(port, { protocols: ['http/1.1'] })).protocol).toBe('http/1.1');
  });

  test('the server sees the name, and none for an address', async () => {
    const { port } = await echoListener(cleanup);
    const read = async (host: string) => {
      const { socket } = await connectTo(port, {}, host);
      let text = '';
      for await (const chunk of socket) text += chunk;
      return echoOf(text).servername;
    };
    expect(await read('localhost')).toBe('localhost');
    expect(await read('127.0.0.1')).toBe('');
  });

  test('RFC 6761 6.3: a name below .localhost is the loopback', async () => {
    const { port } = await echoListener(cleanup);
    const { servername, tls } = await connectTo(port, {}, 'app.localhost');
    expect(servername).toBe('app.localhost');
    expect(tls.peerCertificate).toMatchObject({ authorized: true, subjectAltName: 'DNS:app.localhost' });
  });

  test('servername overrides the host, for SNI and for verification', async () => {
    const { port } = await echoListener(cleanup);
    const { tls, servername } = await connectTo(port, { servername: 'other.test' }, '127.0.0.1');
    expect(servername).toBe('other.test');
    expect(tls.peerCertificate?.subjectAltName).toBe('DNS:other.test');
  });

  test('a server without ALPN speaks http/1.1, unless that was not offered', async () => {
    const contexts = await SecureContexts.load({ onDemand: (await sharedCa()).credentialsFor });
    const { createServer: createTlsServer } = await import('node:tls');
    const server = createTlsServer({ ...contexts.defaultOptions }, socket => socket.on('error', () => {}));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.add(() => void server.close());
    const { port } = server.address() as { port: number };
    expect((await connectTo(port)).protocol).toBe('http/1.1');
    await expect(connectTo(port, { protocols: ['h2'] })).rejects.toMatchObject({ code: 'dial-no-protocol' });
  });

  test('a client certificate is shown', async () => {
    const ca = await sharedCa();
    const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor, clientCa: ca.rootCertificate });
    const { port } = await echoListener(cleanup, { contexts, clientCertificates: 'require' });
    const { socket } = await connectTo(port, { clientCertificate: await ca.issueClient('ada') });
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(echoOf(text).tls.peerCertificate?.subject).toContain('CN=ada');
  });

  test('a session is resumed', async () => {
    const { port } = await echoListener(cleanup);
    const { socket } = await connectTo(port);
    socket.resume();
    const [session] = (await once(socket, 'session')) as [Buffer];
    expect((await connectTo(port, { session })).tls).toMatchObject({ resumed: true });
  });

  test('a unix socket', async () => {
    const socketPath = join(await scratch(cleanup), 'tls.sock');
    await echoListener(cleanup, { path: socketPath });
    expect((await connectTo(1, { socketPath })).protocol).toBe('h2');
  });

  test('a key log', async () => {
    const keyLog = join(await scratch(cleanup), 'keys.log');
    const { port } = await echoListener(cleanup);
    const { socket } = await connectTo(port, { keyLog });
    socket.resume();
    await once(socket, 'close');
    await expect.poll(() => readFile(keyLog, 'utf8')).toMatch(/^CLIENT_TRAFFIC_SECRET_0 /m);
  });
});

describe('what fails, fails with a code and a sentence', () => {
  test('a stranger’s certificate', async () => {
    const stranger = await DevelopmentCa.open({ directory: await scratch(cleanup) });
    const contexts = await SecureContexts.load({ onDemand: stranger.credentialsFor });
    const { port } = await echoListener(cleanup, { contexts });
    await expect(connectTo(port)).rejects.toMatchObject({
      code: 'dial-untrusted',
      message: expect.stringMatching(/^the certificate of localhost:\d+ is not trusted for localhost: UNABLE_TO_/),
    });
    const { tls } = await connectTo(port, { verify: false });
    expect(tls.peerCertificate).toMatchObject({ authorized: false, error: expect.stringContaining('UNABLE_TO_') });
  });

  test.each([
    ['127.0.0.1', 'a.test'],
    ['localhost', 'a.test'],
  ])('a certificate for another name (%s)', async (host, name) => {
    const certificates = [await (await sharedCa()).issue({ names: [name] })];
    const { port } = await echoListener(cleanup, { contexts: await SecureContexts.load({ certificates }) });
    await expect(connectTo(port, {}, host)).rejects.toMatchObject({
      code: 'dial-untrusted',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  test('nobody listens', async () => {
    const { port, listener } = await echoListener(cleanup);
    await listener.close();
    for (const host of ['localhost', '127.0.0.1']) {
      await expect(connectTo(port, {}, host)).rejects.toMatchObject({
        code: 'dial-connect',
        message: expect.stringContaining(`ECONNREFUSED 127.0.0.1:${port}`),
      });
    }
  });

  test('no protocol in common', async () => {
    const { port } = await echoListener(cleanup, { protocols: ['http/1.1'] });
    await expect(connectTo(port, { protocols: ['h2'] })).rejects.toMatchObject({ code: 'dial-no-protocol' });
  });

  test('not TLS', async () => {
    const port = await tcp(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(connectTo(port)).rejects.toMatchObject({
      code: 'dial-handshake',
      message: expect.stringContaining('does not speak TLS'),
    });
  });

  test('a server that hangs up', async () => {
    const port = await tcp(socket => socket.destroy());
    await expect(connectTo(port)).rejects.toMatchObject({ code: 'dial-handshake' });
  });

  test('a server that is silent', async () => {
    const port = await tcp(() => {});
    await expect(connectTo(port, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'dial-timeout',
      message: expect.stringContaining('the TLS handshake took longer than 60 ms'),
    });
  });

  test('aborted before and during', async () => {
    await expect(connectTo(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'dial-aborted' });
    const controller = new AbortController();
    const port = await tcp(() => controller.abort());
    await expect(connectTo(port, { signal: controller.signal })).rejects.toMatchObject({ code: 'dial-aborted' });
  });

  test('an abort after the handshake does nothing', async () => {
    const contexts = await SecureContexts.load({ onDemand: (await sharedCa()).credentialsFor });
    const listener = await listen({ contexts }, ({ socket }) => void socket.pipe(socket));
    cleanup.add(() => listener.close());
    const controller = new AbortController();
    const { socket } = await connectTo((listener.address as { port: number }).port, { signal: controller.signal });
    controller.abort();
    socket.write('x');
    expect(String(await once(socket, 'data'))).toBe('x');
  });

  test.each<[string, DialOptions]>([
    ['not a url', {}],
    ['https://localhost', { timeoutMs: 0 }],
    ['https://localhost', { protocols: [] }],
  ])('%s with %j is a caller’s mistake', async (url, options) => {
    const failure = await dial(url, options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TlsAlpnError);
    expect(failure).toMatchObject({ code: 'option' });
  });
});
