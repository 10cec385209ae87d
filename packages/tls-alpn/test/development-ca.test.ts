import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { CERTIFICATE_FILE, DevelopmentCa, defaultCaDirectory, KEY_FILE, type NameConstraints } from '../src/index.ts';
import { mint } from '../src/mint.ts';
import { Cleanup, copyOfSharedCa, hasPeer, run, scratch, sharedCa } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const DAY_MS = 86_400_000;
const posix = process.platform !== 'win32';

describe('the root', () => {
  test('is RSA 3072, an authority without intermediates, with critical name constraints', async () => {
    const ca = await sharedCa();
    const root = new X509Certificate(ca.rootCertificate);
    expect(root.ca).toBe(true);
    expect(root.publicKey.asymmetricKeyType).toBe('rsa');
    expect(root.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
    expect(root.verify(root.publicKey)).toBe(true);
    expect(ca.fingerprint256).toBe(root.fingerprint256);
    expect(ca.notAfter).toBe(Date.parse(root.validTo));
  });

  test.skipIf(!hasPeer('openssl'))('reads as intended to OpenSSL', async () => {
    const ca = await sharedCa();
    const { output } = await run('openssl', ['x509', '-in', ca.rootCertificatePath, '-noout', '-text']);
    expect(output).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(output).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(output).toMatch(/Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+DNS:test\s/);
    expect(output).toContain('IP:127.0.0.0/255.0.0.0');
    expect(output).toContain('IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF');
    expect(output).toContain('sha256WithRSAEncryption');
  });

  test('is made once and opened afterwards', async () => {
    const directory = await scratch(cleanup);
    const first = await DevelopmentCa.open({ directory });
    const second = await DevelopmentCa.open({ directory });
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.fingerprint256).toBe(first.fingerprint256);
    expect(second.permitted).toEqual(first.permitted);
    expect((await readdir(directory)).sort()).toEqual([KEY_FILE, CERTIFICATE_FILE]);
  });

  test('processes that open it at the same time end with the same root', async () => {
    const directory = await scratch(cleanup);
    const all = await Promise.all([1, 2].map(() => DevelopmentCa.open({ directory })));
    expect(new Set(all.map(ca => ca.fingerprint256)).size).toBe(1);
    expect(all.filter(ca => ca.created)).toHaveLength(1);
    expect((await readdir(directory)).sort()).toEqual([KEY_FILE, CERTIFICATE_FILE]);
    // And its leaves verify against the exported certificate.
    const root = new X509Certificate(await readFile(all[1]!.rootCertificatePath));
    for (const ca of all) {
      const { cert } = await ca.issue({ names: ['a.test'] });
      expect(new X509Certificate(cert).verify(root.publicKey)).toBe(true);
    }
  });

  test('an expired one is replaced', async () => {
    const directory = await scratch(cleanup);
    const old = await DevelopmentCa.open({ directory, now: () => Date.now() - 4000 * DAY_MS });
    const next = await DevelopmentCa.open({ directory });
    expect(next.created).toBe(true);
    expect(next.fingerprint256).not.toBe(old.fingerprint256);
    expect(await readFile(next.rootCertificatePath, 'utf8')).toBe(next.rootCertificate);
  });

  test('a lost public file is written again', async () => {
    const directory = await copyOfSharedCa(cleanup);
    const ca = await sharedCa();
    await writeFile(join(directory, CERTIFICATE_FILE), 'garbage');
    const again = await DevelopmentCa.open({ directory });
    expect(await readFile(again.rootCertificatePath, 'utf8')).toBe(ca.rootCertificate);
  });
});

describe('files', () => {
  test.runIf(posix)('the key has mode 0600 and its directory 0700, whatever the umask', async () => {
    const directory = join(await scratch(cleanup), 'new', 'glassway');
    await DevelopmentCa.open({ directory });
    expect((await stat(join(directory, KEY_FILE))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  test('the public file holds no key', async () => {
    const ca = await sharedCa();
    expect(await readFile(ca.rootCertificatePath, 'utf8')).toBe(ca.rootCertificate);
    expect(ca.rootCertificate).not.toContain('PRIVATE');
  });

  test.runIf(posix).each([0o640, 0o604, 0o660])('a key with mode %o is refused', async mode => {
    const directory = await copyOfSharedCa(cleanup);
    await chmod(join(directory, KEY_FILE), mode);
    await expect(DevelopmentCa.open({ directory })).rejects.toMatchObject({
      code: 'permission',
      message: expect.stringMatching(new RegExp(`mode ${mode.toString(8)}.*chmod 600`)),
    });
  });

  test.each(['', 'garbage', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])(
    'a damaged key file is refused, not replaced: %j',
    async text => {
      const directory = await scratch(cleanup);
      await writeFile(join(directory, KEY_FILE), text, { mode: 0o600 });
      await expect(DevelopmentCa.open({ directory })).rejects.toMatchObject({ code: 'certificate' });
      expect(await readFile(join(directory, KEY_FILE), 'utf8')).toBe(text);
    },
  );

  test('the key of one root with the certificate of another is refused', async () => {
    const [one, two] = [await copyOfSharedCa(cleanup), await scratch(cleanup)];
    const other = await DevelopmentCa.open({ directory: two });
    const text = await readFile(join(one, KEY_FILE), 'utf8');
    const mixed = text.replace(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/, other.rootCertificate);
    await writeFile(join(one, KEY_FILE), mixed, { mode: 0o600 });
    await expect(DevelopmentCa.open({ directory: one })).rejects.toMatchObject({ code: 'certificate' });
  });

  test('a directory that cannot be made is an error', async () => {
    const parent = await scratch(cleanup);
    await writeFile(join(parent, 'file'), '');
    await expect(DevelopmentCa.open({ directory: join(parent, 'file', 'sub') })).rejects.toThrow();
  });

  test.each<[NodeJS.Platform, Record<string, string>, string]>([
    ['linux', { HOME: '/home/ada' }, '/home/ada/.local/share/glassway'],
    ['linux', { HOME: '/home/ada', XDG_DATA_HOME: '/data' }, '/data/glassway'],
    ['linux', { HOME: '/home/ada', XDG_DATA_HOME: 'relative' }, '/home/ada/.local/share/glassway'],
    ['linux', {}, join(homedir(), '.local', 'share', 'glassway')],
    ['darwin', { HOME: '/Users/ada' }, '/Users/ada/Library/Application Support/glassway'],
    ['win32', { LOCALAPPDATA: '/AppData/Local' }, '/AppData/Local/glassway'],
  ])('default directory on %s with %j', (platform, env, expected) => {
    expect(defaultCaDirectory(env, platform)).toBe(expected);
  });
});

describe('leaves', () => {
  test('ECDSA P-256, 90 days, for servers, with the names asked for', async () => {
    const ca = await sharedCa();
    const { cert, key } = await ca.issue({ names: ['App.test', '*.app.test', '127.0.0.1', '::1'] });
    const leaf = new X509Certificate(cert);
    expect(leaf.subjectAltName).toBe('DNS:app.test, DNS:*.app.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    const days = (Date.parse(leaf.validTo) - Date.now()) / DAY_MS;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThanOrEqual(90);
    expect(Date.parse(leaf.validFrom)).toBeLessThan(Date.now() - 60_000);
    expect(key.toString()).toContain('BEGIN PRIVATE KEY');
    expect(leaf.checkIssued(new X509Certificate(ca.rootCertificate))).toBe(true);
  });

  test('never outlive the root', async () => {
    const directory = await copyOfSharedCa(cleanup);
    const ca = await sharedCa();
    const late = await DevelopmentCa.open({ directory, now: () => ca.notAfter - DAY_MS });
    const leaf = new X509Certificate((await late.issue({ names: ['a.test'] })).cert);
    expect(Date.parse(leaf.validTo)).toBe(ca.notAfter);
  });

  test('serial numbers are positive, differ, and have at most 20 octets (RFC 5280 4.1.2.2)', async () => {
    const ca = await sharedCa();
    const leaves = await Promise.all([1, 2, 3, 4].map(() => ca.issue({ names: ['a.test'] })));
    const serials = leaves.map(({ cert }) => new X509Certificate(cert).serialNumber);
    expect(new Set(serials).size).toBe(4);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test.skipIf(!hasPeer('openssl'))('OpenSSL verifies them, and refuses one outside the name constraints', async () => {
    const directory = await scratch(cleanup);
    const ca = await sharedCa();
    const verify = async (cert: string | Buffer, ...extra: string[]) => {
      const path = join(directory, 'leaf.pem');
      await writeFile(path, cert);
      return (await run('openssl', ['verify', '-x509_strict', ...extra, '-CAfile', ca.rootCertificatePath, path]))
        .output;
    };
    const server = await ca.issue({ names: ['localhost', '*.app.test', '127.0.0.1', '::1'] });
    expect(await verify(server.cert, '-purpose', 'sslserver', '-verify_hostname', 'x.app.test')).toContain(': OK');
    expect(await verify(server.cert, '-purpose', 'sslserver', '-verify_ip', '127.0.0.1')).toContain(': OK');
    expect(await verify(server.cert, '-purpose', 'sslserver', '-verify_ip', '::1')).toContain(': OK');
    const client = await ca.issueClient('ada');
    expect(await verify(client.cert, '-purpose', 'sslclient')).toContain(': OK');
    expect(await verify(client.cert, '-purpose', 'sslserver')).not.toContain(': OK');

    // What a thief of the key could sign for.
    const privateKey = createPrivateKey(await readFile(join(ca.directory, KEY_FILE)));
    const commonName = /^CN=(.+)$/m.exec(new X509Certificate(ca.rootCertificate).subject)![1]!;
    for (const name of ['bank.example', 'nottest', '10.0.0.1', '2001:db8::1']) {
      const stolen = await mint(
        {
          commonName: 'thief',
          publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
          notBefore: Date.now() - DAY_MS,
          notAfter: Date.now() + DAY_MS,
          purpose: { kind: 'server', names: [name] },
        },
        { commonName, privateKey },
      );
      expect(await verify(stolen), name).toContain('permitted subtree violation');
    }
  });

  test.each(['bank.example', 'localhost.example', 'nottest', '10.0.0.1', '*.example', '', 'a b.test'])(
    'issue refuses %j with the permitted names in the message',
    async name => {
      const ca = await sharedCa();
      expect(ca.permits(name)).toBe(false);
      await expect(ca.issue({ names: ['ok.test', name] })).rejects.toMatchObject({
        code: 'name-not-permitted',
        message: expect.stringContaining('*.localhost'),
      });
    },
  );

  test.each([[{ names: [] }], [{ names: ['a.test'], days: 0 }], [{ names: ['a.test'], days: 398 }]])(
    'issue refuses %j',
    async options => {
      await expect((await sharedCa()).issue(options)).rejects.toMatchObject({ code: 'option' });
    },
  );
});

describe('credentialsFor', () => {
  test('makes one certificate per name, also when asked twice at once', async () => {
    const ca = await sharedCa();
    const [a, b] = await Promise.all([ca.credentialsFor('one.test'), ca.credentialsFor('ONE.test.')]);
    expect(a).not.toBeNull();
    expect(a).toBe(b);
    expect(await ca.credentialsFor('one.test')).toBe(a);
    expect(await ca.credentialsFor('two.test')).not.toBe(a);
  });

  test('null for a name outside the constraints', async () => {
    expect(await (await sharedCa()).credentialsFor('bank.example')).toBeNull();
  });

  test('renews two thirds into the validity', async () => {
    let time = Date.now();
    const ca = await DevelopmentCa.open({ directory: await copyOfSharedCa(cleanup), now: () => time });
    const first = await ca.credentialsFor('a.test');
    time += 59 * DAY_MS;
    expect(await ca.credentialsFor('a.test')).toBe(first);
    time += 2 * DAY_MS;
    expect(await ca.credentialsFor('a.test')).not.toBe(first);
  });

  test('keeps a bounded number of them: the one used longest ago goes', async () => {
    const ca = await sharedCa();
    const first = await ca.credentialsFor('first.test');
    for (let i = 0; i < 128; i++) await ca.credentialsFor(`n${i}.test`);
    expect(await ca.credentialsFor('first.test')).not.toBe(first);
  });
});

describe('permitted', () => {
  test('other names and networks', async () => {
    const permitted: NameConstraints = { dns: ['corp.example'], ip: ['10.0.0.0/9', 'fd00::/8'] };
    const ca = await DevelopmentCa.open({ directory: await scratch(cleanup), permitted });
    const verdicts = ['a.corp.example', 'corp.example', 'localhost', '10.127.1.1', '10.128.0.1', 'fd12::1', 'fe80::1'];
    expect(verdicts.map(name => ca.permits(name))).toEqual([true, true, false, true, false, true, false]);
    if (!hasPeer('openssl')) return;
    const { output } = await run('openssl', ['x509', '-in', ca.rootCertificatePath, '-noout', '-text']);
    expect(output).toContain('IP:10.0.0.0/255.128.0.0');
    expect(output).toContain('IP:FD00:0:0:0:0:0:0:0/FF00:0:0:0:0:0:0:0');
  });

  test('cannot be changed under an existing root', async () => {
    const directory = await scratch(cleanup);
    const permitted = { dns: ['test'], ip: ['127.0.0.0/8'] };
    await DevelopmentCa.open({ directory, permitted });
    await DevelopmentCa.open({ directory, permitted });
    const other = DevelopmentCa.open({ directory, permitted: { ...permitted, dns: ['test', 'com'] } });
    await expect(other).rejects.toMatchObject({ code: 'option', message: expect.stringContaining(directory) });
  });

  test.each<NameConstraints>([
    { dns: [], ip: ['127.0.0.0/8'] },
    { dns: ['test'], ip: [] },
    { dns: ['TEST'], ip: ['127.0.0.0/8'] },
    { dns: ['*.test'], ip: ['127.0.0.0/8'] },
    { dns: ['test'], ip: ['127.0.0.1'] },
    { dns: ['test'], ip: ['127.0.0.0/33'] },
    { dns: ['test'], ip: ['nowhere/8'] },
  ])('%j is refused', async permitted => {
    const directory = await scratch(cleanup);
    await mkdir(directory, { recursive: true });
    await expect(DevelopmentCa.open({ directory, permitted })).rejects.toMatchObject({ code: 'option' });
    expect(await readdir(directory)).toEqual([]);
  });
});
