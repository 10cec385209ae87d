import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type CertificateWarning,
  type Credentials,
  type HandshakeRefusal,
  KEY_FILE,
  listen,
  SecureContexts,
  type SecureContextsOptions,
} from '../src/index.ts';
import { mint } from '../src/mint.ts';
import { dnsNamesOf, isDnsName, NameTable } from '../src/names.ts';
import { Cleanup, echoListener, scratch, sharedCa, until } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const DAY_MS = 86_400_000;

/** The DNS and IP names in the certificate that a server shows for a server name. */
async function shown(port: number, servername?: string): Promise<string | undefined> {
  const socket = await secured(port, servername);
  const names = socket.getPeerX509Certificate()?.subjectAltName;
  socket.destroy();
  return names;
}

async function secured(port: number, servername?: string): Promise<TLSSocket> {
  const name = servername === undefined ? {} : { servername };
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'], ...name });
  cleanup.add(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

async function issue(...names: string[]): Promise<Credentials> {
  return (await sharedCa()).issue({ names });
}

async function writePair(directory: string, { cert, key }: Credentials) {
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem') };
  await writeFile(files.certFile, cert);
  await writeFile(files.keyFile, key, { mode: 0o600 });
  return files;
}

describe('selection by server name (RFC 6066 3, RFC 9525 6.3)', () => {
  async function three(options: Partial<SecureContextsOptions> = {}) {
    const contexts = await SecureContexts.load({
      certificates: [await issue('default.test'), await issue('a.test', '*.wild.test'), await issue('exact.wild.test')],
      ...options,
    });
    return echoListener(cleanup, { contexts, protocols: ['h2'] });
  }

  test.each([
    ['a.test', 'DNS:a.test, DNS:*.wild.test'],
    ['A.TEST', 'DNS:a.test, DNS:*.wild.test'],
    ['x.wild.test', 'DNS:a.test, DNS:*.wild.test'],
    ['exact.wild.test', 'DNS:exact.wild.test'],
    // A wildcard stands for one label, never for none or two.
    ['wild.test', 'DNS:default.test'],
    ['x.y.wild.test', 'DNS:default.test'],
    ['unknown.example', 'DNS:default.test'],
    [undefined, 'DNS:default.test'],
  ])('%s gets %s', async (name, names) => {
    const { port } = await three();
    expect(await shown(port, name)).toBe(names);
  });

  test('an unknown name can be refused instead', async () => {
    const refused: HandshakeRefusal[] = [];
    const contexts = await SecureContexts.load({ certificates: [await issue('a.test')], unknownName: 'refuse' });
    const { port } = await echoListener(cleanup, { contexts, onRefused: each => refused.push(each) });
    await expect(secured(port, 'b.test')).rejects.toThrow();
    expect(refused).toMatchObject([{ reason: 'unknown-servername', servername: 'b.test' }]);
    expect(await shown(port, 'a.test')).toBe('DNS:a.test');
  });

  test('names given override those in the certificate', async () => {
    const certificates = [await issue('one.test'), { ...(await issue('two.test')), names: ['*.three.test'] }];
    const { port } = await echoListener(cleanup, { contexts: await SecureContexts.load({ certificates }) });
    expect(await shown(port, 'x.three.test')).toBe('DNS:two.test');
    expect(await shown(port, 'two.test')).toBe('DNS:one.test');
  });

  test('a certificate is made on demand for a name that nothing covers, once', async () => {
    const ca = await sharedCa();
    const onDemand = vi.fn(ca.credentialsFor);
    const contexts = await SecureContexts.load({ certificates: [await issue('a.test')], onDemand });
    const { port } = await echoListener(cleanup, { contexts });
    expect(await shown(port, 'made.localhost')).toBe('DNS:made.localhost');
    const first = await contexts.select('made.localhost');
    expect(await contexts.select('made.localhost.')).toBe(first);
    expect(await shown(port, 'a.test')).toBe('DNS:a.test');
    expect(await shown(port, 'not.permitted.example')).toBe('DNS:a.test');
    expect(onDemand).not.toHaveBeenCalledWith('a.test');
  });

  test('with onDemand alone the default is for localhost and the loopback addresses', async () => {
    const { port } = await echoListener(cleanup);
    expect(await shown(port)).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  });

  test('a failure to make a certificate ends that handshake only', async () => {
    const refused: HandshakeRefusal[] = [];
    const contexts = await SecureContexts.load({
      certificates: [await issue('a.test')],
      onDemand: () => Promise.reject(new Error('disk full')),
    });
    const { port } = await echoListener(cleanup, { contexts, onRefused: each => refused.push(each) });
    await expect(secured(port, 'b.test')).rejects.toThrow();
    expect(refused[0]?.message).toContain('disk full');
    expect(await shown(port, 'a.test')).toBe('DNS:a.test');
  });

  test('a server name that is no host name never reaches onDemand', async () => {
    const onDemand = vi.fn(async () => null);
    const contexts = await SecureContexts.load({ certificates: [await issue('a.test')], onDemand });
    for (const name of ['127.0.0.1', '', '..', 'a b.test', '../etc', '*.test']) await contexts.select(name);
    expect(onDemand).not.toHaveBeenCalled();
  });
});

describe('RSA and ECDSA side by side (RFC 8446 4.4.2.2)', () => {
  /** A certificate with an RSA key, which the development CA itself does not issue. */
  async function issueRsa(...names: string[]): Promise<Credentials> {
    const ca = await sharedCa();
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const commonName = /^CN=(.+)$/m.exec(new X509Certificate(ca.rootCertificate).subject)![1]!;
    const issuer = { commonName, privateKey: createPrivateKey(await readFile(join(ca.directory, KEY_FILE))) };
    const [notBefore, notAfter] = [Date.now() - DAY_MS, Date.now() + DAY_MS];
    const cert = await mint(
      { commonName: 'rsa', publicKey, notBefore, notAfter, purpose: { kind: 'server', names } },
      issuer,
    );
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
  }

  /** Names and key of the certificate that a client sees which verifies these signatures. */
  async function seen(port: number, servername: string, sigalgs?: string): Promise<string> {
    const how = sigalgs === undefined ? {} : { sigalgs };
    const socket = connect({ port, servername, ...how, rejectUnauthorized: false });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate()!;
    socket.destroy();
    return `${certificate.publicKey.asymmetricKeyType} ${certificate.subjectAltName}`;
  }

  test.each([
    ['ECDSA+SHA256', 'ec'],
    ['RSA-PSS+SHA256', 'rsa'],
    ['RSA-PSS+SHA256:ECDSA+SHA256', 'ec'],
  ])(
    'a client that verifies %s gets the %s key of the default names, by name and by default',
    async (sigalgs, kind) => {
      const rsa = { ...(await issueRsa('both.test')), names: ['both.test'] };
      const certificates = [{ ...(await issue('both.test')), names: ['BOTH.test'] }, rsa, await issue('other.test')];
      const contexts = await SecureContexts.load({ certificates });
      expect(contexts.certificates).toHaveLength(3);
      const { port } = await echoListener(cleanup, { contexts });
      for (const servername of ['both.test', 'unknown.test']) {
        expect(await seen(port, servername, sigalgs)).toBe(`${kind} DNS:both.test`);
      }
    },
  );

  // Some versions of Node show the default certificate's ECDSA key for a name that has an RSA key only.
  test.each([
    ['ec', 'rsa'],
    ['rsa', 'ec'],
    ['ec', 'both'],
    ['rsa', 'both'],
  ])(
    'with a default %s key, a name with %s keys is shown its own certificate, to all clients',
    async (first, named) => {
      const kinds = { ec: [issue], rsa: [issueRsa], both: [issueRsa, issue] };
      const certificates = [await kinds[first as 'ec' | 'rsa'][0]!('default.test')];
      for (const each of kinds[named as keyof typeof kinds]) certificates.push(await each('named.test'));
      const { port } = await echoListener(cleanup, { contexts: await SecureContexts.load({ certificates }) });
      expect(await seen(port, 'named.test')).toContain('DNS:named.test');
      expect(await seen(port, 'named.test', 'RSA-PSS+SHA256:ECDSA+SHA256')).toContain('DNS:named.test');
      if (named !== 'ec') expect(await seen(port, 'named.test', 'RSA-PSS+SHA256')).toBe('rsa DNS:named.test');
      expect(await seen(port, 'default.test')).toBe(`${first} DNS:default.test`);
    },
  );
});

describe('what cannot be served is refused at load, by name', () => {
  test.each<[string, (directory: string) => Promise<SecureContextsOptions>, string]>([
    ['nothing at all', async () => ({}), 'needs certificates'],
    ['a missing file', async d => ({ certificates: [{ certFile: `${d}/no.pem`, keyFile: `${d}/no.key` }] }), 'no.pem'],
    ['no PEM', async () => ({ certificates: [{ cert: 'hello', key: 'x' }] }), 'no PEM certificate'],
    [
      'a broken certificate',
      async () => ({
        certificates: [{ cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', key: 'x' }],
      }),
      'not a certificate',
    ],
    ['a broken key', async () => ({ certificates: [{ ...(await issue('a.test')), key: 'x' }] }), 'key cannot be read'],
    [
      'an encrypted key without its passphrase',
      async () => {
        const { cert, key } = await issue('a.test');
        const encrypted = createPrivateKey(key).export({
          type: 'pkcs8',
          format: 'pem',
          cipher: 'aes-128-cbc',
          passphrase: 'x',
        });
        return { certificates: [{ cert, key: encrypted }] };
      },
      'it is encrypted, and no passphrase was given',
    ],
    [
      'the key of another certificate',
      async () => ({ certificates: [{ ...(await issue('a.test')), key: (await issue('b.test')).key }] }),
      'belongs to another certificate',
    ],
    [
      'a name that is none',
      async () => ({ certificates: [{ ...(await issue('a.test')), names: ['a.*.test'] }] }),
      'a.*.test',
    ],
    ['a missing client authority', async d => ({ certificates: [], onDemand: async () => null, clientCaFile: d }), ''],
    ['warnBeforeDays', async () => ({ certificates: [await issue('a.test')], warnBeforeDays: -1 }), 'warnBeforeDays'],
  ])('%s', async (_what, options, message) => {
    const failure = SecureContexts.load(await options(await scratch(cleanup)));
    await expect(failure).rejects.toMatchObject({ name: 'TlsAlpnError', message: expect.stringContaining(message) });
  });
});

describe('hot reload', () => {
  test('new handshakes get the new certificate, open sockets and ALPN stay', async () => {
    const files = await writePair(await scratch(cleanup), await issue('old.test'));
    const contexts = await SecureContexts.load({ certificates: [files] });
    const listener = await listen({ contexts }, ({ socket }) => {
      socket.pipe(socket);
    });
    cleanup.add(() => listener.close());
    const { port } = listener.address as { port: number };
    const open = await secured(port);
    expect(await contexts.reload()).toBe(false);

    await writePair(join(files.certFile, '..'), await issue('new.test'));
    expect(await contexts.reload()).toBe(true);

    expect(await shown(port)).toBe('DNS:new.test');
    expect(await shown(port, 'new.test')).toBe('DNS:new.test');
    open.write('still here');
    expect(String(await once(open, 'data'))).toBe('still here');
    expect((await secured(port)).alpnProtocol).toBe('h2');
    expect(contexts.certificates.map(each => each.names)).toEqual([['new.test']]);
  });

  test('a session of before the reload still resumes', async () => {
    const files = await writePair(await scratch(cleanup), await issue('a.test'));
    const contexts = await SecureContexts.load({ certificates: [files] });
    const { port } = await echoListener(cleanup, { contexts });
    const socket = connect({ port, rejectUnauthorized: false, servername: 'a.test' });
    const [session] = (await once(socket, 'session')) as [Buffer];
    socket.destroy();
    await writePair(join(files.certFile, '..'), await issue('a.test'));
    await contexts.reload();
    const again = connect({ port, rejectUnauthorized: false, servername: 'a.test', session });
    await once(again, 'secureConnect');
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
  });

  test('a broken file changes nothing and says why', async () => {
    const files = await writePair(await scratch(cleanup), await issue('old.test'));
    const contexts = await SecureContexts.load({ certificates: [files] });
    const { port } = await echoListener(cleanup, { contexts });
    await writeFile(files.keyFile, (await issue('other.test')).key);
    await expect(contexts.reload()).rejects.toMatchObject({ code: 'certificate' });
    expect(await shown(port)).toBe('DNS:old.test');
  });

  test('watch sees a replaced file, keeps serving through a half-replaced pair, and reports one that stays broken', async () => {
    const directory = await scratch(cleanup);
    const files = await writePair(directory, await issue('old.test'));
    const warnings: CertificateWarning[] = [];
    const contexts = await SecureContexts.load({ certificates: [files], onWarning: each => warnings.push(each) });
    cleanup.add(contexts.watch(50));

    const next = await issue('new.test');
    await writeFile(`${files.certFile}.new`, next.cert);
    await rename(`${files.certFile}.new`, files.certFile);
    await until(() => warnings.length > 0);
    expect(warnings).toMatchObject([
      { kind: 'reload-failed', message: expect.stringContaining('another certificate') },
    ]);
    expect(contexts.certificates[0]?.names).toEqual(['old.test']);

    await writeFile(files.keyFile, next.key);
    await until(() => contexts.certificates[0]?.names[0] === 'new.test');
    expect(warnings).toHaveLength(1);
  });

  test('client authorities are reloaded too', async () => {
    const ca = await sharedCa();
    const clientCaFile = join(await scratch(cleanup), 'clients.pem');
    await writeFile(clientCaFile, ca.rootCertificate);
    const contexts = await SecureContexts.load({ certificates: [await issue('a.test')], clientCaFile });
    expect(contexts.acceptsClientCertificates).toBe(true);
    await writeFile(clientCaFile, `${ca.rootCertificate}\n`);
    expect(await contexts.reload()).toBe(true);
  });
});

describe('warnings', () => {
  async function at(days: number, warnBeforeDays?: number) {
    const pair = await issue('a.test');
    const { certificates } = await SecureContexts.load({ certificates: [pair] });
    const warnings: CertificateWarning[] = [];
    await SecureContexts.load({
      certificates: [pair],
      now: () => certificates[0]!.notAfter - days * DAY_MS,
      onWarning: each => warnings.push(each),
      ...(warnBeforeDays === undefined ? {} : { warnBeforeDays }),
    });
    return warnings.map(each => each.kind);
  }

  test.each([
    ['long before', 15, []],
    ['exactly at the limit', 14, []],
    ['below the limit', 13.9, ['expires-soon']],
    ['on the last second', 1 / 86_400, ['expires-soon']],
    ['at the end', 0, ['expired']],
    ['before it began', 100, ['not-yet-valid']],
  ])('%s', async (_when, days, kinds) => {
    expect(await at(days)).toEqual(kinds);
  });

  test('the limit can be moved', async () => {
    expect(await at(20, 30)).toEqual(['expires-soon']);
    expect(await at(1, 0)).toEqual([]);
  });

  test('the sentence names the file, the names and the date', async () => {
    const files = await writePair(await scratch(cleanup), await issue('a.test', 'b.test'));
    const [warning] = (await SecureContexts.load({ certificates: [files], now: () => Date.now() + 89 * DAY_MS }))
      .warnings;
    expect(warning?.message).toMatch(
      /cert\.pem for a\.test, b\.test expires on \d{4}-\d\d-\d\d, in less than a day; renew it/,
    );
  });

  test('a certificate that ages while it is watched is reported, once', async () => {
    let time = Date.now();
    const warnings: string[] = [];
    const contexts = await SecureContexts.load({
      certificates: [await issue('a.test')],
      now: () => time,
      onWarning: each => warnings.push(each.kind),
    });
    cleanup.add(contexts.watch(50));
    time += 80 * DAY_MS;
    await until(() => warnings.length === 1);
    time += 20 * DAY_MS;
    await until(() => warnings.length === 2);
    expect(warnings).toEqual(['expires-soon', 'expired']);
  });

  test('a certificate for an address only has no name to be selected by', async () => {
    const contexts = await SecureContexts.load({ certificates: [await issue('127.0.0.1')] });
    expect(contexts.warnings.map(each => each.kind)).toEqual(['no-names']);
  });
});

describe('names', () => {
  test.each([
    ['example.com', true],
    ['*.example.com', true],
    ['xn--bcher-kva.example', true],
    ['_acme.example', true],
    ['*', false],
    ['a.*.com', false],
    ['*.*.com', false],
    ['f*o.com', false],
    ['-a.com', false],
    ['a..com', false],
    ['a.com/', false],
    ['127.0.0.1', false],
    ['::1', false],
    [`${'a'.repeat(64)}.com`, false],
    [`${'a.'.repeat(130)}com`, false],
  ])('isDnsName %s: %s', (name, valid) => {
    expect(isDnsName(name, true)).toBe(valid);
  });

  test('dnsNamesOf takes DNS names only and lowers them', () => {
    expect(dnsNamesOf('DNS:A.test, IP Address:127.0.0.1, DNS:*.b.test, URI:http://x, DNS:"a\\u002c b"')).toEqual([
      'a.test',
      '*.b.test',
    ]);
    expect(dnsNamesOf(undefined)).toEqual([]);
  });

  test('the first entry for a name keeps it', () => {
    const table = new NameTable<number>();
    table.add('a.test', 1);
    table.add('a.test', 2);
    expect(table.find('a.test')).toBe(1);
  });
});
