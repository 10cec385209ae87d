import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import {
  DevelopmentCa,
  type HandshakeRefusal,
  type ListenOptions,
  listen,
  SecureContexts,
  TlsAlpnError,
} from '../src/index.ts';
import { Cleanup, echoListener, echoOf, hasPeer, run, scratch, sharedCa, until } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A client socket; `closed` settles with its error, or null. */
function client(port: number, options: ConnectionOptions = {}): { socket: TLSSocket; closed: Promise<Error | null> } {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  cleanup.add(() => void socket.destroy());
  const closed = new Promise<Error | null>(done => {
    let failure: Error | null = null;
    socket.on('error', error => {
      failure = error;
    });
    socket.on('close', () => done(failure));
  });
  return { socket, closed };
}

/** A client without TLS; `closed` settles however it ends. */
function rawClient(port: number): { socket: Socket; closed: Promise<unknown> } {
  const socket = connectTcp(port, '127.0.0.1').on('error', () => {});
  cleanup.add(() => void socket.destroy());
  return { socket, closed: new Promise(done => socket.on('close', done)) };
}

/** Everything a client reads until the end. */
async function exchange(port: number, options: ConnectionOptions = {}): Promise<ReturnType<typeof echoOf>> {
  const { socket } = client(port, options);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return echoOf(text);
}

/** A listener that records its refusals, and a promise of the first one. */
async function refusing(options: Partial<ListenOptions> = {}) {
  let report: (refusal: HandshakeRefusal) => void = () => {};
  const refused = new Promise<HandshakeRefusal>(done => {
    report = done;
  });
  return { ...(await echoListener(cleanup, { ...options, onRefused: report })), refused };
}

describe('RFC 7301: ALPN', () => {
  test.each([
    [['h2', 'http/1.1'], 'h2'],
    [['http/1.1', 'h2'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [['h3', 'http/1.1'], 'http/1.1'],
  ])('a client that offers %j gets %s: the order of the server rules', async (ALPNProtocols, protocol) => {
    const { port } = await echoListener(cleanup);
    expect(await exchange(port, { ALPNProtocols })).toMatchObject({ protocol });
  });

  test('the order of the server can be turned round', async () => {
    const { port } = await echoListener(cleanup, { protocols: ['http/1.1', 'h2'] });
    expect(await exchange(port, { ALPNProtocols: ['h2', 'http/1.1'] })).toMatchObject({ protocol: 'http/1.1' });
  });

  test('a client that sends no ALPN speaks http/1.1', async () => {
    const { port } = await echoListener(cleanup);
    expect(await exchange(port)).toMatchObject({ protocol: 'http/1.1' });
  });

  test('RFC 9113 3.2: a client that sends no ALPN is refused where only h2 is served', async () => {
    const { port, refused } = await refusing({ protocols: ['h2'] });
    await client(port).closed;
    expect(await refused).toMatchObject({ reason: 'no-application-protocol', remoteAddress: '127.0.0.1', cause: null });
  });

  test('withoutAlpn null refuses such a client although http/1.1 is served', async () => {
    const { port, refused } = await refusing({ withoutAlpn: null });
    await client(port).closed;
    expect((await refused).reason).toBe('no-application-protocol');
  });

  test.each(['1.2', '1.3'] as const)('3.2: no overlap ends in the alert no_application_protocol (TLS %s)', async v => {
    const { port, refused } = await refusing();
    const { closed } = client(port, { ALPNProtocols: ['spdy/3'], maxVersion: `TLSv${v}` });
    // The alert itself, by its name on the client's side.
    expect(await closed).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
    expect(await refused).toMatchObject({ reason: 'no-application-protocol', cause: expect.any(Error) });
  });

  test.skipIf(!hasPeer('openssl'))('openssl s_client sees alert number 120', async () => {
    const { port } = await echoListener(cleanup);
    const { output } = await run('openssl', ['s_client', '-alpn', 'nope', '-connect', `127.0.0.1:${port}`]);
    expect(output).toContain('SSL alert number 120');
  });

  test.skipIf(!hasPeer('openssl'))('openssl s_client agrees on h2', async () => {
    const { port, ca } = await echoListener(cleanup);
    const args = ['s_client', '-alpn', 'h2', '-servername', 'localhost', '-verify_return_error'];
    const { output } = await run('openssl', [
      ...args,
      ...['-CAfile', ca.rootCertificatePath, '-connect', `127.0.0.1:${port}`],
    ]);
    expect(output).toContain('ALPN protocol: h2');
    expect(output).toContain('Verify return code: 0 (ok)');
  });

  test.skipIf(!hasPeer('curl'))('curl verifies the certificate by name and by address', async () => {
    const { port, ca } = await echoListener(cleanup);
    for (const host of ['localhost', '127.0.0.1']) {
      const args = ['--http1.1', '--http0.9', '-sS', '--cacert', ca.rootCertificatePath, `https://${host}:${port}/`];
      const { output } = await run('curl', args);
      expect(echoOf(output)).toMatchObject({ protocol: 'http/1.1' });
    }
  });
});

describe('handshake', () => {
  test('TLS 1.1 is refused with a reason', async () => {
    const { port, refused } = await refusing();
    const { closed } = client(port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' });
    expect(await closed).toBeInstanceOf(Error);
    expect((await refused).reason).toBe('unsupported-version');
  });

  test('no shared suite is refused with a reason', async () => {
    const { port, refused } = await refusing();
    void client(port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' });
    expect((await refused).reason).toBe('no-shared-cipher');
  });

  test('plain HTTP on a TLS port is named as such', async () => {
    const { port, refused } = await refusing();
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect(await refused).toMatchObject({ reason: 'not-tls', message: expect.stringContaining('https://') });
    socket.destroy();
  });

  test('a client that hangs up is reported', async () => {
    const { port, refused } = await refusing();
    connectTcp(port, '127.0.0.1').on('connect', function (this: Socket) {
      this.resetAndDestroy();
    });
    expect((await refused).reason).toBe('client-closed');
  });

  test.skipIf(!hasPeer('openssl')).each(['-tls1_2', '-tls1_3'])(
    'a client that rejects our certificate is reported with its alert (%s)',
    async version => {
      const { port, refused } = await refusing();
      await run('openssl', ['s_client', version, '-verify_return_error', '-connect', `127.0.0.1:${port}`]);
      expect(await refused).toMatchObject({
        reason: 'client-alert',
        message: 'the client refused the handshake: unknown_ca (does it trust the authority?)',
      });
    },
  );

  test('the handshake timeout is a deadline: octets that drip in do not move it, and the socket is closed', async () => {
    const { port, refused, listener } = await refusing({ handshakeTimeoutMs: 300 });
    const { socket, closed } = rawClient(port);
    const hello = Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, ...randomBytes(40)]);
    let sent = 0;
    const drip = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 20);
    cleanup.add(() => clearInterval(drip));
    expect((await refused).reason).toBe('handshake-timeout');
    await closed;
    expect(sent).toBeLessThan(hello.length);
    await until(() => listener.connections === 0);
  });

  test('a finished handshake is not bound by the deadline', async () => {
    let accepted: TLSSocket | null = null;
    const contexts = await SecureContexts.load({ onDemand: (await sharedCa()).credentialsFor });
    // Long enough for a handshake on a busy machine.
    const handshakeTimeoutMs = 2000;
    const listener = await listen({ contexts, handshakeTimeoutMs }, ({ socket }) => {
      accepted = socket;
    });
    cleanup.add(() => listener.close());
    const { socket } = client((listener.address as { port: number }).port);
    await once(socket, 'secureConnect');
    // Past the deadline: this waits for time to pass on purpose.
    await new Promise(done => setTimeout(done, handshakeTimeoutMs + 100));
    expect(accepted!.destroyed).toBe(false);
    socket.destroy();
  });

  test('a session ticket resumes', async () => {
    const { port } = await echoListener(cleanup);
    const { socket } = client(port, { servername: 'localhost' });
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    expect((await exchange(port, { servername: 'localhost', session })).tls.resumed).toBe(true);
  });

  test('listeners with the same ticket keys resume each other’s sessions', async () => {
    const ticketKeys = randomBytes(48);
    const first = await echoListener(cleanup, { ticketKeys });
    const second = await echoListener(cleanup, { ticketKeys });
    const stranger = await echoListener(cleanup);
    const { socket } = client(first.port, { servername: 'localhost' });
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    expect((await exchange(second.port, { servername: 'localhost', session })).tls.resumed).toBe(true);
    expect((await exchange(stranger.port, { servername: 'localhost', session })).tls.resumed).toBe(false);
  });
});

describe('client certificates', () => {
  async function mutual(clientCertificates: 'optional' | 'require') {
    const ca = await sharedCa();
    const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor, clientCa: ca.rootCertificate });
    return refusing({ contexts, clientCertificates });
  }

  test('require: a certificate that our authority signed is accepted and described', async () => {
    const { ca, port } = await mutual('require');
    const { tls } = await exchange(port, { ...(await ca.issueClient('ada')), servername: 'localhost' });
    expect(tls.peerCertificate).toMatchObject({ authorized: true, error: null });
    expect(tls.peerCertificate?.subject).toContain('CN=ada');
  });

  test('require: none is refused', async () => {
    const { port, refused } = await mutual('require');
    void client(port, { servername: 'localhost' });
    expect((await refused).reason).toBe('client-certificate-missing');
  });

  test('require: one that a stranger signed is refused, and the reason says so', async () => {
    const { port, refused } = await mutual('require');
    const stranger = await DevelopmentCa.open({ directory: await scratch(cleanup) });
    void client(port, { ...(await stranger.issueClient('eve')), servername: 'localhost' });
    expect(await refused).toMatchObject({
      reason: 'client-certificate-untrusted',
      message: expect.stringContaining('UNABLE_TO_'),
    });
  });

  test('optional: none is let through, without a peer certificate', async () => {
    const { port } = await mutual('optional');
    expect((await exchange(port, { servername: 'localhost' })).tls.peerCertificate).toBeNull();
  });

  test('a ticket does not outlive the authority that vouched for the client', async () => {
    const ca = await sharedCa();
    const stranger = await DevelopmentCa.open({ directory: await scratch(cleanup) });
    const clientCaFile = join(await scratch(cleanup), 'clients.pem');
    await writeFile(clientCaFile, ca.rootCertificate);
    const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor, clientCaFile });
    const { port } = await echoListener(cleanup, { contexts, clientCertificates: 'require' });
    const credentials = { ...(await ca.issueClient('ada')), servername: 'localhost' };
    const { socket } = client(port, credentials);
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    expect((await exchange(port, { ...credentials, session })).tls.resumed).toBe(true);

    await writeFile(clientCaFile, stranger.rootCertificate);
    await contexts.reload();
    await expect(exchange(port, { ...credentials, session })).rejects.toThrow();
  });

  test('without authorities they cannot be asked for', async () => {
    await expect(echoListener(cleanup, { clientCertificates: 'require' })).rejects.toMatchObject({ code: 'option' });
  });
});

describe('key log', () => {
  test('a file gets the secrets of each connection and is readable by its owner only', async () => {
    const keyLog = join(await scratch(cleanup), 'keys.log');
    const { port, listener } = await echoListener(cleanup, { keyLog });
    await exchange(port);
    await listener.close();
    const text = await readFile(keyLog, 'utf8');
    expect(text).toMatch(/^SERVER_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]{64} [0-9a-f]+\n/m);
    expect(text).toMatch(/^CLIENT_TRAFFIC_SECRET_0 /m);
    expect((await stat(keyLog)).mode & 0o777).toBe(0o600);
  });

  test('a function gets each line without its line feed', async () => {
    const lines: string[] = [];
    const { port } = await echoListener(cleanup, { keyLog: line => lines.push(line) });
    await exchange(port);
    expect(lines.some(line => /^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]+ [0-9a-f]+$/.test(line))).toBe(true);
  });

  test('a file that cannot be written is reported, and traffic goes on', async () => {
    const errors: Error[] = [];
    const keyLog = join(await scratch(cleanup), 'missing', 'keys.log');
    const { port } = await echoListener(cleanup, { keyLog, onError: error => errors.push(error) });
    expect(await exchange(port)).toMatchObject({ protocol: 'http/1.1' });
    expect(errors).toMatchObject([{ code: 'ENOENT' }]);
  });
});

describe('the listener handle', () => {
  test('address, connections, close', async () => {
    const sockets: TLSSocket[] = [];
    const contexts = await SecureContexts.load({ onDemand: (await sharedCa()).credentialsFor });
    const listener = await listen({ contexts }, ({ socket }) => {
      sockets.push(socket);
      socket.write('x');
    });
    expect(listener.address).toEqual({ host: '127.0.0.1', port: expect.any(Number), family: 'IPv4' });
    const { port } = listener.address as { port: number };
    const { socket } = client(port);
    await once(socket, 'data');
    expect(listener.connections).toBe(1);

    await listener.close();
    await listener.close();
    // The address is free again, and the socket that was handed over lives on.
    const next = await listen({ contexts, port }, () => {});
    await next.close();
    sockets[0]!.write('still here');
    expect(String(await once(socket, 'data'))).toBe('still here');
    socket.destroy();
    await once(sockets[0]!, 'close');
    expect(listener.connections).toBe(0);
  });

  test('close cuts a handshake that is under way', async () => {
    const { port, listener } = await echoListener(cleanup);
    const { closed } = rawClient(port);
    await until(() => listener.connections === 1);
    await listener.close();
    await closed;
    await until(() => listener.connections === 0);
  });

  test('an address in use is named', async () => {
    const { port } = await echoListener(cleanup);
    await expect(echoListener(cleanup, { port })).rejects.toMatchObject({
      code: 'listen',
      message: `cannot listen on 127.0.0.1:${port}: something else listens there`,
    });
  });

  test('a unix socket', async () => {
    const path = join(await scratch(cleanup), 'tls.sock');
    const { listener } = await echoListener(cleanup, { path });
    expect(listener.address).toEqual({ path });
    const socket = connect({ path, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(echoOf(text).protocol).toBe('h2');
  });

  test('accept runs the handshake on a socket accepted elsewhere', async () => {
    const { listener } = await echoListener(cleanup);
    const front = createTcpServer(socket => listener.accept(socket));
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    cleanup.add(() => void front.close());
    const { port } = front.address() as { port: number };
    expect(await exchange(port, { ALPNProtocols: ['h2'] })).toMatchObject({ protocol: 'h2' });
  });

  test('beforeHandshake reads what stands before the handshake, and closes what it does not like', async () => {
    const seen: string[] = [];
    const { port } = await echoListener(cleanup, {
      beforeHandshake: (socket, proceed) => {
        socket.once('readable', () => {
          const octets = socket.read() as Buffer;
          seen.push(octets.toString('latin1', 0, 6));
          if (octets[0] !== 0x50) {
            socket.destroy();
            return;
          }
          if (octets.length > 6) socket.unshift(octets.subarray(6));
          proceed();
        });
      },
    });
    const { socket: below } = rawClient(port);
    below.write('PREFIX');
    const above = connect({ socket: below, ALPNProtocols: ['h2'], rejectUnauthorized: false });
    let text = '';
    for await (const chunk of above) text += chunk;
    expect(echoOf(text)).toMatchObject({ protocol: 'h2' });
    const refused = rawClient(port);
    refused.socket.write('WRONG!');
    await refused.closed;
    expect(seen).toEqual(['PREFIX', 'WRONG!']);
  });

  test('onSocket that throws is reported and its socket closed; the listener lives on', async () => {
    const errors: Error[] = [];
    const contexts = await SecureContexts.load({ onDemand: (await sharedCa()).credentialsFor });
    const listener = await listen({ contexts, onError: error => errors.push(error) }, async () => {
      throw new Error('boom');
    });
    cleanup.add(() => listener.close());
    const { port } = listener.address as { port: number };
    await client(port).closed;
    await client(port).closed;
    expect(errors.map(error => error.message)).toEqual(['boom', 'boom']);
  });

  test.each([
    ['handshakeTimeoutMs', { handshakeTimeoutMs: 1 }],
    ['port', { port: 70_000 }],
    ['ticketKeys', { ticketKeys: Buffer.alloc(8) }],
    ['protocols', { protocols: [] }],
    ['protocols', { protocols: ['x'.repeat(256)] }],
  ])('%s outside its range is a typed error that names it', async (name, options) => {
    const failure = await echoListener(cleanup, options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TlsAlpnError);
    expect(failure).toMatchObject({ code: 'option', message: expect.stringContaining(name) });
  });
});
